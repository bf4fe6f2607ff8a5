//go:build !amd64 || purego

package vec

// assembly lists no kernel: there is none for this processor, or the tag purego asked for none.
func assembly() []kernel { return nil }

func (k *kernel) pair(in, out []float32, dim int, ins, otherIns []int, outs, others *[2 * MaxOuts]int, next, otherNext int, alpha float32, grid *Grid) {
	pairGeneric(in, out, dim, ins, otherIns, outs, others, next, otherNext, alpha, grid)
}
