package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

// trainTopics ingests and trains text of two topics, and returns the vectors.
func trainTopics(t *testing.T, streams int, settings map[string]any) (vocabulary []string, syn0 []float32) {
	t.Helper()
	ps := startServer(t)
	s := startSidecar(t)
	id := ps.openWords(t, 2, settings)
	for p := range 2 {
		if a, err := s.ingest(t, ps, id, p, int64(p), topics(1000, uint64(p))); err != nil || !a.Accepted || a.Words != 12_000 {
			t.Fatalf("ingest: %+v, %v", a, err)
		}
	}
	settled, _ := ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	if settled["size"] != 40.0 || settled["words"] != 24_000.0 {
		t.Fatalf("settled %v, want 40 words that occur 24,000 times", settled)
	}
	var group sync.WaitGroup
	for range streams {
		group.Go(func() {
			if _, err := s.train(t, ps, id); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	status, _ := ask[map[string]any](t, ps, "training_status", map[string]any{"training_id": id}, nil)
	if status["done"] != true {
		t.Fatalf("the training is not done: %v", status)
	}
	vocabulary, syn0, _ = ps.words(t, id)
	return vocabulary, syn0
}

// separation is the mean cosine within the topics less that between them.
func separation(vocabulary []string, syn0 []float32) float64 {
	dim := len(syn0) / len(vocabulary)
	cosine := func(i, j int) float64 {
		a, b := syn0[i*dim:(i+1)*dim], syn0[j*dim:(j+1)*dim]
		var ab, aa, bb float64
		for k := range a {
			ab += float64(a[k]) * float64(b[k])
			aa += float64(a[k]) * float64(a[k])
			bb += float64(b[k]) * float64(b[k])
		}
		return ab / math.Sqrt(aa*bb)
	}
	var sums, counts [2]float64
	for i := range vocabulary {
		for j := range i {
			k := 0
			if vocabulary[i][0] != vocabulary[j][0] {
				k = 1
			}
			sums[k] += cosine(i, j)
			counts[k]++
		}
	}
	return sums[0]/counts[0] - sums[1]/counts[1]
}

func TestWordsOfOneTopicEndUpNearEachOther(t *testing.T) {
	for _, streams := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d train streams", streams), func(t *testing.T) {
			vocabulary, syn0 := trainTopics(t, streams, nil)
			if s := separation(vocabulary, syn0); !(s > 0.5) {
				t.Errorf("cosines within topics exceed those between them by %.2f only", s)
			}
		})
	}
}

func TestEveryModeLearnsTheTopicsAndIsRepeatableToTheBit(t *testing.T) {
	for name, settings := range map[string]map[string]any{
		"skip-gram, hierarchical softmax": {"hs": true, "negative": 0},
		"skip-gram, both":                 {"hs": true},
		"CBOW mean, negative sampling":    {"sg": false},
		"CBOW sum, hierarchical softmax":  {"sg": false, "cbow_mean": false, "hs": true, "negative": 0},
		"CBOW mean, both":                 {"sg": false, "hs": true},
	} {
		t.Run(name, func(t *testing.T) {
			settings["alpha"], settings["epochs"] = 0.05, 20
			vocabulary, first := trainTopics(t, 1, settings)
			if s := separation(vocabulary, first); !(s > 0.3) {
				t.Errorf("cosines within topics exceed those between them by %.2f only", s)
			}
			if _, second := trainTopics(t, 1, settings); !slices.Equal(first, second) {
				t.Error("two runs with one train stream differ")
			}
		})
	}
}

func TestOneTrainStreamGivesTheSameModelToTheBit(t *testing.T) {
	_, first := trainTopics(t, 1, nil)
	_, second := trainTopics(t, 1, nil)
	if !slices.Equal(first, second) {
		t.Error("two runs with one train stream differ")
	}
	_, other := trainTopics(t, 1, map[string]any{"seed": 2})
	if slices.Equal(first, other) {
		t.Error("another seed gives the same model: the comparison compares nothing")
	}
}

func TestTwoSidecarsTrainOneModel(t *testing.T) {
	ps := startServer(t)
	sidecars := []*sidecar{startSidecar(t), startSidecar(t)}
	id := ps.openWords(t, 4, nil)
	for p := range 4 {
		if _, err := sidecars[p%2].ingest(t, ps, id, p, int64(p), topics(1500, uint64(p))); err != nil {
			t.Fatal(err)
		}
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	var group sync.WaitGroup
	for _, s := range sidecars {
		group.Go(func() {
			if a, err := s.train(t, ps, id); err != nil || a.Words != 5*2*1500*12 {
				t.Errorf("trained %+v, %v; want all words of this sidecar's two partitions in 5 epochs", a, err)
			}
		})
	}
	group.Wait()
	watch, _ := ask[struct {
		Words   uint64 `json:"words"`
		Workers []struct {
			Pushes uint64 `json:"pushes"`
		} `json:"workers"`
	}](t, ps, "watch", map[string]any{"wait_ms": 0}, nil)
	if watch.Words != 5*4*1500*12 {
		t.Errorf("%d words are applied, want each word of each epoch once: %d", watch.Words, 5*4*1500*12)
	}
	for i, w := range watch.Workers {
		if w.Pushes < 10 {
			t.Errorf("worker %d pushed %d times only", i, w.Pushes)
		}
	}
	vocabulary, syn0, _ := ps.words(t, id)
	if s := separation(vocabulary, syn0); !(s > 0.5) {
		t.Errorf("cosines within topics exceed those between them by %.2f only", s)
	}
}

func TestOddPartitionsAreNoErrors(t *testing.T) {
	ps := startServer(t)
	s := startSidecar(t)
	id := ps.openWords(t, 4, map[string]any{"epochs": 2})
	for p, lines := range [][]string{nil, {"", "  \t "}, {strings.Repeat("a0 a1 b2 ", 10_000)}, topics(50, 1)} {
		a, err := s.ingest(t, ps, id, p, int64(p), lines)
		if err != nil || !a.Accepted {
			t.Fatalf("partition %d: %+v, %v", p, a, err)
		}
		if p == 2 && (a.SplitSentences != 1 || a.Records != 3 || a.Words != 30_000) {
			t.Errorf("a line of 30,000 tokens: %+v, want it split into 3 records", a)
		}
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	if a, err := s.train(t, ps, id); err != nil || !a.Exhausted {
		t.Fatalf("%+v, %v", a, err)
	}
	status, _ := ask[map[string]any](t, ps, "training_status", map[string]any{"training_id": id}, nil)
	if status["done"] != true {
		t.Fatalf("the training is not done: %v", status)
	}
}

func TestOfTwoAttemptsTheFirstCounts(t *testing.T) {
	ps := startServer(t)
	s := startSidecar(t)
	id := ps.openWords(t, 1, nil)
	if a, err := s.ingest(t, ps, id, 0, 7, topics(100, 1)); err != nil || !a.Accepted {
		t.Fatalf("first: %+v, %v", a, err)
	}
	if a, err := s.ingest(t, ps, id, 0, 8, topics(100, 1)); err != nil || a.Accepted {
		t.Fatalf("second: %+v, %v", a, err)
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	if a, err := s.train(t, ps, id); err != nil || a.Words != 5*1200 {
		t.Fatalf("%+v, %v", a, err)
	}
}
