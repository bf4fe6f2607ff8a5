package vocabulary

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func merged(t *testing.T, partitions ...[]Entry) *Merge {
	t.Helper()
	m := NewMerge()
	for i, entries := range partitions {
		if ok, err := m.Commit(uint32(i), partitionOf(entries), entries); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	return m
}

func partitionOf(entries []Entry) Partition {
	p := Partition{Distinct: uint64(len(entries)), Records: 1, Rows: 1}
	for _, e := range entries {
		p.Words += e.Count
	}
	return p
}

func words(v *Vocabulary) string {
	var list []string
	for _, e := range v.Entries {
		list = append(list, e.Word)
	}
	return strings.Join(list, " ")
}

func TestIdsAreInOrderOfFrequencyThenOfTheWordsBytes(t *testing.T) {
	m := merged(t, []Entry{{"zebra", 3}, {"ärger", 2}, {"the", 5}, {"rare", 1}}, []Entry{{"apple", 3}, {"the", 4}, {"b", 2}})
	s, err := m.Settle(Rules{MinCount: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := words(s.Vocabulary); got != "the apple zebra b ärger" {
		t.Errorf("order: %s", got)
	}
	if s.Words != 19 || s.Dropped != 1 || s.Distinct != 6 {
		t.Errorf("settled %+v", s)
	}
	if id, ok := s.ID("zebra"); !ok || id != 2 {
		t.Errorf("zebra has id %d", id)
	}
}

// gensim 4.4: calc_min_count = count of the word at place max_final_vocab, plus 1; so words that share that count all go.
func TestMaxFinalVocabMeansWhatGensimMeans(t *testing.T) {
	entries := []Entry{{"a", 9}, {"b", 7}, {"c", 5}, {"d", 5}, {"e", 2}}
	for _, c := range []struct {
		rules Rules
		want  string
	}{
		{Rules{MinCount: 1, MaxFinalVocab: 2}, "a b"},
		{Rules{MinCount: 1, MaxFinalVocab: 3}, "a b"}, // c and d share the count of place 3
		{Rules{MinCount: 1, MaxFinalVocab: 4}, "a b c d"},
		{Rules{MinCount: 1, MaxFinalVocab: 5}, "a b c d e"},
		{Rules{MinCount: 8, MaxFinalVocab: 4}, "a"},
		{Rules{MinCount: 0}, "a b c d e"},
	} {
		s, err := merged(t, entries).Settle(c.rules)
		if err != nil || words(s.Vocabulary) != c.want {
			t.Errorf("%+v: %v, %v; want %s", c.rules, s.Vocabulary, err, c.want)
		}
	}
}

func TestAnEmptyVocabularySaysWhatToChange(t *testing.T) {
	m := merged(t, []Entry{{"a", 3}, {"b", 3}})
	if _, err := m.Settle(Rules{MinCount: 5}); err == nil || !strings.Contains(err.Error(), "min_count=5") || !strings.Contains(err.Error(), "3 times") {
		t.Error(err)
	}
	if _, err := m.Settle(Rules{MinCount: 1, MaxFinalVocab: 1}); err == nil || !strings.Contains(err.Error(), "max_final_vocab=1") {
		t.Error(err)
	}
	if _, err := NewMerge().Settle(Rules{}); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Error(err)
	}
	v, _ := New([]Entry{{"x", 1}})
	if _, err := m.Fixed(v); err == nil || !strings.Contains(err.Error(), "none of the data's 6 words") {
		t.Error(err)
	}
}

func TestAGivenVocabularyKeepsItsIds(t *testing.T) {
	v, err := New([]Entry{{"rare", 1}, {"the", 100}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := merged(t, []Entry{{"the", 4}, {"new", 2}}).Fixed(v)
	if err != nil || words(s.Vocabulary) != "rare the" || s.Words != 4 || s.Dropped != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := New([]Entry{{"x", 1}, {"x", 2}}); err == nil {
		t.Error("a word may have two ids")
	}
}

func TestAPartitionCountsOnce(t *testing.T) {
	entries := []Entry{{"a", 3}, {"b", 1}}
	m := merged(t, entries)
	if ok, err := m.Commit(0, partitionOf(entries), entries); ok || err != nil {
		t.Error("a second attempt was taken", err)
	}
	m.Reopen(0)
	if m.Committed(0) {
		t.Error("reopened, yet committed")
	}
	other := []Entry{{"a", 1}, {"b", 3}}
	if _, err := m.Commit(0, partitionOf(other), other); err == nil || !strings.Contains(err.Error(), "persist") {
		t.Errorf("other counts of the same sum: %v", err)
	}
	slices.Reverse(entries) // a hash table lists its words in any order
	if ok, err := m.Commit(0, partitionOf(entries), entries); !ok || err != nil {
		t.Error(ok, err)
	}
	if total, n := m.Totals(); total.Words != 4 || n != 1 || m.counts["a"] != 3 {
		t.Errorf("totals %+v of %d", total, n)
	}
}

func TestCountsThatDoNotAddUpAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		p       Partition
		entries []Entry
	}{
		"words":    {Partition{Words: 3, Distinct: 1}, []Entry{{"a", 2}}},
		"distinct": {Partition{Words: 2, Distinct: 2}, []Entry{{"a", 2}}},
		"zero":     {Partition{Words: 0, Distinct: 1}, []Entry{{"a", 0}}},
		"empty":    {Partition{Words: 1, Distinct: 1}, []Entry{{"", 1}}},
		"utf-8":    {Partition{Words: 1, Distinct: 1}, []Entry{{"\xff", 1}}},
		"overflow": {Partition{Words: 1, Distinct: 2}, []Entry{{"a", math.MaxUint64}, {"b", 2}}},
	} {
		m := NewMerge()
		if ok, err := m.Commit(0, c.p, c.entries); ok || err == nil || m.Committed(0) {
			t.Errorf("%s: taken", name)
		}
	}
}

// χ² over 20 equal bins: with p < 1e-6 the numbers are not uniform.
func TestInitialVectorsAreUniformAndDependOnSeedAndIdAlone(t *testing.T) {
	const rows, dim, bins = 2000, 50, 20
	syn0 := make([]float32, rows*dim)
	InitialVectors(syn0, dim, 7)
	counts := make([]float64, bins)
	for _, x := range syn0 {
		u := (float64(x)*dim + 1) / 2
		if u <= 0 || u >= 1 {
			t.Fatalf("%v is outside (−1, 1)/dim", x)
		}
		counts[int(u*bins)]++
	}
	chi, expected := 0.0, float64(rows*dim)/bins
	for _, c := range counts {
		chi += (c - expected) * (c - expected) / expected
	}
	if p := 1 - (distuv.ChiSquared{K: bins - 1}).CDF(chi); p < 1e-6 {
		t.Errorf("χ² = %g, p = %g", chi, p)
	}
	fewer := make([]float32, 10*dim)
	InitialVectors(fewer, dim, 7)
	if !slices.Equal(fewer, syn0[:10*dim]) {
		t.Error("a row depends on how many there are")
	}
	InitialVectors(fewer, dim, 8)
	if slices.Equal(fewer, syn0[:10*dim]) {
		t.Error("the seed changes nothing")
	}
}

func TestTheEstimateRefusesWhatDoesNotFit(t *testing.T) {
	v, _ := New(make([]Entry, 1, 1))
	for len(v.Entries) < 1000 {
		v.Entries = append(v.Entries, Entry{"word", 1})
	}
	need, err := Estimate(v, 100, 2)
	want := Need{Words: v.Bytes(), Model: 800_000, Push: 808_000, WayOut: 800_000, Replica: 2 * 2 * 1000 * 4 * 112}
	if err != nil || need != want {
		t.Errorf("%+v, %v; want %+v", need, err, want)
	}
	if need.Server() != want.Words+800_000+808_000 || need.Worker() != want.Words+1_792_000 || need.Total() != 2*want.Words+800_000+808_000+1_792_000 {
		t.Errorf("server %d, worker %d, both %d", need.Server(), need.Worker(), need.Total())
	}
	if need.Check(v, 100, need.Total()) != nil || need.Check(v, 100, need.Total()-1) == nil {
		t.Error("the border is elsewhere")
	}
}
