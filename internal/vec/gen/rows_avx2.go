package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The AVX2 functions on rows take whole registers: n is a multiple of 8 and not 0, the caller does the rest.

func addAVX2() {
	TEXT("addAVX2", NOSPLIT, "func(y, x *float32, n int)")
	Doc("addAVX2 is Add of n floats, a positive multiple of 8.")
	Pragma("noescape")
	y, x := Load(Param("y"), GP64()), Load(Param("x"), GP64())
	eights(func(at func(Register) Mem) {
		v := YMM()
		VMOVUPS(at(y), v)
		VADDPS(at(x), v, v)
		VMOVUPS(v, at(y))
	})
	VZEROUPPER()
	RET()
}

func subAVX2() {
	TEXT("subAVX2", NOSPLIT, "func(delta, x, base *float32, n int)")
	Doc("subAVX2 is Sub of n floats, a positive multiple of 8.")
	Pragma("noescape")
	delta, x, base := Load(Param("delta"), GP64()), Load(Param("x"), GP64()), Load(Param("base"), GP64())
	eights(func(at func(Register) Mem) {
		v := YMM()
		VMOVUPS(at(x), v)
		VSUBPS(at(base), v, v)
		VMOVUPS(v, at(delta))
	})
	VZEROUPPER()
	RET()
}

func allFiniteAVX2() {
	TEXT("allFiniteAVX2", NOSPLIT, "func(x *float32, n int) bool")
	Doc("allFiniteAVX2 is AllFinite of n floats, a positive multiple of 8.")
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	bits, exponent := GP32(), YMM()
	MOVL(U32(0xff<<23), bits)
	VMOVD(bits, exponent.AsX())
	VPBROADCASTD(exponent.AsX(), exponent)
	seen := YMM()
	VPXOR(seen, seen, seen)
	eights(func(at func(Register) Mem) {
		v := YMM()
		VPAND(at(x), exponent, v)
		VPCMPEQD(exponent, v, v)
		VPOR(v, seen, seen)
	})
	any, finite := GP32(), GP8()
	VMOVMSKPS(seen, any)
	TESTL(any, any)
	SETEQ(finite)
	Store(finite, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func eights(body func(at func(Register) Mem)) {
	i := GP64()
	XORQ(i, i)
	Label("eights")
	body(func(base Register) Mem { return Mem{Base: base, Index: i, Scale: 4} })
	ADDQ(Imm(8), i)
	CMPQ(i, parameter("n"))
	JL(LabelRef("eights"))
}

func peakAVX2() {
	const independent = 12
	TEXT("peakAVX2", NOSPLIT, "func(rounds int)")
	Doc("peakAVX2 does rounds times 12 fused multiply-adds of 8 lanes.")
	Pragma("noescape")
	rounds := Load(Param("rounds"), GP64())
	x := zeroY()
	var sums []VecVirtual
	for range independent {
		sums = append(sums, zeroY())
	}
	Label("rounds")
	for _, sum := range sums {
		VFMADD231PS(x, x, sum)
	}
	DECQ(rounds)
	JG(LabelRef("rounds"))
	VZEROUPPER()
	RET()
}
