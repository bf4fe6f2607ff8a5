//go:build !purego

package vec

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate sh -c "cd gen && go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg vec"

// assembly lists the kernels that this processor can run, the best one first.
func assembly() []kernel {
	var kernels []kernel
	x := cpu.X86
	if x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512CD && x.HasAVX2 && x.HasBMI2 && x.HasPOPCNT {
		kernels = append(kernels, kernel{
			name: "avx512", window: windowWith(stepsAVX512), set: avx512, gather: gatherWith(gatherAVX512), spread: spreadWith(spreadAVX512),
			draw: drawWith(drawAVX512, 8), thin: thinWith(thinAVX512, 8), opponents: opponentsWith(opponentsAVX512), offsets: offsetsWith(offsetsAVX512, 8),
			add: addWith(addAVX512, 16), sub: subWith(subAVX512, 16), allFinite: allFiniteWith(allFiniteAVX512, 16), peak: peakWith(peakAVX512, 16),
		})
	}
	if x.HasAVX2 && x.HasFMA {
		kernels = append(kernels, kernel{
			name: "avx2", window: windowWith(stepsAVX2), set: avx2, gather: gatherWith(gatherAVX2), spread: spreadWith(spreadAVX2),
			draw: drawWith(drawAVX2, 4), thin: thinGeneric, opponents: opponentsGeneric, offsets: offsetsGeneric,
			add: addWith(addAVX2, 8), sub: subWith(subAVX2, 8), allFinite: allFiniteWith(allFiniteAVX2, 8), peak: peakWith(peakAVX2, 8),
		})
	}
	return kernels
}

// steps are a kernel's functions by the number of output rows.
type steps [1 + MaxOuts]func(in, out *float32, dim int, ins *int, m int, outs *int, next int, label uint, alpha float32, grid *float32)

var (
	stepsAVX512 = steps{1: window1AVX512, window2AVX512, window3AVX512, window4AVX512, window5AVX512, window6AVX512}
	stepsAVX2   = steps{1: window1AVX2, window2AVX2, window3AVX2, window4AVX2, window5AVX2, window6AVX2}
)

func windowWith(steps steps) func(in, out []float32, dim int, ins, outs []int, n, next int, labels uint, alpha float32, grid *Grid) {
	return func(in, out []float32, dim int, ins, outs []int, n, next int, labels uint, alpha float32, grid *Grid) {
		if len(ins) == 0 {
			return
		}
		steps[n](unsafe.SliceData(in), unsafe.SliceData(out), dim, unsafe.SliceData(ins), len(ins), unsafe.SliceData(outs), next,
			scoreLabels[labels&(1<<MaxOuts-1)], alpha, (*float32)(unsafe.Pointer(grid)))
	}
}

// pair calls the assembly by its name: through a function value each argument would be copied twice more, which took a fiftieth of the time of training.
func (k *kernel) pair(in, out []float32, dim int, ins, otherIns []int, outs, others *[2 * MaxOuts]int, next, otherNext int, alpha float32, grid *Grid) {
	switch {
	case len(ins) == 0 || len(otherIns) == 0 || k.set == plain:
		pairGeneric(in, out, dim, ins, otherIns, outs, others, next, otherNext, alpha, grid)
	case k.set == avx512:
		pairAVX512(unsafe.SliceData(in), unsafe.SliceData(out), dim, unsafe.SliceData(ins), unsafe.SliceData(otherIns), len(ins), len(ins)+len(otherIns), &outs[0], &others[0], next, otherNext,
			scoreLabels[1], alpha, (*float32)(unsafe.Pointer(grid)))
	default:
		pairAVX2(unsafe.SliceData(in), unsafe.SliceData(out), dim, unsafe.SliceData(ins), unsafe.SliceData(otherIns), len(ins), len(ins)+len(otherIns), &outs[0], &others[0], next, otherNext,
			scoreLabels[1], alpha, (*float32)(unsafe.Pointer(grid)))
	}
}

// scoreLabels are the labels of the scores in a register by those of the columns: of four rows and four columns in the lower 16 bits,
// of eight rows and the two columns on the right in the upper 16 bits.
var scoreLabels = func() (table [1 << MaxOuts]uint) {
	columns := [MaxOuts]uint{0x1111, 0x2222, 0x4444, 0x8888, 0x5555 << 16, 0xaaaa << 16}
	for labels := range table {
		for n, scores := range columns {
			if labels>>n&1 == 1 {
				table[labels] |= scores
			}
		}
	}
	return table
}()

