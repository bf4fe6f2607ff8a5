package service

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"deepdist/internal/bundle"
	"deepdist/internal/vec"
	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// stage is a push as it comes in. Memory is taken for a delta when its shape has been found to fit its tensor, and only out of
// the bytes that the header announced, which have been reserved.
type stage struct {
	specs  map[string]session.Spec
	lend   func(bytes int) (memory []byte, giveBack func()) // for word vectors; else nil
	deltas []bundle.Tensor
	left   uint64 // of the bytes announced
	lent   []func()

	sparse bool // the delta opened last
	filled int  // bytes of its values that are in
}

func invalidText(text string) error { return errors.New(text) }

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// announce refuses a push that is larger than changing every row of every tensor.
func (s *stage) announce(bytes uint64) error {
	most := uint64(0)
	for _, spec := range s.specs {
		length, err := bundle.ByteLen(spec.DType, dims(spec.Shape))
		if err != nil {
			return err
		}
		most += uint64(length)
		if len(spec.Shape) > 0 {
			most += 4 * uint64(spec.Shape[0])
		}
	}
	if bytes > most {
		return fmt.Errorf("a gradient of %d bytes; the whole model with its keys has %d", bytes, most)
	}
	return nil
}

// take adds one message.
func (s *stage) take(m *pb.PushRequest) error {
	switch part := m.Part.(type) {
	case *pb.PushRequest_Delta_:
		return s.open(part.Delta)
	case *pb.PushRequest_Chunk_:
		return s.add(part.Chunk)
	}
	return errors.New("a message that is neither a delta nor a chunk")
}

// open begins the next delta.
func (s *stage) open(d *pb.PushRequest_Delta) error {
	if err := s.close(); err != nil {
		return err
	}
	t := d.GetTensor()
	if t == nil {
		return errors.New("a delta without a tensor")
	}
	spec, ok := s.specs[t.Name]
	if !ok {
		names := make([]string, 0, len(s.specs))
		for name := range s.specs {
			names = append(names, name)
		}
		return fmt.Errorf("gradient names %q, which is not in the model (it has %q)", t.Name, names)
	}
	for i := range s.deltas {
		if s.deltas[i].Name == t.Name {
			return fmt.Errorf("gradient names %q twice", t.Name)
		}
	}
	delta := bundle.Tensor{Name: t.Name, DType: t.Dtype, Shape: make([]int, len(t.Shape))}
	for i, n := range t.Shape {
		if n > math.MaxInt64 {
			return fmt.Errorf("gradient of %q has %d rows, the model has shape %v", t.Name, n, spec.Shape)
		}
		delta.Shape[i] = int(n)
	}
	if err := fits(spec, &delta, d.Sparse); err != nil {
		return err
	}
	length, err := bundle.ByteLen(delta.DType, dims(delta.Shape))
	if err != nil {
		return fmt.Errorf("gradient of %q: %w", t.Name, err)
	}
	need := uint64(length)
	if d.Sparse {
		need += 4 * uint64(delta.Shape[0])
	}
	if need > s.left {
		return fmt.Errorf("gradient of %q has %d bytes, of those announced %d are left", t.Name, need, s.left)
	}
	s.left -= need
	delta.Data = s.alloc(length)
	if d.Sparse {
		delta.Keys = make([]uint32, 0, delta.Shape[0])
	}
	s.deltas = append(s.deltas, delta)
	s.sparse, s.filled = d.Sparse, 0
	return nil
}

// alloc takes memory for a delta. Those of word vectors are as large as the model, and are given back as soon as they have been added; those of
// any other model may stand in line for the driver when their stream has ended, and go when nobody holds them.
func (s *stage) alloc(length int64) []byte {
	if s.lend == nil {
		return bundle.Bytes(make([]uint64, (length+7)/8))[:length:length]
	}
	data, giveBack := s.lend(int(length))
	s.lent = append(s.lent, giveBack)
	return data
}

// free gives the deltas of word vectors back: nobody may read them afterwards.
func (s *stage) free() {
	for _, giveBack := range s.lent {
		giveBack()
	}
}

