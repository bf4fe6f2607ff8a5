package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The functions on vectors of any length take whole registers: n is a multiple of the register's floats and not 0, the caller does the rest.

func add(v wide) {
	TEXT("add"+v.suffix, NOSPLIT, "func(y, x *float32, n int)")
	Doc(fmt.Sprintf("add%s is Add of n floats, a positive multiple of %d.", v.suffix, v.floats))
	Pragma("noescape")
	y, x := Load(Param("y"), GP64()), Load(Param("x"), GP64())
	v.each(func(at func(Register) Mem) {
		sum := v.reg()
		VMOVUPS(at(y), sum)
		VADDPS(at(x), sum, sum)
		VMOVUPS(sum, at(y))
	})
	VZEROUPPER()
	RET()
}

func sub(v wide) {
	TEXT("sub"+v.suffix, NOSPLIT, "func(delta, x, base *float32, n int)")
	Doc(fmt.Sprintf("sub%s is Sub of n floats, a positive multiple of %d.", v.suffix, v.floats))
	Pragma("noescape")
	delta, x, base := Load(Param("delta"), GP64()), Load(Param("x"), GP64()), Load(Param("base"), GP64())
	v.each(func(at func(Register) Mem) {
		difference := v.reg()
		VMOVUPS(at(x), difference)
		VSUBPS(at(base), difference, difference)
		VMOVUPS(difference, at(delta))
	})
	VZEROUPPER()
	RET()
}

// allFinite looks for the largest exponent: infinities and NaNs have one of all ones, which nothing exceeds.
func allFinite(v wide) {
	TEXT("allFinite"+v.suffix, NOSPLIT, "func(x *float32, n int) bool")
	Doc(fmt.Sprintf("allFinite%s is AllFinite of n floats, a positive multiple of %d.", v.suffix, v.floats))
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	exponent, largest := v.bits(0xff<<23), v.zero()
	v.each(func(at func(Register) Mem) {
		bits := v.reg()
		VANDPS(at(x), exponent, bits)
		VPMAXUD(bits, largest, largest)
	})
	if v.floats == 16 {
		high := YMM()
		VEXTRACTF64X4(Imm(1), largest, high)
		VPMAXUD(high, largest.AsY(), largest.AsY())
	}
	VPCMPEQD(exponent.AsY(), largest.AsY(), largest.AsY())
	any, finite := GP32(), GP8()
	VMOVMSKPS(largest.AsY(), any)
	TESTL(any, any)
	SETEQ(finite)
	Store(finite, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// each walks over parameter n: four registers at a time, then one.
func (v wide) each(body func(at func(Register) Mem)) {
	i, left := GP64(), GP64()
	XORQ(i, i)
	Load(Param("n"), left)
	for _, width := range []int{4, 1} {
		loop, done := fmt.Sprintf("by%d", width), fmt.Sprintf("by%ddone", width)
		SUBQ(Imm(uint64(v.floats*width)), left)
		JL(LabelRef(done))
		Label(loop)
		for k := range width {
			body(func(base Register) Mem { return Mem{Base: base, Index: i, Scale: 4, Disp: 4 * v.floats * k} })
		}
		ADDQ(Imm(uint64(v.floats*width)), i)
		SUBQ(Imm(uint64(v.floats*width)), left)
		JGE(LabelRef(loop))
		Label(done)
		ADDQ(Imm(uint64(v.floats*width)), left)
	}
}

// peak is what the processor can do at most: independent multiplications and additions, with nothing to load or to store.
func peak(v wide) {
	TEXT("peak"+v.suffix, NOSPLIT, "func(rounds int)")
	Doc(fmt.Sprintf("peak%s does rounds times %d fused multiply-adds of %d lanes.", v.suffix, peakSums, v.floats))
	Pragma("noescape")
	rounds := Load(Param("rounds"), GP64())
	var sums []VecVirtual
	for range peakSums {
		sums = append(sums, v.zero())
	}
	x := v.zero()
	Label("rounds")
	for _, sum := range sums {
		VFMADD231PS(x, x, sum)
	}
	DECQ(rounds)
	JG(LabelRef("rounds"))
	VZEROUPPER()
	RET()
}

// peakSums is enough independent sums to hide the latency of each.
const peakSums = 12
