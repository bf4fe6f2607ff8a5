package replica

import (
	"bytes"
	"fmt"
	"slices"

	"deepdist/internal/bundle"
	"deepdist/internal/pages"
	"deepdist/internal/ranges"
	"deepdist/internal/vec"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/word2vec"
)

// Words is the replica of word vectors: the whole vocabulary's rows, or those of one slice.
//
// The whole replica survives its push without another pull, if nobody else has pushed in between: the server has added delta d to
// each row b, in float32, and so does Settle, in the same order: b' = b + (x − b). That is in general not x itself.
//
// The protocol, per slice: Hold → Wanted, Begin, Values … (a pull) → Ready → trainers change Matrices → Deltas (a push) →
// Settle. It is not safe for concurrent use; only the trainers share it, as package word2vec says.
type Words struct {
	dim, stride int
	whole       bool
	version     uint64 // of the whole replica; 0: it must be pulled
	pulled      psclient.Pulled
	matrices    word2vec.Matrices
	parts       []part
}

// part is one matrix.
type part struct {
	name       string
	size       int      // rows that it has on the server
	keys       []uint32 // of the rows held, ascending; nil if whole
	rows, base []float32
	slots      []int32 // by key; −1: not held
	free       []func()
	changed    []uint32 // whole: rows that differ from base, found by Deltas
}

// NewWords returns an empty replica of a training's matrices for so many words.
func NewWords(size int, settings word2vec.Settings) *Words {
	w := &Words{dim: settings.VectorSize, stride: word2vec.Stride(settings.VectorSize)}
	for _, m := range settings.Matrices(size) {
		w.parts = append(w.parts, part{name: m.Name, size: m.Rows})
	}
	w.matrices.Stride = w.stride
	return w
}

// MostBytes is what a replica of all rows takes: the matrices, and the base of each.
func MostBytes(size int, settings word2vec.Settings) (bytes uint64) {
	for _, m := range settings.Matrices(size) {
		bytes += 2 * 4 * uint64(m.Rows) * uint64(word2vec.Stride(settings.VectorSize))
	}
	return bytes
}

// Close frees the rows. The replica is as it was when it was new: it may hold others.
func (w *Words) Close() {
	for i := range w.parts {
		w.parts[i].release()
		w.parts[i].keys, w.parts[i].slots = nil, nil
	}
	w.whole, w.version = false, 0
	w.share()
}

// Bytes is the memory that the rows take.
func (w *Words) Bytes() uint64 {
	n := 0
	for i := range w.parts {
		n += 4 * (len(w.parts[i].rows) + len(w.parts[i].base) + len(w.parts[i].slots))
	}
	return uint64(n)
}

// Forget makes the next pull bring everything: the rows here are not the server's any more.
func (w *Words) Forget() { w.version = 0 }

// Current tells whether all rows are held, as they were when this worker last heard of the server.
func (w *Words) Current() bool { return w.whole && w.version != 0 }

// HoldWhole makes room for all rows.
func (w *Words) HoldWhole() {
	if w.whole {
		return
	}
	w.whole, w.version = true, 0
	for i := range w.parts {
		p := &w.parts[i]
		p.release()
		p.keys, p.slots = nil, nil
		p.reserve(p.size, w.stride)
	}
	for i := range w.parts {
		pages.Touch(bundle.Bytes(w.parts[i].rows))
		pages.Touch(bundle.Bytes(w.parts[i].base))
	}
	w.share()
}

// Hold makes room for the rows of a slice: those that its records need.
func (w *Words) Hold(needed *word2vec.Needed) {
	if w.whole {
		w.whole, w.version = false, 0
		for i := range w.parts {
			w.parts[i].release()
		}
	}
	for i := range w.parts {
		p := &w.parts[i]
		p.hold(needed.Of(p.name).Keys(), w.stride)
	}
	w.share()
}

func (w *Words) share() {
	for i := range w.parts {
		w.matrices.Put(w.parts[i].name, w.parts[i].rows, w.parts[i].slots)
	}
}

// Wanted is what a pull must ask for, and the version that need not be sent again. No rows: no pull is needed.
func (w *Words) Wanted() (rows []psclient.Rows, ifNotVersion uint64) {
	for i := range w.parts {
		if p := &w.parts[i]; w.whole || len(p.keys) > 0 { // no keys would mean all
			rows = append(rows, psclient.Rows{Tensor: p.name, Keys: p.keys})
		}
	}
	return rows, w.version
}

// Begin takes the header of a pull.
func (w *Words) Begin(p psclient.Pulled) error {
	w.pulled = p
	if p.Unchanged && p.Version != w.version {
		return fmt.Errorf("pull: version %d is said to be unchanged, %d is held", p.Version, w.version)
	}
	return nil
}

// Values takes bytes of the i-th rows wanted, from offset on, wherever they were cut.
func (w *Words) Values(i int, offset uint64, values []byte) error {
	p := w.wantedPart(i)
	rowBytes := uint64(4 * w.dim)
	if p == nil || offset+uint64(len(values)) > uint64(len(p.base)/w.stride)*rowBytes || offset+uint64(len(values)) < offset {
		return fmt.Errorf("pull: %d bytes at %d of rows %d: more than was asked for", len(values), offset, i)
	}
	base := bundle.Bytes(p.base)
	for len(values) > 0 {
		row, within := offset/rowBytes, offset%rowBytes
		at := row*uint64(4*w.stride) + within
		n := copy(base[at:at+rowBytes-within], values)
		values, offset = values[n:], offset+uint64(n)
	}
	return nil
}

