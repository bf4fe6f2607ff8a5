package word2vec

import (
	"slices"
	"sync"
	"testing"
)

func TestTheSameRecordsGiveTheSameBits(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		records, counts := zipfText(500, 200, 40)
		m := newModel(t, settings, counts)
		one, other := startRows(m, len(counts)), startRows(m, len(counts))
		trainer := NewTrainer(m)
		for _, rec := range records {
			trainer.Train(rec, one, 0.025)
		}
		for _, rec := range records { // a fresh trainer each: nothing of a record lives on in the scratch
			NewTrainer(m).Train(rec, other, 0.025)
		}
		if !one.equal(other) {
			t.Error("two trainings differ")
		}
	})
}

func TestEveryPartOfARecordsPlaceChangesItsChoices(t *testing.T) {
	tokens := make([]uint32, 200)
	for i := range tokens {
		tokens[i] = uint32(i)
	}
	counts := make([]uint64, 200)
	for i := range counts {
		counts[i] = 10
	}
	settings := defaults()
	settings.Sample = 0
	var seen [][]uint32
	for _, place := range []struct {
		seed uint64
		rec  Record
	}{
		{1, Record{}}, {2, Record{}}, {1, Record{Epoch: 1}}, {1, Record{Partition: 1}}, {1, Record{Index: 1}}, {1, Record{Index: 1 << 32}}, {1, Record{Epoch: 1, Partition: 1}},
	} {
		settings.Seed = place.seed
		place.rec.Tokens = tokens
		var s Scratch
		newModel(t, settings, counts).choose(place.rec, &s)
		for _, other := range seen {
			if slices.Equal(s.outs, other) {
				t.Errorf("seed %d, %+v repeats another place's negatives", place.seed, place.rec)
			}
		}
		seen = append(seen, slices.Clone(s.outs))
	}
}

func TestRecordsTooShortForAPairChangeNothing(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		settings.Sample = 0
		m := newModel(t, settings, []uint64{5, 5, 5})
		rows := trainedRows(m, 3)
		before := rows.clone()
		trainer := NewTrainer(m)
		trainer.Train(Record{}, rows, 0.025)
		trainer.Train(Record{Tokens: []uint32{1}}, rows, 0.025)
		if !before.equal(rows) {
			t.Error("rows changed")
		}
		if s := trainer.Stats(); s.Words != 1 || s.Kept != 1 || s.Pairs != 0 {
			t.Errorf("figures %+v", s)
		}
	})
}

func TestTwoWordsAreTwoPairs(t *testing.T) {
	settings := defaults()
	settings.Sample = 0
	m := newModel(t, settings, []uint64{5, 5, 5})
	rows := trainedRows(m, 3)
	trainer := NewTrainer(m)
	trainer.Train(Record{Tokens: []uint32{0, 1}}, rows, 0.025)
	if s := trainer.Stats(); s.Words != 2 || s.Kept != 2 || s.Pairs != 2 {
		t.Errorf("figures %+v", s)
	}
	if s := trainer.Stats(); s != (Stats{}) {
		t.Errorf("figures were not reset: %+v", s)
	}
}

func TestAVocabularyOfOneWordTrains(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		settings.Sample = 0
		m := newModel(t, settings, []uint64{9}) // every negative equals the center and is left out; every context is the center's own word; the tree is a leaf
		rows := trainedRows(m, 1)
		trainer := NewTrainer(m)
		trainer.Train(Record{Tokens: make([]uint32, 50)}, rows, 0.025)
		if s := trainer.Stats(); s.Pairs == 0 || !(s.Loss >= 0) {
			t.Errorf("figures %+v", s)
		}
	})
}

func TestThePaddingOfRowsStaysZero(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		records, counts := zipfText(50, 100, 40)
		for _, size := range []int{1, 15, 17, 20, 33} {
			settings.VectorSize = size
			m := newModel(t, settings, counts)
			rows := trainedRows(m, len(counts))
			trainer := NewTrainer(m)
			for _, rec := range records {
				trainer.Train(rec, rows, 0.025)
			}
			for name, floats := range rows.all() {
				for i, v := range floats {
					if i%rows.Stride >= size && v != 0 {
						t.Fatalf("size %d: padding of row %d of %s holds %v", size, i/rows.Stride, name, v)
					}
				}
			}
		}
	})
}

func TestTrainingAllocatesNothing(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		records, counts := zipfText(500, 50, 60)
		m := newModel(t, settings, counts)
		rows := startRows(m, len(counts))
		trainer := NewTrainer(m)
		all := func() {
			for _, rec := range records {
				trainer.Train(rec, rows, 0.025)
			}
		}
		all()
		if n := testing.AllocsPerRun(5, all); n != 0 {
			t.Errorf("%v allocations for %d records", n, len(records))
		}
	})
}

func TestTrainersShareRowsWithoutSpoilingThem(t *testing.T) {
	eachMode(t, shareRows)
}

func shareRows(t *testing.T, settings Settings) {
	records, counts := topicCorpus(1500)
	settings.Sample = 0
	m := newModel(t, settings, counts)
	rows := startRows(m, len(counts))
	var wait sync.WaitGroup
	for thread := range 4 {
		wait.Go(func() {
			trainer := NewTrainer(m)
			for epoch := range 3 {
				for i := thread; i < len(records); i += 4 {
					rec := records[i]
					rec.Epoch = uint32(epoch)
					trainer.Train(rec, rows, 0.05)
				}
			}
		})
	}
	wait.Wait()
	if within, across := topicCosines(rows); !(within > 0.7 && within-across > 0.2) {
		t.Errorf("mean cosine within topics %.2f, across %.2f", within, across)
	}
}

func TestWindowsOfMoreRowsThanAStepTakesAreTrainedWhole(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		settings.VectorSize, settings.Window, settings.Sample, settings.ShrinkWindows = 20_000, 10, 0, false // three rows to a step
		counts := make([]uint64, 12)
		tokens := make([]uint32, 12)
		for i := range counts {
			counts[i], tokens[i] = 5, uint32(i)
		}
		m := newModel(t, settings, counts)
		rows := trainedRows(m, len(counts))
		before := rows.clone()
		trainer := NewTrainer(m)
		if trainer.rows != 3 {
			t.Fatalf("%d rows to a step", trainer.rows)
		}
		trainer.Train(Record{Tokens: tokens}, rows, 0.001)
		want := uint64(12)
		if settings.Sg {
			want = 12*11 - 2 // all others, but for the two at the ends
		}
		if s := trainer.Stats(); s.Pairs != want {
			t.Errorf("figures %+v", s)
		}
		now := rows.all()
		for name, floats := range before.all() {
			for at := 0; at < len(floats); at += rows.Stride {
				if slices.Equal(floats[at:][:rows.Stride], now[name][at:][:rows.Stride]) {
					t.Errorf("row %d of %s did not change", at/rows.Stride, name)
				}
			}
		}
	})
}
