// Package pages gives large pieces of memory outside of Go's heap: the rows of a replica, the tensors of word vectors, a push
// while it is received.
//
// The collector lets the heap grow to twice of what lives in it before it looks at it again. With a model of gigabytes in the heap
// that is a second model's worth of what has been dropped already; outside, memory is given back when its owner says so.
package pages

import (
	"unsafe"

	"deepdist/internal/ranges"
)

// hugePage is one of the system's; what is smaller comes from the heap.
const hugePage = 2 << 20

// fromHeap takes memory from Go's heap, beginning at a cache line.
func fromHeap(bytes int) []byte {
	if bytes == 0 {
		return nil
	}
	memory := make([]byte, bytes+63)
	skip := -int(uintptr(unsafe.Pointer(&memory[0]))) & 63
	return memory[skip : skip+bytes : skip+bytes]
}

// Touch makes the system clear the pages of fresh memory now, with all processors, and not one after the other when they are first used. It writes zeros.
func Touch(memory []byte) {
	const page = 4096
	ranges.Each((len(memory)+page-1)/page, func(_, first, end int) {
		for at := first; at < end; at++ {
			memory[at*page] = 0
		}
	})
}