func gatherWith(assembly func(sum, in *float32, dim int, ins *int, m int, scale float32, next int)) func(sum, in []float32, ins []int, scale float32, next int) {
	return func(sum, in []float32, ins []int, scale float32, next int) {
		assembly(unsafe.SliceData(sum), unsafe.SliceData(in), len(sum), unsafe.SliceData(ins), len(ins), scale, next)
	}
}

func spreadWith(assembly func(in *float32, dim int, ins *int, m int, after, before *float32, scale float32)) func(in []float32, ins []int, after, before []float32, scale float32) {
	return func(in []float32, ins []int, after, before []float32, scale float32) {
		assembly(unsafe.SliceData(in), len(after), unsafe.SliceData(ins), len(ins), unsafe.SliceData(after), unsafe.SliceData(before), scale)
	}
}

// drawWith does in assembly what fills whole registers of so many random numbers, and the rest in Go. So does thinWith.
func drawWith(assembly func(words *uint32, n int, table *uint64, cells int, state uint64), lanes int) func(words []uint32, table []Cell, r Random) {
	return func(words []uint32, table []Cell, r Random) {
		n := len(words) &^ (lanes - 1)
		if n > 0 {
			assembly(unsafe.SliceData(words), n, (*uint64)(unsafe.Pointer(unsafe.SliceData(table))), len(table), uint64(r))
		}
		drawGeneric(words[n:], table, r+Random(n)*randomStep)
	}
}

func thinWith(assembly func(kept, tokens *uint32, n int, keep *uint32, words int, state uint64) (count int, largest uint32), lanes int) func(kept, tokens, keep []uint32, r Random) int {
	return func(kept, tokens, keep []uint32, r Random) int {
		n, count := len(tokens)&^(lanes-1), 0
		if n > 0 {
			var largest uint32
			count, largest = assembly(unsafe.SliceData(kept), unsafe.SliceData(tokens), n, unsafe.SliceData(keep), len(keep), uint64(r))
			_ = keep[largest] // the assembly leaves out a token that has no threshold; here it is a panic, as below
		}
		return count + thinGeneric(kept[count:], tokens[n:], keep, r+Random(n)*randomStep)
	}
}

func opponentsWith(assembly func(outs *uint32, plain *bool, centers *uint32, n int, drawn *uint32)) func(outs []uint32, plain []bool, centers, drawn []uint32) {
	return func(outs []uint32, plain []bool, centers, drawn []uint32) {
		assembly(unsafe.SliceData(outs), unsafe.SliceData(plain), unsafe.SliceData(centers), len(centers), unsafe.SliceData(drawn))
	}
}

func offsetsWith(assembly func(offsets *int, keys *uint32, n, stride int) (largest uint32), lanes int) func(offsets []int, keys []uint32, stride, rows int) bool {
	return func(offsets []int, keys []uint32, stride, rows int) bool {
		n := len(keys) &^ (lanes - 1)
		if n > 0 && int(assembly(unsafe.SliceData(offsets), unsafe.SliceData(keys), n, stride)) >= rows {
			return false
		}
		return offsetsGeneric(offsets[n:], keys[n:], stride, rows)
	}
}

// addWith does in assembly what fills whole registers of so many floats, and the rest in Go. So do the next two.
func addWith(assembly func(y, x *float32, n int), floats int) func(y, x []float32) {
	return func(y, x []float32) {
		n := len(y) &^ (floats - 1)
		if n > 0 {
			assembly(unsafe.SliceData(y), unsafe.SliceData(x), n)
		}
		addGeneric(y[n:], x[n:])
	}
}

func subWith(assembly func(delta, x, base *float32, n int), floats int) func(delta, x, base []float32) {
	return func(delta, x, base []float32) {
		n := len(delta) &^ (floats - 1)
		if n > 0 {
			assembly(unsafe.SliceData(delta), unsafe.SliceData(x), unsafe.SliceData(base), n)
		}
		subGeneric(delta[n:], x[n:], base[n:])
	}
}

func allFiniteWith(assembly func(x *float32, n int) bool, floats int) func(x []float32) bool {
	return func(x []float32) bool {
		n := len(x) &^ (floats - 1)
		return (n == 0 || assembly(unsafe.SliceData(x), n)) && allFiniteGeneric(x[n:])
	}
}

func peakWith(assembly func(rounds int), floats int) func() int {
	return func() int {
		const rounds, sums = 1024, 12
		assembly(rounds)
		return rounds * sums * floats * 2
	}
}
