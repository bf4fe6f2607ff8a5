package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// wide is a kind of vector register, and by that one of the two instruction sets. Rows are a multiple of 16 floats, so 512 bits divide them, and 256 bits twice over.
type wide struct {
	suffix    string
	floats    int
	reg       func() VecVirtual
	rows      int // input rows whose scores are computed together: as many as fit into the registers with all output rows
	registers int // of a row, in an update at a time
}

var (
	zmm = wide{"AVX512", 16, ZMM, 4, 2}
	ymm = wide{"AVX2", 8, YMM, 2, 1}
)

// zero clears a register. (avo 0.5.0 knows of the older XORs, but not of VPXORD, that they do not read what they clear.)
func (v wide) zero() VecVirtual {
	r := v.reg()
	if v.floats == 8 {
		VXORPS(r, r, r)
		return r
	}
	clearing, err := x86.VPXORD(r, r, r)
	if err != nil {
		panic(err)
	}
	clearing.CancellingInputs = true
	Instruction(clearing)
	return r
}

// number fills a register with a constant. (avo 0.5.0 prints F32(1) as the integer $1, hence the bits.)
func (v wide) number(value float32) VecVirtual { return v.bits(math.Float32bits(value)) }

// bits fills a register with the same 32 bits.
func (v wide) bits(value uint32) VecVirtual {
	bits, r := GP32(), v.reg()
	MOVL(U32(value), bits)
	v.fill(bits, r)
	return r
}

func (v wide) fill(bits Register, r VecVirtual) {
	VMOVD(bits, r.AsX())
	VPBROADCASTD(r.AsX(), r)
}

// lanesOf gives x in the lanes whose bits are set, among the lowest ones, and 0 in the others.
func (v wide) lanesOf(bits Register, x VecVirtual) VecVirtual {
	r := v.reg()
	if v.floats == 16 {
		mask := K()
		KMOVW(bits, mask)
		VMOVAPS_Z(x, mask, r)
		return r
	}
	places := v.reg()
	VMOVDQU(bitPlaces, places)
	v.fill(bits, r)
	VPAND(places, r, r)
	VPCMPEQD(places, r, r)
	VPAND(x, r, r)
	return r
}

// bitPlaces is 1, 2, 4, … 128.
var bitPlaces Mem

func constants() {
	bitPlaces = GLOBL("bitPlaces", RODATA|NOPTR)
	for k := range 8 {
		DATA(4*k, U32(1<<k))
	}
	evenPlaces = GLOBL("evenPlaces", RODATA|NOPTR)
	for k := range 8 {
		DATA(4*k, U32(2*k%8))
	}
	randomSteps = GLOBL("randomSteps", RODATA|NOPTR)
	for k := range uint64(8) {
		DATA(int(8*k), U64((k+1)*randomStep))
	}
}
