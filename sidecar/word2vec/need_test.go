package word2vec

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// anyTraining draws a small model, rows in the middle of their training, and records.
func anyTraining(t *rapid.T) (m *Model, rows *Matrices, records []Record) {
	words := rapid.IntRange(1, 60).Draw(t, "words")
	settings := Settings{
		VectorSize: rapid.IntRange(1, 70).Draw(t, "vector_size"), Window: rapid.IntRange(1, 40).Draw(t, "window"), Negative: rapid.IntRange(1, 15).Draw(t, "negative"),
		Sample: rapid.SampledFrom([]float64{0, 1e-3, 0.05}).Draw(t, "sample"), NsExponent: 0.75, Alpha: 0.05, Epochs: 1,
		Seed: rapid.Uint64().Draw(t, "seed"), ShrinkWindows: rapid.Bool().Draw(t, "shrink_windows"),
	}
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

func needOf(m *Model, records []Record, words int) (syn0, syn1neg *KeySet) {
	syn0, syn1neg = NewKeySet(words), NewKeySet(words)
	var scratch Scratch
	for _, rec := range records {
		m.Need(rec, &scratch, syn0, syn1neg)
	}
	return syn0, syn1neg
}

func TestNeedNamesTheRowsThatTrainReadsAndChangesAndNoOthers(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, rows, records := anyTraining(t)
			words := len(rows.Syn0) / rows.Stride
			need0, need1 := needOf(m, records, words)
			poison := func(row []float32) { // what reads such a row becomes NaN itself
				for i := range row {
					row[i] = float32(math.NaN())
				}
			}
			for w := range words {
				if !need0.Has(uint32(w)) {
					poison(rows.row0(w))
				}
				if !need1.Has(uint32(w)) {
					poison(rows.row1(w))
				}
			}
			before := rows.clone()
			trainer := NewTrainer(m)
			for _, rec := range records {
				trainer.Train(rec, rows, 0.05)
			}
			for w := range words {
				checkTouched(t, "syn0", w, need0.Has(uint32(w)), before.row0(w), rows.row0(w))
				checkTouched(t, "syn1neg", w, need1.Has(uint32(w)), before.row1(w), rows.row1(w))
			}
		})
	})
}

func checkTouched(t *rapid.T, name string, word int, needed bool, before, after []float32) {
	for i, v := range after {
		if isNaN := v != v; isNaN == needed {
			t.Fatalf("%s[%d][%d] is %v, needed: %v", name, word, i, v, needed)
		}
	}
	if needed && slices.Equal(before, after) {
		t.Fatalf("%s[%d] was needed and did not change", name, word)
	}
}

func TestTrainingOnTheNeededRowsAloneEqualsTrainingOnAllBitForBit(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, whole, records := anyTraining(t)
			words := len(whole.Syn0) / whole.Stride
			need0, need1 := needOf(m, records, words)
			part := &Matrices{Stride: whole.Stride}
			part.Syn0, part.Slot0 = pick(whole.row0, need0, words)
			part.Syn1neg, part.Slot1 = pick(whole.row1, need1, words)
			one, other := NewTrainer(m), NewTrainer(m)
			for _, rec := range records {
				one.Train(rec, whole, 0.05)
				other.Train(rec, part, 0.05)
			}
			for _, key := range need0.Keys() {
				if !slices.Equal(whole.row0(int(key)), part.row0(int(part.Slot0[key]))) {
					t.Fatalf("syn0[%d] differs", key)
				}
			}
			for _, key := range need1.Keys() {
				if !slices.Equal(whole.row1(int(key)), part.row1(int(part.Slot1[key]))) {
					t.Fatalf("syn1neg[%d] differs", key)
				}
			}
			if a, b := one.Stats(), other.Stats(); a != b {
				t.Fatalf("figures %+v and %+v", a, b)
			}
		})
	})
}

// pick copies the rows of a set and maps the keys to their new places.
func pick(row func(int) []float32, keys *KeySet, words int) (rows []float32, slots []int32) {
	slots = make([]int32, words)
	for i := range slots {
		slots[i] = -1
	}
	for i, key := range keys.Keys() {
		slots[key] = int32(i)
		rows = append(rows, row(int(key))...)
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
