package word2vec

// targets are the output rows by which the words of a record are predicted, each with its label: 1 if the score is to rise, 0 if it is to fall.
// One objective's: the centers and their negatives (rows of syn1neg), or the paths to the centers through the tree (rows of syn1).
type targets struct {
	rows    []float32
	offsets []int   // in rows; those of kept[i] are offsets[ends[i]:ends[i+1]]; then a tail that may be prefetched
	labels  []uint8 // of the offsets
	ends    []int32

	nodes []uint32 // scratch: keys of a path's rows
}

// opponents takes the centers and negatives that the scratch has drawn.
func (o *targets) opponents(s *Scratch, rows *Matrices) {
	o.rows = rows.Syn1neg
	o.offsets = locate(o.offsets, s.outs, rows.Slot1neg, rows.Stride, len(rows.Syn1neg), "syn1neg")
	o.labels = resize(o.labels, len(s.outs))
	clear(o.labels)
	o.ends = s.ends
	for _, center := range s.ends[:len(s.kept)] {
		o.labels[center] = 1
	}
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

// labelsOf gives the labels of n targets as vec.Window wants them, one bit each.
func (o *targets) labelsOf(first, n int) uint {
	bits := uint(0)
	for k, label := range o.labels[first : first+n] {
		bits |= uint(label) << k
	}
	return bits
}
