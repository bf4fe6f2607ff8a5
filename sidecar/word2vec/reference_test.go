package word2vec

import (
	"math"
	"testing"
)

// reference trains as the formulas in doc.go stand there: float64, one prediction at a time, no kernel. It only takes the random choices and the tree from
// the package.
type reference struct {
	in, tree, out [][]float64 // rows of syn0, syn1, syn1neg
	settings      Settings
	alpha         float64
	loss          float64
}

func newReference(m *Model, rows *Matrices) *reference {
	wide := func(floats []float32) (matrix [][]float64) {
		for at := 0; at < len(floats); at += rows.Stride {
			row := make([]float64, m.settings.VectorSize)
			for i := range row {
				row[i] = float64(floats[at+i])
			}
			matrix = append(matrix, row)
		}
		return matrix
	}
	return &reference{in: wide(rows.Syn0), tree: wide(rows.Syn1), out: wide(rows.Syn1neg), settings: m.settings}
}

// target is an output vector with its label.
type target struct {
	v     []float64
	label float64
}

// objectives are the targets of kept[i], hierarchical softmax before negative sampling.
func (r *reference) objectives(m *Model, s *Scratch, i int) (list [][]target) {
	if r.settings.Hs {
		var path []target
		for _, step := range m.tree.path(s.kept[i]) {
			path = append(path, target{r.tree[step.node()], float64(step.label())})
		}
		list = append(list, path)
	}
	if r.settings.Negative > 0 {
		var outs []target
		for n, out := range s.outs[i*(1+r.settings.Negative):][:1+r.settings.Negative] {
			if n == 0 {
				outs = append(outs, target{r.out[out], 1})
			} else if out != s.kept[i] {
				outs = append(outs, target{r.out[out], 0})
			}
		}
		list = append(list, outs)
	}
	return list
}

// train is gensim's order: every prediction sees what the one before it has left.
func (r *reference) train(m *Model, s *Scratch, i int) {
	contexts := windowOf(s, i)
	for _, targets := range r.objectives(m, s, i) {
		if !r.settings.Sg {
			r.bag(contexts, targets)
			continue
		}
		for _, context := range contexts {
			add(r.in[context], r.step(r.in[context], targets), 1)
		}
	}
}

func (r *reference) bag(contexts []uint32, targets []target) {
	hidden := make([]float64, r.settings.VectorSize)
	in, back := 1.0, 1/float64(len(contexts))
	if r.settings.CbowMean {
		in, back = back, in
	}
	for _, context := range contexts {
		add(hidden, r.in[context], in)
	}
	gain := r.step(hidden, targets)
	for _, context := range contexts {
		add(r.in[context], gain, back)
	}
}

// step moves the targets and returns what the hidden vector gains.
func (r *reference) step(h []float64, targets []target) []float64 {
	gain := make([]float64, len(h))
	for _, t := range targets {
		p := logistic(h, t.v)
		r.loss -= math.Log(1 - math.Abs(t.label-p))
		e := r.alpha * (t.label - p)
		add(gain, t.v, e)
		add(t.v, h, e)
	}
	return gain
}

// together is pWord2Vec's order: all errors of a window are those of the rows before it.
func (r *reference) together(m *Model, s *Scratch, i int) {
	targets := r.objectives(m, s, i)[0]
	gains := make([][]float64, len(targets))
	for n := range targets {
		gains[n] = make([]float64, len(targets[n].v))
	}
	for _, context := range windowOf(s, i) {
		u := r.in[context]
		old := append([]float64(nil), u...)
		for n, t := range targets {
			e := r.alpha * (t.label - logistic(old, t.v))
			add(u, t.v, e)
			add(gains[n], old, e)
		}
	}
	for n, t := range targets {
		add(t.v, gains[n], 1)
	}
}

func add(y, x []float64, scale float64) {
	for i := range y {
		y[i] += scale * x[i]
	}
}

func logistic(u, v []float64) float64 {
	score := 0.0
	for i := range u {
		score += u[i] * v[i]
	}
	return 1 / (1 + math.Exp(-score))
}

// distance is the length of the difference of all parameters.
func (r *reference) distance(other *reference) float64 {
	squares := 0.0
	for k, matrix := range [][][]float64{r.in, r.tree, r.out} {
		for w, row := range matrix {
			for i, v := range row {
				d := v - [][][]float64{other.in, other.tree, other.out}[k][w][i]
				squares += d * d
			}
		}
	}
	return math.Sqrt(squares)
}

// trainBoth trains the package and a reference, and says how far the parameters moved and how far apart they ended.
func trainBoth(t *testing.T, settings Settings, alpha float32, step func(r *reference, m *Model, s *Scratch, i int)) (moved, apart float64, r *reference, stats Stats) {
	records, counts := zipfText(200, 300, 30)
	m := newModel(t, settings, counts)
	rows := startRows(m, len(counts))
	start := newReference(m, rows)
	r = newReference(m, rows)
	r.alpha = float64(alpha)
	trainer := NewTrainer(m)
	var scratch Scratch
	for _, rec := range records {
		trainer.Train(rec, rows, alpha)
		m.choose(rec, &scratch)
		for i := range scratch.kept {
			step(r, m, &scratch, i)
		}
	}
	end := newReference(m, rows)
	return start.distance(end), r.distance(end), r, trainer.Stats()
}

func TestTrainingFollowsTheFormulasOfThePaperWithinRounding(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		settings := defaults()
		settings.Sample, settings.Negative, settings.NsExponent = 1e-2, 5, 0 // few negatives occur twice, few words thinned to nothing
		// A window in which a word is said twice or a negative drawn twice is stepped in order here and at once there: a difference of alpha².
		moved, apart, _, _ := trainBoth(t, settings, 0.025, (*reference).together)
		if !(moved > 0.1 && apart < 0.02*moved) {
			t.Errorf("the parameters moved by %.4g and are %.4g apart", moved, apart)
		}
	})
}

func TestAWindowAtOnceEndsUpWhereOnePredictionAfterAnotherDoesInEveryMode(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		settings.Sample, settings.ComputeLoss = 1e-2, true
		moved, apart, r, stats := trainBoth(t, settings, 0.005, (*reference).train)
		if !(moved > 0.01 && apart < 0.1*moved) {
			t.Errorf("the parameters moved by %.4g and are %.4g apart", moved, apart)
		}
		if !(math.Abs(stats.Loss-r.loss) < 0.01*r.loss) || stats.LossPairs != stats.Pairs {
			t.Errorf("loss %.6g of %d predictions, of %d; should be %.6g", stats.Loss, stats.LossPairs, stats.Pairs, r.loss)
		}
	})
}

// With a learning rate that moves nothing to speak of, both see the same rows.
func TestTheLossIsThatOfADirectComputationInEveryMode(t *testing.T) {
	eachModeAndKernel(t, func(t *testing.T, settings Settings) {
		settings.Sample, settings.ComputeLoss = 1e-2, true
		_, _, r, stats := trainBoth(t, settings, 1e-7, (*reference).train)
		if !(r.loss > 1000 && math.Abs(stats.Loss-r.loss) < 1e-5*r.loss) || stats.LossPairs != stats.Pairs {
			t.Errorf("loss %.9g of %d predictions, of %d; should be %.9g", stats.Loss, stats.LossPairs, stats.Pairs, r.loss)
		}
	})
}