// add takes a chunk of the delta opened last. Its numbers are looked at here, while they are in the cache.
func (s *stage) add(c *pb.PushRequest_Chunk) error {
	if len(s.deltas) == 0 {
		return errors.New("a chunk before any delta")
	}
	d := &s.deltas[len(s.deltas)-1]
	if len(c.Keys) > 0 {
		if !s.sparse || len(c.Keys)%4 != 0 || len(d.Keys)+len(c.Keys)/4 > d.Shape[0] {
			return fmt.Errorf("gradient of %q has %d bytes of keys too many", d.Name, len(c.Keys))
		}
		had := len(d.Keys)
		d.Keys, _ = keysOf(d.Keys, c.Keys)
		for i := max(had, 1); i < len(d.Keys); i++ {
			if d.Keys[i] <= d.Keys[i-1] {
				return fmt.Errorf("gradient of rows of %q: keys are not strictly ascending: %d after %d", d.Name, d.Keys[i], d.Keys[i-1])
			}
		}
	}
	if len(c.Values) > len(d.Data)-s.filled {
		return fmt.Errorf("gradient of %q has more values than its shape %v", d.Name, d.Shape)
	}
	copy(d.Data[s.filled:], c.Values)
	s.filled += len(c.Values)
	return nil
}

// close ends the delta opened last: it must be complete, and its numbers finite.
func (s *stage) close() error {
	if len(s.deltas) == 0 {
		return nil
	}
	d := &s.deltas[len(s.deltas)-1]
	if s.filled != len(d.Data) || (s.sparse && len(d.Keys) != d.Shape[0]) {
		return fmt.Errorf("gradient of %q is not complete: %d of %d bytes", d.Name, s.filled, len(d.Data))
	}
	if s.sparse && len(d.Keys) > 0 && int(d.Keys[len(d.Keys)-1]) >= specRows(s.specs[d.Name]) {
		return fmt.Errorf("gradient names row %d of %q, which has %d rows", d.Keys[len(d.Keys)-1], d.Name, specRows(s.specs[d.Name]))
	}
	if i := firstNotFinite(d); i >= 0 {
		return fmt.Errorf("gradient of %q is not finite (%s), first in row %d: the update is refused as a whole and the model unchanged; "+
			"lower the learning rate, or look at the rows of this partition", d.Name, valueAt(d, i), rowOf(d, i))
	}
	return nil
}

// finish ends the push.
func (s *stage) finish() error {
	if err := s.close(); err != nil {
		return err
	}
	if s.left != 0 {
		return fmt.Errorf("the gradient ended %d bytes before what was announced", s.left)
	}
	return nil
}

// fits checks dtype and shape before the keys are there.
func fits(spec session.Spec, d *bundle.Tensor, sparse bool) error {
	if !sparse {
		return session.Matches(spec, d)
	}
	if len(spec.Shape) == 0 || len(d.Shape) == 0 || d.Shape[0] > spec.Shape[0] {
		return fmt.Errorf("gradient of rows of %q has shape %v, the model has %v", d.Name, d.Shape, spec.Shape)
	}
	whole := *d
	whole.Shape = append([]int{spec.Shape[0]}, d.Shape[1:]...)
	return session.Matches(spec, &whole)
}

func specRows(spec session.Spec) int {
	if len(spec.Shape) == 0 {
		return 1
	}
	return spec.Shape[0]
}

// firstNotFinite finds the first NaN or infinity, or returns -1. Whole numbers are always finite.
func firstNotFinite(d *bundle.Tensor) int {
	switch d.DType {
	case "float32":
		if x := d.Float32s(); !vec.AllFinite(x) {
			for i, v := range x {
				if !finite(float64(v)) {
					return i
				}
			}
		}
	case "float64":
		for i, v := range d.Float64s() {
			if !finite(v) {
				return i
			}
		}
	case "float16":
		for i, bits := range bundle.View[uint16](d.Data) {
			if bits&0x7c00 == 0x7c00 { // an exponent of all ones
				return i
			}
		}
	}
	return -1
}

func valueAt(d *bundle.Tensor, i int) string {
	switch d.DType {
	case "float32":
		return strconv.FormatFloat(float64(d.Float32s()[i]), 'g', -1, 32)
	case "float64":
		return strconv.FormatFloat(d.Float64s()[i], 'g', -1, 64)
	}
	return "NaN or infinite"
}

// rowOf is the key of the row that value i lies in.
func rowOf(d *bundle.Tensor, i int) int {
	row := i
	if len(d.Shape) > 0 && d.Shape[0] > 0 {
		row = i / (len(d.Data) / bundle.DTypeSize(d.DType) / d.Shape[0])
	}
	if d.Keys != nil {
		return int(d.Keys[row])
	}
	return row
}

func dims(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, n := range shape {
		out[i] = int64(n)
	}
	return out
}
