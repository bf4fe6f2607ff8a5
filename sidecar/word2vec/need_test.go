package word2vec

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"deepdist/internal/vec"
)

// anyTraining draws a small model, rows in the middle of their training, and records.
func anyTraining(t *rapid.T) (m *Model, rows *Matrices, records []Record) {
	words := rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(200, 400)).Draw(t, "words") // among many, the words of a window differ
	settings := Settings{
		VectorSize: rapid.IntRange(1, 70).Draw(t, "vector_size"), Window: rapid.IntRange(1, 40).Draw(t, "window"), Negative: rapid.OneOf(rapid.Just(vec.MaxOuts-1), rapid.IntRange(0, 15)).Draw(t, "negative"),
		Sg: rapid.Bool().Draw(t, "sg"), CbowMean: rapid.Bool().Draw(t, "cbow_mean"), Hs: rapid.IntRange(0, 3).Draw(t, "hs") == 3,
		Sample: rapid.SampledFrom([]float64{0, 1e-3, 0.05}).Draw(t, "sample"), NsExponent: 0.75, Alpha: 0.05, Epochs: 1,
		Seed: rapid.Uint64().Draw(t, "seed"), ShrinkWindows: rapid.Bool().Draw(t, "shrink_windows"),
	}
	if words == 1 {
		settings.Negative++ // a tree of one leaf teaches nothing
	}
	settings.Hs = settings.Hs || settings.Negative == 0
	counts := make([]uint64, words)
	for i := range counts {
		counts[i] = 1 + 1000/uint64(i+1)
	}
	m, err := New(settings, counts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rapid.IntRange(1, 8).Draw(t, "records") {
		tokens := rapid.SliceOfN(rapid.Uint32Range(0, uint32(words-1)), 0, 90).Draw(t, fmt.Sprint("record ", i))
		records = append(records, Record{Epoch: rapid.Uint32Range(0, 9).Draw(t, "epoch"), Partition: rapid.Uint32().Draw(t, "partition"), Index: uint64(i), Tokens: tokens})
	}
	return m, trainedRows(m, words), records
}

func needOf(m *Model, records []Record) *Needed {
	needed := m.NewNeeded()
	var scratch Scratch
	for _, rec := range records {
		m.Need(rec, &scratch, needed)
	}
	return needed
}

func TestNeedNamesTheRowsThatTrainReadsAndChangesAndNoOthers(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, rows, records := anyTraining(t)
			needed := needOf(m, records)
			for name, floats := range rows.all() {
				for i := range floats { // what reads such a row becomes NaN itself
					if !needed.Of(name).Has(uint32(i / rows.Stride)) {
						floats[i] = float32(math.NaN())
					}
				}
			}
			before := rows.clone()
			trainer := NewTrainer(m)
			for _, rec := range records {
				trainer.Train(rec, rows, 0.05)
			}
			now := rows.all()
			saturates := !m.settings.Sg && !m.settings.CbowMean // a sum of 80 rows may leave so little error that an addition changes nothing
			for name, floats := range before.all() {
				for row := range len(floats) / rows.Stride {
					at := row * rows.Stride
					checkTouched(t, name, row, needed.Of(name).Has(uint32(row)), floats[at:][:rows.Stride], now[name][at:][:rows.Stride], saturates)
				}
			}
		})
	})
}

func checkTouched(t *rapid.T, name string, word int, needed bool, before, after []float32, saturates bool) {
	for i, v := range after {
		if isNaN := v != v; isNaN == needed {
			t.Fatalf("%s[%d][%d] is %v, needed: %v", name, word, i, v, needed)
		}
	}
	if needed && !saturates && slices.Equal(before, after) {
		t.Fatalf("%s[%d] was needed and did not change", name, word)
	}
}

func TestTrainingOnTheNeededRowsAloneEqualsTrainingOnAllBitForBit(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, whole, records := anyTraining(t)
			needed := needOf(m, records)
			part := &Matrices{Stride: whole.Stride}
			for _, matrix := range m.settings.Matrices(m.words) {
				rows, slots := pick(whole.all()[matrix.Name], needed.Of(matrix.Name), matrix.Rows, whole.Stride)
				part.Put(matrix.Name, rows, slots)
			}
			one, other := NewTrainer(m), NewTrainer(m)
			for _, rec := range records {
				one.Train(rec, whole, 0.05)
				other.Train(rec, part, 0.05)
			}
			for _, matrix := range m.settings.Matrices(m.words) {
				want, _ := pick(whole.all()[matrix.Name], needed.Of(matrix.Name), matrix.Rows, whole.Stride)
				if !slices.Equal(want, part.all()[matrix.Name]) {
					t.Fatalf("%s differs", matrix.Name)
				}
			}
			if a, b := one.Stats(), other.Stats(); a != b {
				t.Fatalf("figures %+v and %+v", a, b)
			}
		})
	})
}

// pick copies the rows of a set and maps the keys to their new places.
func pick(all []float32, keys *KeySet, size, stride int) (rows []float32, slots []int32) {
	slots = slices.Repeat([]int32{-1}, size)
	for i, key := range keys.Keys() {
		slots[key] = int32(i)
		rows = append(rows, all[int(key)*stride:][:stride]...)
	}
	return rows, slots
}

func TestAMissingRowIsAPanicThatNamesIt(t *testing.T) {
	m := newModel(t, defaults(), []uint64{5, 5})
	rows := startRows(m, 2)
	rows.Slot0 = []int32{0, -1}
	defer func() {
		if got := recover(); got != "syn0 has no row for key 1" {
			t.Fatalf("recovered %v", got)
		}
	}()
	settings := m.settings
	settings.Sample = 0
	NewTrainer(newModel(t, settings, []uint64{5, 5})).Train(Record{Tokens: []uint32{0, 1}}, rows, 0.05)
}

func TestAKeySetListsItsKeysOnceAndAscending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 300).Draw(t, "size")
		added := rapid.SliceOf(rapid.Uint32Range(0, uint32(size-1))).Draw(t, "added")
		s := NewKeySet(size)
		for _, key := range added {
			s.Add(key)
		}
		slices.Sort(added)
		want := slices.Compact(added)
		if got := s.Keys(); !slices.Equal(got, want) || s.Len() != len(want) {
			t.Fatalf("keys %v, %d of them", got, s.Len())
		}
		s.Reset()
		if s.Len() != 0 || len(s.Keys()) != 0 {
			t.Fatal("Reset left keys")
		}
	})
}
