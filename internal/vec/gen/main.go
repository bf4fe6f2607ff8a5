// The generator of internal/vec's assembly. It has a go.mod of its own, so that avo is no dependency of DeepDist.
// Run `go generate ./internal/vec` at the root of the repository; the same generator gives the same bytes.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

func main() {
	ConstraintExpr("amd64,!purego")
	constants()
	for columns := 1; columns <= maxOuts; columns++ {
		window(columns)
	}
	gather(zmm)
	spread(zmm)
	add()
	sub()
	allFinite()
	peak()
	for columns := 1; columns <= maxOuts; columns++ {
		windowAVX2(columns)
	}
	gather(ymm)
	spread(ymm)
	addAVX2()
	subAVX2()
	allFiniteAVX2()
	peakAVX2()
	Generate()
}

const (
	lanes = 16 // float32 in a register

	// The layout of vec.Grid, in bytes.
	maxOuts    = 6
	maxIns     = 32
	scoreLeft  = 0
	scoreRight = scoreLeft + maxIns*4*4
	errorLeft  = scoreRight + maxIns*2*4
	errorRight = errorLeft + maxIns*4*4
)

// broadcast fills a register with a constant. (avo 0.5.0 prints F32(1) as the integer $1, hence the bits.)
func broadcast(value float32) VecVirtual {
	bits, v := GP32(), ZMM()
	MOVL(U32(math.Float32bits(value)), bits)
	VPBROADCASTD(bits, v)
	return v
}

// zero clears a register. (avo 0.5.0 knows of the older XORs, but not of VPXORD, that they do not read what they clear.)
func zero() VecVirtual {
	v := ZMM()
	clearing, err := x86.VPXORD(v, v, v)
	if err != nil {
		panic(err)
	}
	clearing.CancellingInputs = true
	Instruction(clearing)
	return v
}
