package word2vec

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
)

// The objective of arXiv:1310.4546, equation 4, summed over a window's pairs, is written out here once more in float64 and differentiated numerically.
func TestAWindowStepsDownTheGradientOfItsLoss(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		const words = 30
		settings := defaults()
		settings.VectorSize, settings.Sample, settings.Window = 6, 0, 3
		counts := make([]uint64, words)
		for i := range counts {
			counts[i] = 10
		}
		model := newModel(t, settings, counts)
		checked := 0
		for index := uint64(0); checked < 12; index++ {
			rec := Record{Index: index, Tokens: []uint32{3, 14, 15, 9, 26, 5}}
			trainer := NewTrainer(model)
			model.choose(rec, &trainer.Scratch)
			center := int(index % 6)
			outs := trainer.Scratch.outs[trainer.ends[center]:trainer.ends[center+1]]
			rows := trainedRows(model, words)
			trainer.ins = locate(trainer.ins, trainer.kept, nil, rows.Stride, len(rows.Syn0), "syn0")
			trainer.outs = locate(trainer.outs, trainer.Scratch.outs, nil, rows.Stride, len(rows.Syn1neg), "syn1neg")
			if distinct(trainer.outs[trainer.ends[center]:trainer.ends[center+1]]) < len(outs) {
				continue // that is two steps, and the second sees the first
			}
			checked++
			checkWindow(t, trainer, rows, center, outs)
		}
	})
}

func checkWindow(t *testing.T, trainer *Trainer, rows *Matrices, center int, outs []uint32) {
	t.Helper()
	const alpha = 1.0 / 64
	size := trainer.model.settings.VectorSize
	contexts := windowOf(&trainer.Scratch, center)
	at := func(x []float64, matrix, word, i int) *float64 { return &x[matrix*len(x)/2+word*size+i] }
	words := len(rows.Syn0) / rows.Stride
	x := make([]float64, 2*words*size)
	flatten := func(rows *Matrices) {
		for w := range words {
			for i := range size {
				*at(x, 0, w, i), *at(x, 1, w, i) = float64(rows.row0(w)[i]), float64(rows.row1(w)[i])
			}
		}
	}
	loss := func(x []float64) (sum float64) {
		for _, context := range contexts {
			for n, out := range outs {
				score := 0.0
				for i := range size {
					score += *at(x, 0, int(context), i) * *at(x, 1, int(out), i)
				}
				label := -1.0
				if n == 0 {
					label = 1
				}
				sum -= math.Log(1 / (1 + math.Exp(-label*score)))
			}
		}
		return sum
	}
	flatten(rows)
	gradient := fd.Gradient(nil, loss, x, &fd.Settings{Formula: fd.Central})
	before := append([]float64(nil), x...)
	trainer.window(center, rows, alpha, true)
	flatten(rows)
	for i := range x {
		if step := (x[i] - before[i]) / alpha; !(math.Abs(step+gradient[i]) < 1e-4) {
			t.Fatalf("parameter %d moved by alpha times %v, the gradient is %v", i, step, gradient[i])
		}
	}
	stats := trainer.Stats()
	if got, want := stats.Loss, loss(before); !(math.Abs(got-want) < 1e-4*want) || stats.LossPairs != uint64(len(contexts)) {
		t.Fatalf("loss %v of %d pairs, should be %v of %d", got, stats.LossPairs, want, len(contexts))
	}
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
