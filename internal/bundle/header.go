package bundle

import (
	"fmt"
	"math"
	"math/bits"
)

// Align is what every offset in a bundle is a multiple of: a cache line, and the widest vector register.
const Align = 64

// MaxTensors bounds what one header may list; a model has tens of tensors, a hostile header millions.
const MaxTensors = 65536

// maxDims is NumPy's own limit on dimensions.
const maxDims = 32

// Header is the JSON of a bundle, embedded in the frame that carries its memfd.
type Header struct {
	Tensors []TensorHeader     `json:"tensors"`
	Numbers map[string]float64 `json:"numbers,omitempty"`
	Bytes   int64              `json:"bytes"`
}

// TensorHeader says where one tensor lies in the memfd.
type TensorHeader struct {
	Name   string      `json:"name"`
	DType  string      `json:"dtype"`
	Shape  []int64     `json:"shape"`
	Offset int64       `json:"offset"`
	Keys   *KeysHeader `json:"keys,omitempty"`
}

// KeysHeader says where the keys of a sparse tensor lie: uint32, strictly ascending, one per row.
type KeysHeader struct {
	Offset int64 `json:"offset"`
	Count  int64 `json:"count"`
}

// dtypes are NumPy's names of the element types that travel, with their sizes.
var dtypes = map[string]int{
	"bool": 1,
	"int8": 1, "int16": 2, "int32": 4, "int64": 8,
	"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
	"float16": 2, "float32": 4, "float64": 8,
}

// DTypeSize is the size in bytes of one element, or 0 for a dtype that no bundle carries.
func DTypeSize(dtype string) int { return dtypes[dtype] }

// Count is the number of elements of a shape. Dimensions come from the other end of a socket, so it refuses negative ones and a
// product that does not fit.
func Count(shape []int64) (int64, error) {
	if len(shape) > maxDims {
		return 0, fmt.Errorf("%d dimensions, at most %d can be", len(shape), maxDims)
	}
	n := uint64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("negative dimension %d", d)
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		}
		n = lo
	}
	return int64(n), nil
}

// ByteLen is the length in bytes of a tensor of this dtype and shape.
func ByteLen(dtype string, shape []int64) (int64, error) {
	size := DTypeSize(dtype)
	if size == 0 {
		return 0, fmt.Errorf("dtype %q is unknown; bool, (u)int8…64 and float16/32/64 can travel", dtype)
	}
	n, err := Count(shape)
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt64/int64(size) {
		return 0, fmt.Errorf("shape %v of %s has too many bytes", shape, dtype)
	}
	return n * int64(size), nil
}

// Check proves that every extent lies within size bytes, aligned, with a known dtype, and that names do not repeat. Extents may
// overlap: a reader never writes, so sharing bytes harms nobody but the sender.
func (h *Header) Check(size int64) error {
	if h.Bytes != size {
		return fmt.Errorf("bundle: header says %d bytes, the memfd has %d", h.Bytes, size)
	}
	if len(h.Tensors) > MaxTensors {
		return fmt.Errorf("bundle: %d tensors, at most %d can be", len(h.Tensors), MaxTensors)
	}
	seen := make(map[string]bool, len(h.Tensors))
	for i := range h.Tensors {
		t := &h.Tensors[i]
		if seen[t.Name] {
			return fmt.Errorf("bundle: tensor %q is there twice", t.Name)
		}
		seen[t.Name] = true
		length, err := ByteLen(t.DType, t.Shape)
		if err != nil {
			return fmt.Errorf("bundle: tensor %q: %w", t.Name, err)
		}
		if err := extent(t.Offset, length, size); err != nil {
			return fmt.Errorf("bundle: tensor %q: %w", t.Name, err)
		}
		if t.Keys == nil {
			continue
		}
		if len(t.Shape) == 0 || t.Keys.Count != t.Shape[0] {
			return fmt.Errorf("bundle: tensor %q: %d keys for shape %v", t.Name, t.Keys.Count, t.Shape)
		}
		if t.Keys.Count > math.MaxInt64/4 {
			return fmt.Errorf("bundle: tensor %q: too many keys", t.Name)
		}
		if err := extent(t.Keys.Offset, t.Keys.Count*4, size); err != nil {
			return fmt.Errorf("bundle: keys of tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// extent checks [offset, offset+length) against size without ever adding the two.
func extent(offset, length, size int64) error {
	switch {
	case offset < 0 || offset%Align != 0:
		return fmt.Errorf("offset %d is not a multiple of %d", offset, Align)
	case length == 0:
		return nil
	case offset > size || length > size-offset:
		return fmt.Errorf("%d bytes at %d lie outside the memfd of %d", length, offset, size)
	}
	return nil
}

// Layout gives tensors their places, one after another, and returns the header. Only Name, DType, Shape and whether there are
// keys matter; no Data is needed.
func Layout(tensors []Tensor, numbers map[string]float64) (Header, error) {
	h := Header{Tensors: make([]TensorHeader, 0, len(tensors)), Numbers: numbers}
	for i := range tensors {
		t := &tensors[i]
		shape := make([]int64, len(t.Shape))
		for d, n := range t.Shape {
			shape[d] = int64(n)
		}
		length, err := ByteLen(t.DType, shape)
		if err != nil {
			return Header{}, fmt.Errorf("bundle: tensor %q: %w", t.Name, err)
		}
		th := TensorHeader{Name: t.Name, DType: t.DType, Shape: shape, Offset: h.Bytes}
		if h.Bytes, err = after(h.Bytes, length); err != nil {
			return Header{}, fmt.Errorf("bundle: tensor %q: %w", t.Name, err)
		}
		if t.Keys != nil {
			th.Keys = &KeysHeader{Offset: h.Bytes, Count: int64(len(t.Keys))}
			if h.Bytes, err = after(h.Bytes, int64(len(t.Keys))*4); err != nil {
				return Header{}, fmt.Errorf("bundle: keys of tensor %q: %w", t.Name, err)
			}
		}
		h.Tensors = append(h.Tensors, th)
	}
	return h, h.Check(h.Bytes)
}

// after is the next aligned place behind length bytes at offset.
func after(offset, length int64) (int64, error) {
	if length > math.MaxInt64-Align-offset {
		return 0, fmt.Errorf("%d bytes at %d do not fit", length, offset)
	}
	return (offset + length + Align - 1) &^ (Align - 1), nil
}
