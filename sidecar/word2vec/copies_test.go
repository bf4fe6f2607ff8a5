package word2vec

import (
	"math"
	"slices"
	"sync"
	"testing"
)

// skipGram is a model with copies, of a vocabulary sorted by frequency.
func skipGram(t *testing.T, words int) *Model {
	settings := defaults()
	settings.Sg, settings.Hs, settings.Negative = true, false, 5
	counts := make([]uint64, words)
	for i := range counts {
		counts[i] = 1 + 1_000_000/uint64(i+1)
	}
	return newModel(t, settings, counts)
}

func TestWhatAllCopiesHaveLearntIsAddedToTheRows(t *testing.T) {
	m := skipGram(t, 1000)
	rows := trainedRows(m, 1000)
	before := rows.clone()
	copies := m.NewCopies(3)
	defer copies.Close()
	for slice := range 2 { // the second in the same memory
		copies.Begin(rows)
		if copies.Count() != 3 || copies.Of(0).Rows() != rows || copies.Of(1).Rows() == rows || copies.Of(2).Rows() == copies.Of(1).Rows() || copies.Of(40) != copies.Of(0) || copies.Of(50) != copies.Of(1) {
			t.Fatal("caches do not have a copy each, the first the rows themselves")
		}
		for cache := range 3 {
			own := copies.Of(cache).Rows()
			for _, floats := range [][]float32{own.Syn0, own.Syn1neg} {
				for i := range floats {
					if i%(2+cache) == 0 {
						floats[i] += 0.25
					}
				}
			}
		}
		copies.End()
		for name, floats := range before.all() {
			for i, was := range floats {
				want := was
				for cache := range 3 {
					if i%(2+cache) == 0 {
						want += 0.25 * float32(1+slice)
					}
				}
				if got := rows.all()[name][i]; math.Abs(float64(got-want)) > 1e-6 {
					t.Fatalf("slice %d: %s[%d] is %v, not %v", slice, name, i, got, want)
				}
			}
		}
		if !slices.Equal(copies.Of(2).Rows().Syn0, rows.Syn0) {
			t.Error("the last copy is not the rows")
		}
	}
	if want := m.CopyBytes(3); copies.Bytes() != want {
		t.Errorf("%d bytes, said to be %d", copies.Bytes(), want)
	}
	copies.Close()
	if copies.Bytes() != 0 {
		t.Errorf("%d bytes after Close", copies.Bytes())
	}
}

func TestFrequentWordsAreCombinedOftenAndRareOnesSeldom(t *testing.T) {
	m := skipGram(t, 1000)
	rows := startRows(m, 1000)
	copies := m.NewCopies(2)
	defer copies.Close()
	copies.Begin(rows)
	copies.Of(0)
	own := copies.Of(1)
	occurs, _ := m.rates()
	turns := make([]int, 1000)
	const words = 200_000
	for range words / leastTrained {
		for word := range turns {
			own.rows.Syn0[word*rows.Stride]++
		}
		before := slices.Clone(rows.Syn0)
		own.tell(leastTrained)
		for word := range turns {
			at := word * rows.Stride
			if rows.Syn0[at] != before[at] {
				turns[word]++
			}
			if rows.Syn0[at] != before[at] && rows.Syn0[at] != own.rows.Syn0[at] {
				t.Fatalf("word %d: combined, the row is %v and the copy %v", word, rows.Syn0[at], own.rows.Syn0[at])
			}
		}
	}
	for word, n := range turns {
		// often enough that it has occurred contextTurns times at most in between, and not much more often than that
		least := float64(words) * occurs[word] / contextTurns
		if asked := float64(words / leastTrained); float64(n) < math.Floor(min(asked/2, least*0.9))-1 || float64(n) > 1+least*bandRatio*bandRatio {
			t.Errorf("word %d occurs %.1f times and was combined %d times", word, float64(words)*occurs[word], n)
		}
	}
	if turns[0] < 15*turns[999] {
		t.Errorf("the first word was combined %d times, the last %d times", turns[0], turns[999])
	}
}

