package word2vec

import (
	"fmt"

	"deepdist/internal/vec"
)

// Trainer is one thread's part: its scratch memory and its figures. After the longest record has been seen it allocates nothing.
type Trainer struct {
	model *Model
	rows  int // context words of one step
	Scratch
	ins   []int // offset in Syn0 of each kept token's row
	outs  []int // offset in Syn1neg of each row of Scratch.outs, and a tail that may be prefetched
	tile  [vec.MaxIns]int
	grid  vec.Grid
	stats Stats
}

// NewTrainer makes a trainer for the calling goroutine.
func NewTrainer(m *Model) *Trainer {
	return &Trainer{model: m, rows: max(1, min(vec.MaxIns, stepFloats/Stride(m.settings.VectorSize)))}
}

// stepFloats bounds the input rows of one step, so that it stays well below 100 µs at any vector size: assembly cannot be preempted.
const stepFloats = 1 << 16

// Train takes one step of training for every window of the record. A key without a row is a panic: the rows were not those that Need named.
func (t *Trainer) Train(rec Record, rows *Matrices, alpha float32) {
	rows.lock()
	defer rows.unlock()
	t.model.choose(rec, &t.Scratch)
	t.stats.Words += uint64(len(rec.Tokens))
	t.stats.Kept += uint64(t.survivors)
	if len(t.kept) == 0 {
		return
	}
	t.ins = locate(t.ins, t.kept, rows.Slot0, rows.Stride, len(rows.Syn0), "syn0")
	t.outs = locate(t.outs, t.Scratch.outs, rows.Slot1, rows.Stride, len(rows.Syn1neg), "syn1neg")
	sampled := lossSampled(t.model.settings.Seed, rec)
	for i := range t.kept {
		t.window(i, rows, alpha, sampled)
	}
}

// window trains kept[i] against the words around it, in steps of at most t.rows context words and vec.MaxOuts differing output words.
func (t *Trainer) window(i int, rows *Matrices, alpha float32, sampled bool) {
	from := max(0, i-int(t.radius[i]))
	to := min(len(t.kept), i+int(t.radius[i])+1)
	upcoming := t.ins[min(i+1+t.model.settings.Window, len(t.kept)-1)]
	t.stats.Pairs += uint64(to - from - 1)
	for at := from; at < to; {
		m := 0
		for ; at < to && m < t.rows; at++ {
			if at != i {
				t.tile[m] = t.ins[at]
				m++
			}
		}
		t.opponentsOf(i, rows, t.tile[:m], upcoming, alpha, sampled)
		if sampled {
			t.stats.LossPairs += uint64(m)
		}
	}
}

// opponentsOf trains the input rows of the tile against all output rows of window i.
func (t *Trainer) opponentsOf(i int, rows *Matrices, tile []int, upcoming int, alpha float32, sampled bool) {
	begin, end := int(t.ends[i]), int(t.ends[i+1])
	for first := begin; first < end; {
		outs := t.outs[first:]
		n := distinct(outs[:min(vec.MaxOuts, end-first)])
		positive := first == begin
		vec.Window(rows.Syn0, rows.Syn1neg, rows.Stride, tile, outs, n, upcoming, positive, alpha, &t.grid)
		if sampled {
			t.stats.Loss += loss(&t.grid, len(tile), n, positive, alpha)
		}
		first += n
	}
}

// distinct is the length of the longest prefix whose elements all differ.
func distinct(outs []int) int {
	for n := 1; n < len(outs); n++ {
		for _, earlier := range outs[:n] {
			if earlier == outs[n] {
				return n
			}
		}
	}
	return len(outs)
}

// locate looks up where the keys' rows begin. The kernel does not check offsets, so they are checked here. The result is followed by
// vec.MaxOuts offsets that may be prefetched.
func locate(offsets []int, keys []uint32, slots []int32, stride, size int, name string) []int {
	offsets = resize(offsets, len(keys)+vec.MaxOuts)
	for i, key := range keys {
		row := int(key)
		if slots != nil {
			row = int(slots[key])
		}
		offset := row * stride
		if uint(offset) > uint(size-stride) {
			panic(fmt.Sprintf("%s has no row for key %d", name, key))
		}
		offsets[i] = offset
	}
	clear(offsets[len(keys):])
	return offsets
}