// wantedPart is the part of Wanted's i-th entry, which leaves out a part without keys.
func (w *Words) wantedPart(i int) *part {
	for at := range w.parts {
		if w.whole || len(w.parts[at].keys) > 0 {
			if i == 0 {
				return &w.parts[at]
			}
			i--
		}
	}
	return nil
}

// Ready ends a pull: the rows are the base.
func (w *Words) Ready() {
	if w.pulled.Unchanged {
		return // Settle has left the rows equal to the base
	}
	for i := range w.parts {
		rows, base := w.parts[i].rows, w.parts[i].base
		ranges.Each(len(rows), func(_, first, end int) { copy(rows[first:end], base[first:end]) })
	}
	if w.whole {
		w.version = w.pulled.Version
	}
}

// Pulled is the header of the last pull.
func (w *Words) Pulled() psclient.Pulled { return w.pulled }

// Matrices are the rows for the trainers.
func (w *Words) Matrices() *word2vec.Matrices { return &w.matrices }

// Deltas are the changes since the pull, for a push. The rows must stay as they are until the push has ended.
func (w *Words) Deltas() []psclient.Delta {
	var deltas []psclient.Delta
	for i := range w.parts {
		p := &w.parts[i]
		keys := p.keys
		if w.whole {
			keys = p.findChanged(w.stride)
		}
		if len(keys) == 0 {
			continue
		}
		delta := psclient.Delta{Tensor: psclient.Tensor{Name: p.name, DType: "float32", Shape: []int{len(keys), w.dim}}, Rows: len(keys), RowBytes: 4 * w.dim}
		if delta.Sparse = len(keys) < p.size; delta.Sparse {
			delta.Keys = keys
		}
		delta.Values = w.differences(p, keys)
		deltas = append(deltas, delta)
	}
	return deltas
}

// differences returns rows − base of keys[first:end], packed.
func (w *Words) differences(p *part, keys []uint32) func(first, end int) []byte {
	var packed []float32
	return func(first, end int) []byte {
		packed = slices.Grow(packed[:0], (end-first)*w.dim)[:(end-first)*w.dim]
		for i := first; i < end; i++ {
			row := i // a slice's rows lie in the order of its keys
			if w.whole {
				row = int(keys[i])
			}
			at := row * w.stride
			vec.Sub(packed[(i-first)*w.dim:(i-first+1)*w.dim], p.rows[at:at+w.dim], p.base[at:at+w.dim])
		}
		return bundle.Bytes(packed)
	}
}

// Settle follows an applied push. If it alone has made the server's version, the whole replica is the server's state again.
func (w *Words) Settle(version uint64) {
	if !w.whole || w.version == 0 || version != w.version+1 {
		w.version = 0
		return
	}
	for i := range w.parts {
		p := &w.parts[i]
		ranges.Each(len(p.changed), func(_, first, end int) {
			delta := make([]float32, w.stride)
			for _, key := range p.changed[first:end] {
				at := int(key) * w.stride
				rows, base := p.rows[at:at+w.stride], p.base[at:at+w.stride]
				vec.Sub(delta, rows, base)
				vec.Add(base, delta)
				copy(rows, base)
			}
		})
	}
	w.version = version
}

// findChanged lists the rows that training has changed: comparing costs less than noting every touch.
func (p *part) findChanged(stride int) []uint32 {
	lists := make([][]uint32, ranges.Count())
	ranges.Each(p.size, func(i, first, end int) {
		var list []uint32
		for key := first; key < end; key++ {
			at := key * stride
			if !bytes.Equal(bundle.Bytes(p.rows[at:at+stride]), bundle.Bytes(p.base[at:at+stride])) {
				list = append(list, uint32(key))
			}
		}
		lists[i] = list
	})
	p.changed = slices.Concat(lists...)
	return p.changed
}

// hold maps keys to rows 0, 1, 2, …
func (p *part) hold(keys []uint32, stride int) {
	if p.slots == nil {
		p.slots = slices.Repeat([]int32{-1}, p.size)
	}
	for _, key := range p.keys {
		p.slots[key] = -1
	}
	for row, key := range keys {
		p.slots[key] = int32(row)
	}
	p.keys = keys
	p.reserve(len(keys), stride)
}

// reserve makes room for n rows and their base; memory that is there is used again.
func (p *part) reserve(n, stride int) {
	if cap(p.rows) < n*stride {
		p.release()
		room := n
		if p.slots != nil {
			room += n / 4 // the next slice needs about as many
		}
		var freeRows, freeBase func()
		p.rows, freeRows = word2vec.AllocRows(room, stride)
		p.base, freeBase = word2vec.AllocRows(room, stride)
		p.free = []func(){freeRows, freeBase}
	}
	p.rows, p.base = p.rows[:n*stride], p.base[:n*stride]
}

func (p *part) release() {
	for _, free := range p.free {
		free()
	}
	p.rows, p.base, p.free, p.changed = nil, nil, nil, nil
}
