package word2vec

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/diff/fd"

	"deepdist/internal/vec"
)

// The objective of arXiv:1310.4546, equations 4 and 3, summed over a window's predictions, is written out here once more in float64 and differentiated
// numerically.
func TestAWindowStepsDownTheGradientOfItsLossInEveryMode(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		settings.VectorSize, settings.Sample, settings.Window, settings.NsExponent = 6, 0, 3, 0
		counts := make([]uint64, 30)
		for i := range counts {
			counts[i] = 10 << (i / 3) // long paths in the tree
		}
		model := newModel(t, settings, counts)
		for checked, index := 0, uint64(0); checked < 12; index++ {
			trainer, rows := NewTrainer(model), trainedRows(model, len(counts))
			center := int(index % 6)
			trainer.prepare(Record{Index: index, Tokens: []uint32{3, 14, 15, 29, 26, 5}}, rows, 0)
			contexts := windowOf(&trainer.Scratch, center)
			if checkWindow(t, trainer, rows, center, contexts) {
				checked++
			}
		}
	})
}

// checkWindow compares the window's step with alpha times the gradient. Several steps each see what the one before has left, so that they follow the
// gradient at their beginning only as far as alpha is small.
func checkWindow(t *testing.T, trainer *Trainer, rows *Matrices, center int, contexts []uint32) bool {
	t.Helper()
	oneStep := len(trainer.targets) == 1
	for k := range trainer.targets {
		o := &trainer.targets[k]
		first, end := o.of(center)
		all := o.offsets[first:end]
		oneStep = oneStep && len(all) <= vec.MaxOuts && distinct(all) == len(all)
	}
	alpha, tolerance := 1.0/64, 1e-4
	if !oneStep {
		if trainer.model.settings.Negative == 5 && len(trainer.targets) == 1 {
			return false // a negative drawn twice: other windows tell more
		}
		alpha, tolerance = 1.0/2048, 5e-3
	}
	trainer.alpha, trainer.sampled = float32(alpha), true
	settings := &trainer.model.settings
	loss := func(x []float64) (sum float64) {
		p := parameters{x, rows.Stride, rows}
		for _, hidden := range p.hidden(settings, contexts) {
			sum += p.loss(trainer, center, hidden)
		}
		return sum
	}
	x := flatten(rows)
	gradient := fd.Gradient(nil, loss, x, &fd.Settings{Formula: fd.Central})
	trainer.window(center, rows)
	for i, after := range flatten(rows) {
		step, want := (after-x[i])/alpha, -gradient[i]
		if !settings.Sg && i < len(rows.Syn0) { // word2vec's own step is larger or smaller than the gradient: see bagOfWords
			if settings.CbowMean {
				want *= float64(len(contexts))
			} else {
				want /= float64(len(contexts))
			}
		}
		if !(math.Abs(step-want) < tolerance) {
			t.Fatalf("parameter %d moved by alpha times %v, should have been by %v", i, step, want)
		}
	}
	predictions := 1
	if settings.Sg {
		predictions = len(contexts)
	}
	stats := trainer.Stats()
	if got, want := stats.Loss, loss(x); !(math.Abs(got-want) < tolerance*want) || stats.LossPairs != uint64(predictions) {
		t.Fatalf("loss %v of %d predictions, should be %v of %d", got, stats.LossPairs, want, predictions)
	}
	return true
}

// parameters are all rows one after another: syn0, syn1, syn1neg.
type parameters struct {
	x      []float64
	stride int
	shape  *Matrices
}

func flatten(rows *Matrices) (x []float64) {
	for _, matrix := range [][]float32{rows.Syn0, rows.Syn1, rows.Syn1neg} {
		for _, v := range matrix {
			x = append(x, float64(v))
		}
	}
	return x
}

func (p parameters) row0(word uint32) []float64 { return p.x[int(word)*p.stride:][:p.stride] }

// hidden are the vectors that predict: the context words' own, or one for them all.
func (p parameters) hidden(s *Settings, contexts []uint32) (vectors [][]float64) {
	bag := make([]float64, p.stride)
	for _, word := range contexts {
		vectors = append(vectors, p.row0(word))
		for i, v := range p.row0(word) {
			if s.CbowMean {
				v /= float64(len(contexts))
			}
			bag[i] += v
		}
	}
	if !s.Sg {
		vectors = [][]float64{bag}
	}
	return vectors
}

// loss is −Σ log σ(±h·v) over the targets of a center.
func (p parameters) loss(t *Trainer, center int, hidden []float64) (sum float64) {
	for k := range t.targets {
		o := &t.targets[k]
		before := len(p.shape.Syn0)
		if o.rows != nil && len(p.shape.Syn1neg) > 0 && &o.rows[0] == &p.shape.Syn1neg[0] {
			before += len(p.shape.Syn1)
		}
		first, end := o.of(center)
		for at := first; at < end; at++ {
			score := 0.0
			for i, h := range hidden {
				score += h * p.x[before+o.offsets[at]+i]
			}
			sum += math.Log1p(math.Exp(score * (1 - 2*float64(o.labelsOf(center, at, 1)))))
		}
	}
	return sum
}

// windowOf lists the context words of kept[center].
func windowOf(s *Scratch, center int) (contexts []uint32) {
	for i, word := range s.kept {
		if distance := max(i-center, center-i); distance > 0 && distance <= int(s.radius[center]) {
			contexts = append(contexts, word)
		}
	}
	return contexts
}
