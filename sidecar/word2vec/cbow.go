package word2vec

import "deepdist/internal/vec"

// bag is CBOW's working memory: the hidden vector of a window, and what it was before the center's targets pulled at it.
type bag struct {
	hidden, before []float32
}

func newBag(s Settings) bag {
	if s.Sg {
		return bag{}
	}
	stride := Stride(s.VectorSize)
	return bag{hidden: alignedRows(stride), before: alignedRows(stride)}
}

// bagOfWords trains kept[i] against the hidden vector of the window around it, the mean of its words' rows or their sum:
//
//	h = Σ u / C or Σ u;    step h and the targets;    u += h' − h  or  u += (h' − h) / C
//
// The second line is word2vec's and gensim's: either way h itself, computed again, has moved to h'. (The gradient for a row would be C times smaller with
// the mean, C times larger with the sum.) So it does not matter into how many steps the targets are cut.
func (t *Trainer) bagOfWords(i, from, to int, rows *Matrices) {
	contexts := float32(to - from - 1)
	in, back := float32(1), 1/contexts
	if t.model.settings.CbowMean {
		in, back = back, in
	}
	center := t.ins[i]
	around := without(t.ins[from:to], i-from)
	clear(t.hidden)
	vec.Gather(t.hidden, rows.Syn0, around, in, t.upcoming(i))
	copy(t.before, t.hidden)
	for k := range t.targets {
		t.against(&t.targets[k], i, t.hidden, hiddenRow, rows.Stride, 0)
	}
	vec.Spread(rows.Syn0, around, t.hidden, t.before, back)
	t.ins[i] = center
}

// hiddenRow is the hidden vector as the only input row of a step.
var hiddenRow = []int{0}
