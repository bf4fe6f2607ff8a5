// Package vec is the arithmetic that training spends its time in: the step of one training window and the random choices before it, and adding up, adding to,
// subtracting and checking rows.
//
// Every function exists as a plain Go loop, which is its definition (generic.go, window.go, random.go, gather.go), and as assembly written by the generator in gen/.
// One set of them, the kernel, is chosen once at start by what the processor can do; Use chooses another, and the build tag purego leaves only
// the plain one. All kernels choose the same words and compute the same thing up to the rounding of float32 sums, and the tests hold them to it.
//
// A call never runs for long: assembly cannot be preempted by Go's scheduler, so long vectors are walked in pieces.
package vec

import (
	"fmt"
	"strings"
)

// set is a set of instructions.
type set int

const (
	plain set = iota // Go's own
	avx2
	avx512
)

// kernel is one set of implementations. That of Pair is chosen by the instructions.
type kernel struct {
	name      string
	window    func(in, out []float32, dim int, ins, outs []int, n, next int, labels uint, alpha float32, grid *Grid)
	set       set
	gather    func(sum, in []float32, ins []int, scale float32, next int)
	spread    func(in []float32, ins []int, after, before []float32, scale float32)
	draw      func(words []uint32, table []Cell, r Random)
	thin      func(kept, tokens, keep []uint32, r Random) int
	opponents func(outs []uint32, plain []bool, centers, drawn []uint32)
	offsets   func(offsets []int, keys []uint32, stride, rows int) bool
	add       func(y, x []float32)
	sub       func(delta, x, base []float32)
	allFinite func(x []float32) bool
	peak      func() (flops int)
}

var generic = kernel{
	name: "generic", window: windowGeneric, gather: gatherGeneric, spread: spreadGeneric,
	draw: drawGeneric, thin: thinGeneric, opponents: opponentsGeneric, offsets: offsetsGeneric,
	add: addGeneric, sub: subGeneric, allFinite: allFiniteGeneric, peak: peakGeneric,
}

// kernels are those that this processor and this build can run, the best one first.
var kernels = append(assembly(), generic)

var chosen = kernels[0]

// Name says which kernel is in use: "avx512", "avx2" or "generic".
func Name() string { return chosen.name }

// Names lists the kernels that can run here, the best one first.
func Names() []string {
	names := make([]string, len(kernels))
	for i, k := range kernels {
		names[i] = k.name
	}
	return names
}

// Auto is the name by which Use chooses the best kernel.
const Auto = "auto"

// Use chooses the kernel by its name. It is called at start, before anything computes.
func Use(name string) error {
	if name == Auto {
		chosen = kernels[0]
		return nil
	}
	for _, k := range kernels {
		if k.name == name {
			chosen = k
			return nil
		}
	}
	return fmt.Errorf("kernel %q cannot run on this processor or is not in this build: choose %s or one of %s", name, Auto, strings.Join(Names(), ", "))
}

// piece bounds the floats that one call into assembly handles: some microseconds, far below what the scheduler would notice.
const piece = 1 << 14

// Add is y[i] += x[i]. The slices have the same length.
func Add(y, x []float32) {
	sameLength(len(y), len(x))
	for len(y) > piece {
		chosen.add(y[:piece], x[:piece])
		y, x = y[piece:], x[piece:]
	}
	chosen.add(y, x)
}

// Sub is delta[i] = x[i] - base[i]. The slices have the same length; delta may be x or base itself.
func Sub(delta, x, base []float32) {
	sameLength(len(delta), len(x))
	sameLength(len(delta), len(base))
	for len(delta) > piece {
		chosen.sub(delta[:piece], x[:piece], base[:piece])
		delta, x, base = delta[piece:], x[piece:], base[piece:]
	}
	chosen.sub(delta, x, base)
}

// AllFinite says that no element is an infinity or a NaN.
func AllFinite(x []float32) bool {
	for len(x) > piece {
		if !chosen.allFinite(x[:piece]) {
			return false
		}
		x = x[piece:]
	}
	return chosen.allFinite(x)
}

// Peak does some microseconds of multiplications and additions that wait for no memory, and says how many those were: the yardstick of the benchmarks.
func Peak() (flops int) { return chosen.peak() }

func sameLength(a, b int) {
	if a != b {
		panic(fmt.Sprintf("vec: slices of %d and %d floats", a, b))
	}
}
