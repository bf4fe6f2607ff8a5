package word2vec

import "unsafe"

// alignedRows takes rows from Go's heap, beginning at a cache line.
func alignedRows(floats int) []float32 {
	memory := make([]float32, floats+15)
	skip := -int(uintptr(unsafe.Pointer(&memory[0]))) & 63 / 4
	return memory[skip : skip+floats : skip+floats]
}
