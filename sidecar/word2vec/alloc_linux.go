package word2vec

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// AllocRows gives n zeroed rows outside of Go's heap, 64-byte aligned and on huge pages where the system has them (rows are
// visited at random, and small pages would cost a walk of the page tables for most of them). free gives them back; it may be called twice.
func AllocRows(n, stride int) (rows []float32, free func()) {
	size := n * stride * 4
	if size == 0 {
		return nil, func() {}
	}
	if size < hugePage {
		return alignedRows(n * stride), func() {}
	}
	mapping, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil { // a limit on address space, say: the heap may still have room, and if not, its error is the clearer one
		return alignedRows(n * stride), func() {}
	}
	skip := -int(uintptr(unsafe.Pointer(&mapping[0]))) & (hugePage - 1)
	_ = unix.Madvise(mapping[skip:skip+size], unix.MADV_HUGEPAGE) // advice: a kernel without huge pages refuses it
	rows = unsafe.Slice((*float32)(unsafe.Pointer(&mapping[skip])), n*stride)
	return rows, sync.OnceFunc(func() { _ = unix.Munmap(mapping) })
}
