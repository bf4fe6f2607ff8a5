package pages

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Alloc gives zeroed bytes, 64-byte aligned, outside of Go's heap and on huge pages where the system has them (rows are visited at
// random, and small pages would cost a walk of the page tables for most of them). free gives them back; it may be called twice.
// What is smaller than a huge page comes from the heap.
func Alloc(bytes int) (memory []byte, free func()) {
	if bytes < hugePage {
		return fromHeap(bytes), func() {}
	}
	mapping, err := unix.Mmap(-1, 0, bytes+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil { // a limit on address space, say: the heap may still have room, and if not, its error is the clearer one
		return fromHeap(bytes), func() {}
	}
	skip := -int(uintptr(unsafe.Pointer(&mapping[0]))) & (hugePage - 1)
	_ = unix.Madvise(mapping[skip:skip+bytes], unix.MADV_HUGEPAGE) // advice: a kernel without huge pages refuses it
	return mapping[skip : skip+bytes : skip+bytes], sync.OnceFunc(func() { _ = unix.Munmap(mapping) })
}
