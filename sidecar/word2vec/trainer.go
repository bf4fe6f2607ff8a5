package word2vec

import (
	"fmt"
	"slices"

	"deepdist/internal/vec"
)

// Trainer is one thread's part: its scratch memory and its figures. After the longest record has been seen it allocates nothing.
type Trainer struct {
	model    *Model
	rows     int // context words of one step
	pairRows int // and of a pair of steps
	Scratch
	ins      []int     // offset in Syn0 of each kept token's row
	firstIns []int     // the same again: the first window of a pair has a list of its own to take its center out of
	targets  []targets // what each kept token is predicted by: the paths of hierarchical softmax, the opponents of negative sampling, or both
	bag                // of CBOW
	grid     vec.Grid
	alpha    float32 // of the record at hand
	sampled  bool    // its loss is noted
	stats    Stats
	untold   uint64 // words trained that no Copy has been told of
}

// NewTrainer makes a trainer for the calling goroutine.
func NewTrainer(m *Model) *Trainer {
	t := &Trainer{model: m, rows: max(1, min(vec.MaxIns, stepFloats/Stride(m.settings.VectorSize)))}
	t.pairRows = min(t.rows, vec.MaxPair)
	t.bag = newBag(m.settings)
	for _, on := range []bool{m.settings.Hs, m.settings.Negative > 0} {
		if on {
			t.targets = append(t.targets, targets{})
		}
	}
	return t
}

// stepFloats bounds the input rows of one step, so that it stays well below 100 µs at any vector size: assembly cannot be preempted.
const stepFloats = 1 << 16

// Train takes one step of training for every window of the record. A key without a row is a panic: the rows were not those that Need named.
func (t *Trainer) Train(rec Record, rows *Matrices, alpha float32) {
	rows.lock()
	defer rows.unlock()
	t.prepare(rec, rows, alpha)
	i := 0
	if t.model.settings.Sg && len(t.targets) == 1 && t.targets[0].pitch == vec.MaxOuts {
		i = t.pairs(rows)
	}
	for ; i < len(t.kept); i++ {
		t.window(i, rows)
	}
}

// prepare makes the record's random choices and looks up the rows that they ask for.
func (t *Trainer) prepare(rec Record, rows *Matrices, alpha float32) {
	s := &t.model.settings
	t.model.choose(rec, &t.Scratch)
	t.stats.Words += uint64(len(rec.Tokens))
	t.stats.Kept += uint64(t.survivors)
	if len(t.kept) == 0 {
		return
	}
	t.ins = locate(t.ins, t.kept, rows.Slot0, rows.Stride, len(rows.Syn0), "syn0")
	if s.Hs {
		t.targets[0].paths(t.model.tree, t.kept, rows)
	}
	if s.Negative > 0 {
		t.targets[len(t.targets)-1].opponents(&t.Scratch, rows)
	}
	t.alpha, t.sampled = alpha, s.ComputeLoss || lossSampled(s.Seed, rec)
}

// window trains kept[i] with the words around it.
func (t *Trainer) window(i int, rows *Matrices) {
	from, to := t.reach(i)
	predictions := 1
	if t.model.settings.Sg {
		predictions = to - from - 1
		t.skipGram(i, from, to, rows)
	} else {
		t.bagOfWords(i, from, to, rows)
	}
	t.count(predictions)
}

// count notes predictions in the figures.
func (t *Trainer) count(predictions int) {
	t.stats.Pairs += uint64(predictions)
	if t.sampled {
		t.stats.LossPairs += uint64(predictions)
	}
}

