package word2vec

import "deepdist/internal/vec"

// targets are the output rows by which the words of a record are predicted, each with its label: 1 if the score is to rise, 0 if it is to fall.
// One objective's: the centers and their negatives (rows of syn1neg), or the paths to the centers through the tree (rows of syn1).
type targets struct {
	rows    []float32
	offsets []int // in rows; then a tail that may be prefetched

	// Those of kept[i] are, by negative sampling, offsets[i*pitch:][:counts[i]], of which the first has label 1.
	pitch  int
	counts []int32
	plain  []bool // they are vec.MaxOuts, and all differ

	// By a path, offsets[ends[i]:ends[i+1]].
	ends   []int32
	labels []uint8  // of the offsets
	nodes  []uint32 // scratch: keys of a path's rows
}

// opponents takes the centers and negatives that the scratch has drawn. A negative that equals the center is left out.
func (o *targets) opponents(s *Scratch, rows *Matrices) {
	o.rows = rows.Syn1neg
	o.offsets = locate(o.offsets, s.outs, rows.Slot1neg, rows.Stride, len(rows.Syn1neg), "syn1neg")
	o.plain = s.plain
	o.counts = resize(o.counts, len(s.kept))
	o.pitch = len(s.outs) / len(s.kept)
	for i, plain := range o.plain {
		o.counts[i] = int32(o.pitch)
		if !plain {
			o.counts[i] = withoutFirst(o.offsets[i*o.pitch:][:o.pitch])
		}
	}
}

// withoutFirst closes up the list over what equals its first element, and gives the length that remains.
func withoutFirst(list []int) int32 {
	n := 1
	for _, offset := range list[1:] {
		list[n] = offset
		if offset != list[0] {
			n++
		}
	}
	return int32(n)
}

// paths takes the way from the tree's root to each word kept.
func (o *targets) paths(t *tree, kept []uint32, rows *Matrices) {
	o.ends = resize(o.ends, len(kept)+1)
	n := 0
	for i, word := range kept {
		o.ends[i] = int32(n)
		n += len(t.path(word))
	}
	o.ends[len(kept)] = int32(n)
	o.nodes, o.labels = resize(o.nodes, n), resize(o.labels, n)
	for i, word := range kept {
		nodes, labels := o.nodes[o.ends[i]:o.ends[i+1]], o.labels[o.ends[i]:o.ends[i+1]]
		for k, s := range t.path(word) {
			nodes[k], labels[k] = s.node(), s.label()
		}
	}
	o.rows = rows.Syn1
	o.offsets = locate(o.offsets, o.nodes, rows.Slot1, rows.Stride, len(rows.Syn1), "syn1")
}

// of says which offsets are kept[i]'s: from first to before end.
func (o *targets) of(i int) (first, end int) {
	if o.pitch > 0 {
		return i * o.pitch, i*o.pitch + int(o.counts[i])
	}
	return int(o.ends[i]), int(o.ends[i+1])
}

// labelsOf gives the labels of n targets of kept[i] from first on as vec.Window wants them, one bit each.
func (o *targets) labelsOf(i, first, n int) uint {
	if o.pitch > 0 {
		if first == i*o.pitch {
			return 1
		}
		return 0
	}
	bits := uint(0)
	for k, label := range o.labels[first : first+n] {
		bits |= uint(label) << k
	}
	return bits
}

// plainAt is the targets of kept[i], if they are plain, and what may be prefetched behind them.
func (o *targets) plainAt(i int) *[2 * vec.MaxOuts]int {
	return (*[2 * vec.MaxOuts]int)(o.offsets[i*vec.MaxOuts:])
}
