//go:build !purego

package vec

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate sh -c "cd gen && go run . -out ../avx512_amd64.s -stubs ../avx512_amd64.go -pkg vec"

// assembly lists the kernels that this processor can run.
func assembly() []kernel {
	x := cpu.X86
	if x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasBMI2 {
		return []kernel{{name: "avx512", window: windowAVX512, add: addRowsAVX512, sub: subRowsAVX512, allFinite: allFiniteRowsAVX512, peak: peakFlopsAVX512}}
	}
	return nil
}

// firstColumn marks, among the 16 scores of four rows and four columns, those of the first column.
const firstColumn = 0x1111

func windowAVX512(in, out []float32, dim int, ins, outs []int, n, next int, positive bool, alpha float32, grid *Grid) {
	if len(ins) == 0 {
		return
	}
	label := uint(0)
	if positive {
		label = firstColumn
	}
	a, b, i, o, g := unsafe.SliceData(in), unsafe.SliceData(out), unsafe.SliceData(ins), unsafe.SliceData(outs), (*float32)(unsafe.Pointer(grid))
	switch n {
	case 1:
		window1(a, b, dim, i, len(ins), o, next, label, alpha, g)
	case 2:
		window2(a, b, dim, i, len(ins), o, next, label, alpha, g)
	case 3:
		window3(a, b, dim, i, len(ins), o, next, label, alpha, g)
	case 4:
		window4(a, b, dim, i, len(ins), o, next, label, alpha, g)
	case 5:
		window5(a, b, dim, i, len(ins), o, next, label, alpha, g)
	case 6:
		window6(a, b, dim, i, len(ins), o, next, label, alpha, g)
	}
}

func addRowsAVX512(y, x []float32) { addAVX512(unsafe.SliceData(y), unsafe.SliceData(x), len(y)) }

func subRowsAVX512(delta, x, base []float32) {
	subAVX512(unsafe.SliceData(delta), unsafe.SliceData(x), unsafe.SliceData(base), len(delta))
}

func allFiniteRowsAVX512(x []float32) bool { return allFiniteAVX512(unsafe.SliceData(x), len(x)) }

func peakFlopsAVX512() int {
	const rounds = 1024
	peakAVX512(rounds)
	return rounds * 16 * 16 * 2
}
