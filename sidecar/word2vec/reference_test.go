package word2vec

import (
	"math"
	"testing"
)

// reference trains as the formulas in doc.go stand there: float64, one pair at a time, no kernel. It only takes the random choices from the package.
type reference struct {
	in, out [][]float64
}

func newReference(rows *Matrices, size int) *reference {
	r := &reference{}
	for w := range len(rows.Syn0) / rows.Stride {
		u, v := make([]float64, size), make([]float64, size)
		for i := range size {
			u[i], v[i] = float64(rows.row0(w)[i]), float64(rows.row1(w)[i])
		}
		r.in, r.out = append(r.in, u), append(r.out, v)
	}
	return r
}

// pairwise is word2vec's own order: every pair sees what the pair before it has left.
func (r *reference) pairwise(contexts, outs []uint32, alpha float64) {
	for _, context := range contexts {
		u := r.in[context]
		gain := make([]float64, len(u))
		for n, out := range outs {
			v := r.out[out]
			e := alpha * (label(n) - logistic(u, v))
			for i := range u {
				gain[i] += e * v[i]
				v[i] += e * u[i]
			}
		}
		for i := range u {
			u[i] += gain[i]
		}
	}
}

// together is pWord2Vec's: all errors of a window are those of the rows before it.
func (r *reference) together(contexts, outs []uint32, alpha float64) {
	errors := make([][]float64, len(contexts))
	for m, context := range contexts {
		for n, out := range outs {
			errors[m] = append(errors[m], alpha*(label(n)-logistic(r.in[context], r.out[out])))
		}
	}
	before := make([][]float64, len(outs))
	for n, out := range outs {
		before[n] = append([]float64(nil), r.out[out]...)
	}
	for m, context := range contexts {
		u := r.in[context]
		old := append([]float64(nil), u...)
		for n, out := range outs {
			for i := range u {
				r.out[out][i] += errors[m][n] * old[i]
				u[i] += errors[m][n] * before[n][i]
			}
		}
	}
}

func label(n int) float64 {
	if n == 0 {
		return 1
	}
	return 0
}

func logistic(u, v []float64) float64 {
	score := 0.0
	for i := range u {
		score += u[i] * v[i]
	}
	return 1 / (1 + math.Exp(-score))
}

// distance is the length of the difference of all parameters.
func (r *reference) distance(rows *Matrices) float64 {
	squares := 0.0
	for w := range r.in {
		for i := range r.in[w] {
			a, b := r.in[w][i]-float64(rows.row0(w)[i]), r.out[w][i]-float64(rows.row1(w)[i])
			squares += a*a + b*b
		}
	}
	return math.Sqrt(squares)
}

func trainBoth(t *testing.T, settings Settings, sentences int, alpha float32, step func(*reference, []uint32, []uint32, float64)) (moved, apart float64) {
	records, counts := zipfText(200, sentences, 30)
	m := newModel(t, settings, counts)
	rows := startRows(m, len(counts))
	start := newReference(rows, settings.VectorSize)
	r := newReference(rows, settings.VectorSize)
	trainer := NewTrainer(m)
	var scratch Scratch
	for _, rec := range records {
		trainer.Train(rec, rows, alpha)
		m.choose(rec, &scratch)
		for i := range scratch.kept {
			outs := scratch.outs[scratch.ends[i]:scratch.ends[i+1]]
			step(r, windowOf(&scratch, i), outs, float64(alpha))
		}
	}
	return start.distance(rows), r.distance(rows)
}

func TestTrainingFollowsTheFormulasOfThePaperWithinRounding(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		settings := defaults()
		settings.Sample, settings.Negative, settings.NsExponent = 1e-2, 5, 0 // few negatives occur twice, few words thinned to nothing
		// A window in which a word is said twice or a negative drawn twice is stepped in order here and at once there: a difference of alpha².
		moved, apart := trainBoth(t, settings, 300, 0.025, (*reference).together)
		if !(moved > 0.1 && apart < 0.02*moved) {
			t.Errorf("the parameters moved by %.4g and are %.4g apart", moved, apart)
		}
	})
}

func TestAWindowAtOnceEndsUpWherePairByPairDoes(t *testing.T) {
	settings := defaults()
	settings.Sample = 1e-2
	moved, apart := trainBoth(t, settings, 300, 0.025, (*reference).pairwise)
	if !(moved > 0.1 && apart < 0.1*moved) {
		t.Errorf("the parameters moved by %.4g and are %.4g apart", moved, apart)
	}
}
