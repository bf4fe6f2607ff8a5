//go:build !linux

package pages

// Alloc gives zeroed bytes, 64-byte aligned. free is for the systems where they lie outside of Go's heap.
func Alloc(bytes int) (memory []byte, free func()) { return fromHeap(bytes), func() {} }