func TestRatesAreThoseOfTheText(t *testing.T) {
	records, counts := zipfText(200, 400, 30)
	settings := defaults()
	settings.Sg, settings.Hs, settings.Negative, settings.Sample = true, false, 5, 1e-2
	m := newModel(t, settings, counts)
	occurs, predicted := m.rates()
	var s Scratch
	words := 0.0
	kept, outs := make([]float64, 200), make([]float64, 200)
	for _, rec := range records {
		m.choose(rec, &s)
		words += float64(len(rec.Tokens))
		for _, word := range s.kept {
			kept[word]++
		}
		for _, word := range s.outs {
			outs[word]++
		}
	}
	for word := range 5 {
		if got, want := kept[word]/words, occurs[word]; math.Abs(got-want) > 0.1*want {
			t.Errorf("word %d: occurs %.4f times a word, said to be %.4f", word, got, want)
		}
		if got, want := outs[word]/words, predicted[word]; math.Abs(got-want) > 0.1*want {
			t.Errorf("word %d: predicted %.4f times a word, said to be %.4f", word, got, want)
		}
	}
}

func TestBandsAreAllRowsOnceAndOfLikeRates(t *testing.T) {
	for name, rates := range map[string][]float64{
		"falling": {9, 8, 7, 3, 2.9, 1, 1e-9, 1e-9, 0, 0}, "rising": {0, 1e-300, 1, 2, 4, 4.1}, "one": {1}, "none": {},
	} {
		at := 0
		for _, band := range bands(rates, 8) {
			if band.from != at || band.to <= band.from {
				t.Fatalf("%s: a band of rows [%d, %d) at %d", name, band.from, band.to, at)
			}
			for _, rate := range rates[band.from:band.to] {
				if rate*float64(band.every) > 8.001 {
					t.Errorf("%s: a row of rate %g is combined every %d words", name, rate, band.every)
				}
			}
			at = band.to
		}
		if at != len(rates) {
			t.Errorf("%s: bands end at %d of %d", name, at, len(rates))
		}
	}
}

func TestThereAreNoCopiesWhereTheyWouldNotBeRight(t *testing.T) {
	sorted := skipGram(t, 100).counts
	for name, change := range map[string]func(s *Settings) []uint64{
		"one cache":           func(*Settings) []uint64 { return sorted },
		"hierarchical":        func(s *Settings) []uint64 { s.Hs = true; return sorted },
		"no negatives":        func(s *Settings) []uint64 { s.Hs, s.Negative = true, 0; return sorted },
		"unsorted vocabulary": func(*Settings) []uint64 { return slices.Repeat([]uint64{5, 5_000_000, 100}, 500) },
	} {
		settings := defaults()
		settings.Sg, settings.Hs, settings.Negative = true, false, 5
		caches := 2
		if name == "one cache" {
			caches = 1
		}
		counts := change(&settings)
		m := newModel(t, settings, counts)
		rows := startRows(m, len(counts))
		copies := m.NewCopies(caches)
		copies.Begin(rows)
		if copies.Count() != 1 || copies.Of(7).Rows() != rows || copies.Bytes() != 0 {
			t.Errorf("%s: %d copies", name, copies.Count())
		}
		copies.Of(0).tell(1 << 40)
		copies.End()
	}
	if n := skipGram(t, 100).NewCopies(1000).Count(); n != MostCopies {
		t.Errorf("%d copies for 1000 caches", n)
	}
}

func TestThreadsOnCopiesLearnTogether(t *testing.T) {
	records, counts := topicCorpus(3000)
	settings := defaults()
	settings.Sg, settings.Hs, settings.Negative, settings.Sample = true, false, 5, 0
	m := newModel(t, settings, counts)
	rows := startRows(m, len(counts))
	copies := m.NewCopies(3)
	defer copies.Close()
	for epoch := range 8 {
		copies.Begin(rows)
		var wait sync.WaitGroup
		for thread := range 4 {
			wait.Go(func() {
				trainer := NewTrainer(m)
				for i := thread; i < len(records); i += 4 {
					rec := records[i]
					rec.Epoch = uint32(epoch)
					copies.Of(thread).Train(trainer, rec, 0.05) // two threads have one together
				}
			})
		}
		wait.Wait()
		copies.End()
	}
	if within, across := topicCosines(rows); !(within-across > 0.3) {
		t.Errorf("mean cosine within topics %.2f, across %.2f", within, across)
	}
}
