//go:build !linux

package word2vec

// AllocRows gives n zeroed rows, 64-byte aligned. free is for the systems where they lie outside of Go's heap.
func AllocRows(n, stride int) (rows []float32, free func()) {
	return alignedRows(n * stride), func() {}
}
