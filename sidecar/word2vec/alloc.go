package word2vec

import (
	"deepdist/internal/bundle"
	"deepdist/internal/pages"
)

// AllocRows gives n zeroed rows, 64-byte aligned and outside of Go's heap. free gives them back; it may be called twice.
func AllocRows(n, stride int) (rows []float32, free func()) {
	memory, free := pages.Alloc(n * stride * 4)
	return bundle.View[float32](memory), free
}

// alignedRows is for the few that stay.
func alignedRows(floats int) []float32 {
	rows, _ := pages.Alloc(floats * 4)
	return bundle.View[float32](rows)
}