// pairs trains kept[i] and kept[n/2+i], each with the words around it, for each i < n/2: in one step where the output words of both are plain. Far apart in the sentence, two windows
// have few words in common. It returns which window is left to be the next.
func (t *Trainer) pairs(rows *Matrices) int {
	o, n := &t.targets[0], len(t.kept)
	half := n / 2
	t.firstIns = append(t.firstIns[:0], t.ins[:n]...)
	ins, otherIns, plain, trained := t.firstIns, t.ins, o.plain[:n], 0
	for i := range half {
		j := half + i
		from, to := t.reach(i)
		otherFrom, otherTo := t.reach(j)
		both := to - from + otherTo - otherFrom - 2
		if both > t.pairRows || !plain[i] || !plain[j] {
			t.window(i, rows)
			t.window(j, rows)
			continue
		}
		center, otherCenter := ins[i], otherIns[j]
		vec.Pair(rows.Syn0, rows.Syn1neg, rows.Stride, without(ins[from:to], i-from), without(otherIns[otherFrom:otherTo], j-otherFrom), o.plainAt(i), o.plainAt(j),
			t.upcoming(i), t.upcoming(j), t.alpha, &t.grid)
		ins[i], otherIns[j] = center, otherCenter
		trained += both
		if t.sampled {
			t.stats.Loss += plainLoss(&t.grid, both, t.alpha)
		}
	}
	t.count(trained)
	return 2 * half
}

// without takes an element out of the list, in whose place the first one comes, until the caller puts it back.
func without(list []int, i int) []int {
	list[i] = list[0]
	return list[1:]
}

// reach is the window around kept[i]: kept[from:to], itself included. It has a context word at least.
func (t *Trainer) reach(i int) (from, to int) {
	return max(0, i-int(t.radius[i])), min(len(t.kept), i+int(t.radius[i])+1)
}

// upcoming is the input row that will enter the window next.
func (t *Trainer) upcoming(i int) int {
	return t.ins[min(i+1+t.model.settings.Window, len(t.kept)-1)]
}

// skipGram trains kept[i] against each word around it, in steps of at most t.rows context words.
func (t *Trainer) skipGram(i, from, to int, rows *Matrices) {
	center := t.ins[i]
	for ins := without(t.ins[from:to], i-from); len(ins) > 0; {
		m := min(len(ins), t.rows)
		for k := range t.targets {
			t.against(&t.targets[k], i, rows.Syn0, ins[:m], rows.Stride, t.upcoming(i))
		}
		ins = ins[m:]
	}
	t.ins[i] = center
}

// against trains input rows against all targets of kept[i], in steps of at most vec.MaxOuts differing output rows.
func (t *Trainer) against(o *targets, i int, in []float32, ins []int, stride, upcoming int) {
	for first, end := o.of(i); first < end; {
		n := distinct(o.offsets[first:min(first+vec.MaxOuts, end)])
		labels := o.labelsOf(i, first, n)
		vec.Window(in, o.rows, stride, ins, o.offsets[first:], n, upcoming, labels, t.alpha, &t.grid)
		if t.sampled {
			t.stats.Loss += loss(&t.grid, len(ins), n, labels, t.alpha)
		}
		first += n
	}
}

// distinct is the length of the longest prefix whose elements all differ. Elements are compared only where hashes of six bits meet.
func distinct(outs []int) int {
	seen := uint64(0)
	for n, out := range outs {
		bit := uint64(1) << (uint64(out) * 0x9e3779b97f4a7c15 >> 58)
		if seen&bit != 0 && slices.Contains(outs[:n], out) {
			return n
		}
		seen |= bit
	}
	return len(outs)
}

// locate looks up where the keys' rows begin. The kernel does not check offsets, so they are checked here. The result is followed by
// vec.MaxOuts offsets that may be prefetched.
func locate(offsets []int, keys []uint32, slots []int32, stride, size int, name string) []int {
	offsets = resize(offsets, len(keys)+vec.MaxOuts)
	clear(offsets[len(keys):])
	if slots == nil {
		if !vec.Offsets(offsets, keys, stride, size/stride) {
			panic(fmt.Sprintf("%s has no row for key %d", name, slices.Max(keys)))
		}
		return offsets
	}
	for i, key := range keys {
		offset := int(slots[key]) * stride
		if uint(offset) > uint(size-stride) {
			panic(fmt.Sprintf("%s has no row for key %d", name, key))
		}
		offsets[i] = offset
	}
	return offsets
}
