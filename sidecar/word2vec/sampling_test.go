package word2vec

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"deepdist/internal/vec"
)

// plausible fails if counts like these come from the expected distribution less often than once in 10,000 times (Pearson's chi-square test). Seeds are
// fixed, so a test either always passes or never.
func plausible(t *testing.T, what string, observed, expected []float64) {
	t.Helper()
	chi2 := stat.ChiSquare(observed, expected)
	p := distuv.ChiSquared{K: float64(len(observed) - 1)}.Survival(chi2)
	if !(p > 1e-4) {
		t.Errorf("%s: chi-square %.1f for %d values, p = %.2g", what, chi2, len(observed), p)
	}
}

// Every record has a generator of its own, so the draws of many short records test the seeding as much as the drawing.
func shortRecords(n int, tokens ...uint32) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Epoch: uint32(i % 2), Partition: uint32(i / 2 % 8), Index: uint64(i / 16), Tokens: tokens}
	}
	return records
}

func TestNegativesAreDrawnInProportionToTheirCountsToThePower(t *testing.T) {
	for _, exponent := range []float64{0.75, 1, 0, -0.5} {
		const words, center = 40, 0
		settings := defaults()
		settings.Sample, settings.NsExponent = 0, exponent
		counts := make([]uint64, words)
		for i := range counts {
			counts[i] = 1 + 5000/uint64(i+1)
		}
		model := newModel(t, settings, counts)
		observed, expected := make([]float64, words), make([]float64, words)
		var scratch Scratch
		total := 0.0
		for _, rec := range shortRecords(30_000, center, center) {
			model.choose(rec, &scratch)
			for _, out := range scratch.outs {
				if out != center { // the center itself is left out: the others keep their proportions
					observed[out]++
					total++
				}
			}
		}
		weights := 0.0
		for i := 1; i < words; i++ {
			weights += math.Pow(float64(counts[i]), exponent)
		}
		for i := 1; i < words; i++ {
			expected[i] = total * math.Pow(float64(counts[i]), exponent) / weights
		}
		plausible(t, "negatives", observed[1:], expected[1:])
	}
}

func TestAWordWithoutOccurrencesIsNeverDrawn(t *testing.T) {
	table, err := newNegatives([]uint64{5, 0, 7, 0}, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, drawn := vec.Random(1), make([]uint32, 10_000)
	r.Draw(drawn, table)
	for _, word := range drawn {
		if word%2 == 1 {
			t.Fatalf("drew word %d", word)
		}
	}
}

func TestWindowRadiiAreUniformFromOneToWindow(t *testing.T) {
	settings := defaults()
	settings.Sample = 0
	model := newModel(t, settings, []uint64{1, 1, 1})
	observed, expected := make([]float64, 5), make([]float64, 5)
	pairs, expectedPairs := make([]float64, 25), make([]float64, 25) // the radii of neighbouring records: they must not know of each other
	var scratch Scratch
	const records = 50_000
	last := 0
	for i, rec := range shortRecords(records, 0, 1, 2) {
		model.choose(rec, &scratch)
		for _, radius := range scratch.radius {
			observed[radius-1]++
		}
		first := int(scratch.radius[0] - 1)
		if i%2 == 1 {
			pairs[last*5+first]++
		}
		last = first
	}
	for i := range expected {
		expected[i] = 3 * records / 5
	}
	for i := range expectedPairs {
		expectedPairs[i] = records / 2 / 25
	}
	plausible(t, "radii", observed, expected)
	plausible(t, "radii of two records", pairs, expectedPairs)
}

func TestWithoutShrinkingEveryWindowIsWhole(t *testing.T) {
	settings := defaults()
	settings.ShrinkWindows, settings.Window, settings.Sample = false, 7, 0
	model := newModel(t, settings, []uint64{1, 1})
	var scratch Scratch
	for _, rec := range shortRecords(100, 0, 1) {
		model.choose(rec, &scratch)
		for _, radius := range scratch.radius {
			if radius != 7 {
				t.Fatalf("radius %d", radius)
			}
		}
	}
}

func TestOccurrencesAreKeptWithTheProbabilityOfWord2Vec(t *testing.T) {
	counts := []uint64{60_000, 30_000, 8_000, 1_500, 400, 90, 10}
	settings := defaults()
	settings.Sample = 1e-3 // t = 100 occurrences
	model := newModel(t, settings, counts)
	const records = 40_000
	observed := make([]float64, len(counts))
	var scratch Scratch
	for _, rec := range shortRecords(records, 0, 1, 2, 3, 4, 5, 6) {
		model.choose(rec, &scratch)
		for _, word := range scratch.kept {
			observed[word]++
		}
	}
	for word, count := range counts {
		ratio := 100 / float64(count)
		p := math.Min(1, math.Sqrt(ratio)+ratio)
		switch {
		case p == 1 && observed[word] != records:
			t.Errorf("rare word %d was dropped", word)
		case p < 1:
			plausible(t, "kept", []float64{observed[word], records - observed[word]}, []float64{p * records, (1 - p) * records})
		}
	}
}

// The thresholds are gensim's sample_int, as its 4.4.0 computes them for these counts:
//
//	w = Word2Vec(min_count=1, sample=1e-3); w.build_vocab_from_freq({"a": 50000, "b": 3000, "c": 120, "d": 20}); w.wv.get_vecattr("a", "sample_int")
func TestKeepThresholdsAreThoseOfGensim(t *testing.T) {
	for sample, want := range map[float64][]uint32{
		1e-3: {144583259, 647701600, 4294967295, 4294967295},
		200:  {484189450, 2542044113, 4294967295, 4294967295},
	} {
		for i, got := range keepThresholds([]uint64{50000, 3000, 120, 20}, sample) {
			if math.Abs(float64(got)-float64(want[i])) > 2 {
				t.Errorf("sample %v, word %d: %d, gensim has %d", sample, i, got, want[i])
			}
		}
	}
	for i, got := range keepThresholds([]uint64{50000, 3}, 0) {
		if got != math.MaxUint32 {
			t.Errorf("word %d is thinned out although sample is 0", i)
		}
	}
}
