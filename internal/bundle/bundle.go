// Package bundle carries tensors between processes of one machine without copying them through a socket: they lie in one memfd,
// whose descriptor rides on a frame, and a JSON header in that frame says which tensor lies where (proto/README.md, "Bundles").
//
// The life of a bundle:
//
//  1. The sender lays the tensors out, one after another at multiples of 64 bytes, and fills the memfd (Write; or Create, which
//     maps it writable, so that what arrives in chunks is written to its final place).
//  2. It seals the memfd against shrinking and growing. A receiver that maps a file which its owner can truncate dies of SIGBUS
//     at the first read behind the end; a seal can't be taken back, so what was checked once stays true.
//  3. The receiver checks the seals and every extent against the file's real size, and only then maps (Map).
//
// A bundle that is read by many (a version of a model) is sealed against writing as well: then no reader can change what
// another one sees, however it maps the file.
package bundle

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Tensor is a named array. With Keys it is sparse: row i of Data belongs to key Keys[i] of the whole.
type Tensor struct {
	Name  string
	DType string
	Shape []int
	Keys  []uint32 // nil: dense
	Data  []byte
}

// Float32s views the data as float32; it must be of that dtype.
func (t *Tensor) Float32s() []float32 { return View[float32](t.Data) }

// Float64s views the data as float64; it must be of that dtype.
func (t *Tensor) Float64s() []float64 { return View[float64](t.Data) }

// View reinterprets bytes as numbers in native byte order, without a copy. The bytes must start at an address that the type may
// live at; mapped tensors and whole allocations do.
func View[T any](data []byte) []T {
	var zero T
	if len(data) == 0 {
		return nil
	}
	if uintptr(unsafe.Pointer(&data[0]))%unsafe.Alignof(zero) != 0 {
		panic("bundle: View of misaligned bytes")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), len(data)/int(unsafe.Sizeof(zero)))
}

// Bytes is the reverse of View.
func Bytes[T any](values []T) []byte {
	var zero T
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(zero)))
}

// Write makes a sealed memfd of the tensors, which nobody can change any more. The caller closes the file.
func Write(tensors []Tensor, numbers map[string]float64) (*os.File, Header, error) {
	w, err := Create(tensors, numbers)
	if err != nil {
		return nil, Header{}, err
	}
	for i := range tensors {
		if len(w.Tensors[i].Data) != len(tensors[i].Data) {
			w.Close()
			return nil, Header{}, fmt.Errorf("bundle: tensor %q has %d bytes, its shape %v of %s says %d", tensors[i].Name,
				len(tensors[i].Data), tensors[i].Shape, tensors[i].DType, len(w.Tensors[i].Data))
		}
		copy(w.Tensors[i].Data, tensors[i].Data)
	}
	return w.Seal()
}

// Writable is a bundle that is being filled: Tensors[i].Data is the memory of the memfd itself.
type Writable struct {
	Header  Header
	Tensors []Tensor

	file *os.File
	data []byte
}

// Create lays out tensors (their Data is not looked at; Keys are written at once) in a new memfd and maps it writable.
func Create(tensors []Tensor, numbers map[string]float64) (*Writable, error) {
	header, err := Layout(tensors, numbers)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("deepdist-bundle", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("bundle: create memfd: %w", err)
	}
	w := &Writable{Header: header, file: os.NewFile(uintptr(fd), "deepdist-bundle")}
	if header.Bytes > 0 {
		// Truncate alone reserves nothing: with /dev/shm's memory gone, the first write would be a SIGBUS. Allocate says so here.
		if err := unix.Fallocate(fd, 0, 0, header.Bytes); err != nil {
			w.Close()
			return nil, fmt.Errorf("bundle: no memory for %d bytes: %w", header.Bytes, err)
		}
		if w.data, err = unix.Mmap(fd, 0, int(header.Bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			w.Close()
			return nil, fmt.Errorf("bundle: map %d bytes: %w", header.Bytes, err)
		}
	}
	w.Tensors = views(&w.Header, w.data)
	for i := range tensors {
		copy(w.Tensors[i].Keys, tensors[i].Keys)
	}
	return w, nil
}

// Seal ends the filling: the mapping goes, and nobody can write, shrink or grow the file from here on. The caller closes it.
func (w *Writable) Seal() (*os.File, Header, error) {
	if err := w.unmap(); err != nil {
		w.Close()
		return nil, Header{}, err
	}
	if err := seal(int(w.file.Fd())); err != nil {
		w.Close()
		return nil, Header{}, fmt.Errorf("bundle: seal: %w", err)
	}
	file := w.file
	w.file = nil
	return file, w.Header, nil
}

// seal forbids all changes. The kernel gives up with EBUSY when somebody else, its own memory management on a busy machine for one, has
// held a page for more than some 150 ms; so it is asked again, for some seconds.
func seal(fd int) error {
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	for attempt := 1; ; attempt++ {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		if attempt == 30 || !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Close drops a bundle that is not to be sealed.
func (w *Writable) Close() error {
	err := w.unmap()
	if w.file != nil {
		err = errors.Join(err, w.file.Close())
		w.file = nil
	}
	return err
}

func (w *Writable) unmap() error {
	if w.data == nil {
		return nil
	}
	data := w.data
	w.data, w.Tensors = nil, nil
	return unix.Munmap(data)
}

// views cuts data as the checked header says.
func views(h *Header, data []byte) []Tensor {
	tensors := make([]Tensor, len(h.Tensors))
	for i, th := range h.Tensors {
		length, _ := ByteLen(th.DType, th.Shape)
		shape := make([]int, len(th.Shape))
		for d, n := range th.Shape {
			shape[d] = int(n)
		}
		tensors[i] = Tensor{Name: th.Name, DType: th.DType, Shape: shape, Data: slice(data, th.Offset, length)}
		if th.Keys != nil {
			tensors[i].Keys = View[uint32](slice(data, th.Keys.Offset, th.Keys.Count*4))
			if tensors[i].Keys == nil {
				tensors[i].Keys = []uint32{} // sparse without rows is still sparse
			}
		}
	}
	return tensors
}

// slice is empty for an empty extent, whose offset may lie anywhere.
func slice(data []byte, offset, length int64) []byte {
	if length == 0 {
		return []byte{}
	}
	return data[offset : offset+length : offset+length]
}
