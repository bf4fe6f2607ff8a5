package word2vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// topicCorpus is text about 4 topics of 10 words each: a sentence stays with one topic, so that words of a topic share their contexts.
func topicCorpus(sentences int) (records []Record, counts []uint64) {
	r := rand.New(rand.NewPCG(1, 2))
	counts = make([]uint64, 40)
	for i := range sentences {
		topic := r.Uint32N(4)
		tokens := make([]uint32, 12)
		for j := range tokens {
			tokens[j] = topic*10 + r.Uint32N(10)
			counts[tokens[j]]++
		}
		records = append(records, Record{Index: uint64(i), Tokens: tokens})
	}
	return records, counts
}

func TestWordsOfOneTopicEndUpCloserThanWordsOfTwoInEveryMode(t *testing.T) {
	eachMode(t, learnTopics)
}

func learnTopics(t *testing.T, settings Settings) {
	records, counts := topicCorpus(2000)
	settings.Sample = 0
	model := newModel(t, settings, counts)
	rows := startRows(model, len(counts))
	trainer := NewTrainer(model)
	var first, last Stats
	for epoch := range 3 {
		for _, rec := range records {
			rec.Epoch = uint32(epoch)
			trainer.Train(rec, rows, 0.05)
		}
		last = trainer.Stats()
		if epoch == 0 {
			first = last
		}
	}
	within, across := topicCosines(rows)
	if !(within > 0.75 && within-across > 0.25) {
		t.Errorf("mean cosine within topics %.2f, across %.2f", within, across)
	}
	start := float64(model.RowsPerWord()) * math.Ln2 // about what it is when every score is 0
	if f, l := first.Loss/float64(first.LossPairs), last.Loss/float64(last.LossPairs); !(l < 1.01*f && l < 0.95*start) {
		t.Errorf("mean loss went from %.3f over %.3f to %.3f", start, f, l)
	}
}

// topicCosines is the mean cosine of two words of one topic and of two words of different topics.
func topicCosines(rows *Matrices) (within, across float64) {
	cosine := func(a, b int) float64 {
		u, v := vector(rows, a), vector(rows, b)
		return float64(blas32.Dot(u, v) / (blas32.Nrm2(u) * blas32.Nrm2(v)))
	}
	var nWithin, nAcross float64
	for a := range 40 {
		for b := range a {
			if a/10 == b/10 {
				within, nWithin = within+cosine(a, b), nWithin+1
			} else {
				across, nAcross = across+cosine(a, b), nAcross+1
			}
		}
	}
	return within / nWithin, across / nAcross
}

func vector(rows *Matrices, word int) blas32.Vector {
	return blas32.Vector{N: rows.Stride, Inc: 1, Data: rows.Syn0[word*rows.Stride:][:rows.Stride]}
}
