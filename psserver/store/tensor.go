// Package store holds the model: named tensors of any dtype, whose first dimension counts rows that are addressed by key.
//
// A tensor's memory is one of two kinds. Word vectors lie in the server's own memory and are changed by many pushes while many
// pulls read them: AddRows and ReadRows lock stripes of rows, so a reader never sees half a row of a sum, yet readers of other
// rows are not held up. Tensors of any other model lie in memory that the driver shares, where the driver's own descent writes
// them; those are only touched by whoever holds the session's lock, and workers read immutable copies (Version).
package store

import (
	"fmt"
	"runtime"
	"sync"

	"deepdist/internal/bundle"
	"deepdist/internal/pages"
	"deepdist/internal/vec"
)

// stripes is how many locks guard the rows of one tensor: enough that readers seldom meet a writer, few enough to take them all.
const stripes = 64

// Tensor is one named matrix.
type Tensor struct {
	bundle.Tensor
	mapped *bundle.Mapped // of memory shared with the driver; else nil

	// locks[i] guards the rows of stripe i: the rows are cut into `stripes` ranges of equal length, in order, so that a run of
	// neighbouring rows needs one lock.
	locks [stripes]sync.RWMutex
}

// New makes a tensor of zeros in the server's own memory, outside of the heap. It is given back when nobody holds the Tensor any more: late
// readers may hold it longer than the store does. Its Data alone does not keep it.
func New(name, dtype string, shape ...int) (*Tensor, error) {
	length, err := bundle.ByteLen(dtype, dims(shape))
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	data, free := pages.Alloc(int(length))
	t := &Tensor{Tensor: bundle.Tensor{Name: name, DType: dtype, Shape: shape, Data: data}}
	runtime.AddCleanup(t, func(free func()) { free() }, free)
	return t, nil
}

// Share makes a tensor of a mapping that the driver writes as well; it must hold exactly one tensor. The Tensor owns the mapping.
func Share(mapped *bundle.Mapped) *Tensor { return &Tensor{Tensor: mapped.Tensors[0], mapped: mapped} }

// Close gives shared memory back. A tensor of the server's own memory needs no Close: late readers may still hold it.
func (t *Tensor) Close() error {
	if t.mapped == nil {
		return nil
	}
	t.Data = nil
	return t.mapped.Close()
}

// Rows is the length of the first dimension; a scalar has one row.
func (t *Tensor) Rows() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[0]
}

// RowBytes is the length of one row.
func (t *Tensor) RowBytes() int {
	n := bundle.DTypeSize(t.DType)
	for i := 1; i < len(t.Shape); i++ {
		n *= t.Shape[i]
	}
	return n
}

// stripe is which lock guards a row.
func (t *Tensor) stripe(row int) int { return row * stripes / t.Rows() }

// stripeEnd is the first row behind a stripe.
func (t *Tensor) stripeEnd(stripe int) int { return ((stripe+1)*t.Rows() + stripes - 1) / stripes }

// AddRows adds row i of values to the row of keys[i]: the whole of combining, W[r] += d. Keys ascend and are checked by the
// caller, as is the dtype, float32. Nil keys add to every row.
func (t *Tensor) AddRows(keys []uint32, values []float32) {
	w, dim := t.Float32s(), t.RowBytes()/4
	if keys == nil {
		for stripe, row := 0, 0; row < t.Rows(); stripe++ {
			end := t.stripeEnd(stripe)
			t.locks[stripe].Lock()
			vec.Add(w[row*dim:end*dim], values[row*dim:end*dim])
			t.locks[stripe].Unlock()
			row = end
		}
		return
	}
	for i := 0; i < len(keys); {
		stripe := t.stripe(int(keys[i]))
		end := t.stripeEnd(stripe)
		t.locks[stripe].Lock()
		for ; i < len(keys) && int(keys[i]) < end; i++ {
			at := int(keys[i]) * dim
			vec.Add(w[at:at+dim], values[i*dim:(i+1)*dim])
		}
		t.locks[stripe].Unlock()
	}
}

// ReadRows copies rows into dst, which must be as long as they are: those of keys (ascending, checked by the caller).
func (t *Tensor) ReadRows(keys []uint32, dst []byte) {
	size := t.RowBytes()
	for i := 0; i < len(keys); {
		stripe := t.stripe(int(keys[i]))
		end := t.stripeEnd(stripe)
		t.locks[stripe].RLock()
		for ; i < len(keys) && int(keys[i]) < end; i++ {
			copy(dst[i*size:(i+1)*size], t.Data[int(keys[i])*size:])
		}
		t.locks[stripe].RUnlock()
	}
}

// ReadRange copies the rows [first, end) into dst.
func (t *Tensor) ReadRange(first, end int, dst []byte) {
	size := t.RowBytes()
	for row := first; row < end; {
		stripe := t.stripe(row)
		stop := min(end, t.stripeEnd(stripe))
		t.locks[stripe].RLock()
		copy(dst[(row-first)*size:(stop-first)*size], t.Data[row*size:stop*size])
		t.locks[stripe].RUnlock()
		row = stop
	}
}

func dims(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, n := range shape {
		out[i] = int64(n)
	}
	return out
}
