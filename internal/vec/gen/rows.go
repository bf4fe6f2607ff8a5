package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func add() {
	TEXT("addAVX512", NOSPLIT, "func(y, x *float32, n int)")
	Doc("addAVX512 is Add of n floats.")
	Pragma("noescape")
	y, x := Load(Param("y"), GP64()), Load(Param("x"), GP64())
	each(4, func(at func(Register) Mem, move move) {
		a, b := ZMM(), ZMM()
		move(at(y), a)
		move(at(x), b)
		VADDPS(b, a, a)
		move(a, at(y))
	})
	VZEROUPPER()
	RET()
}

func sub() {
	TEXT("subAVX512", NOSPLIT, "func(delta, x, base *float32, n int)")
	Doc("subAVX512 is Sub of n floats.")
	Pragma("noescape")
	delta, x, base := Load(Param("delta"), GP64()), Load(Param("x"), GP64()), Load(Param("base"), GP64())
	each(4, func(at func(Register) Mem, move move) {
		a, b := ZMM(), ZMM()
		move(at(x), a)
		move(at(base), b)
		VSUBPS(b, a, a)
		move(a, at(delta))
	})
	VZEROUPPER()
	RET()
}

func allFinite() {
	TEXT("allFiniteAVX512", NOSPLIT, "func(x *float32, n int) bool")
	Doc("allFiniteAVX512 is AllFinite of n floats.")
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	seen := GP32()
	XORL(seen, seen)
	each(4, func(at func(Register) Mem, move move) {
		v, k, bits := ZMM(), K(), GP32()
		move(at(x), v)
		const infinitiesAndNaNs = 0x01 | 0x08 | 0x10 | 0x80
		VFPCLASSPSZ(Imm(infinitiesAndNaNs), v, k)
		KMOVW(k, bits)
		ORL(bits, seen)
	})
	finite := GP8()
	TESTL(seen, seen)
	SETEQ(finite)
	Store(finite, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// move is VMOVUPS, under a mask at the end of the vectors.
type move func(from, to Op)

// each walks over parameter n: unroll registers at a time, then one, then what is left under a mask.
func each(unroll int, body func(at func(Register) Mem, move move)) {
	i, left := GP64(), GP64()
	XORQ(i, i)
	Load(Param("n"), left)
	walk := func(width int) {
		name := fmt.Sprintf("by%d", width)
		SUBQ(Imm(uint64(lanes*width)), left)
		JL(LabelRef(name + "done"))
		Label(name)
		for k := range width {
			body(func(base Register) Mem { return Mem{Base: base, Index: i, Scale: 4, Disp: 64 * k} }, func(from, to Op) { VMOVUPS(from, to) })
		}
		ADDQ(Imm(uint64(lanes*width)), i)
		SUBQ(Imm(uint64(lanes*width)), left)
		JGE(LabelRef(name))
		Label(name + "done")
		ADDQ(Imm(uint64(lanes*width)), left)
	}
	walk(unroll)
	walk(1)
	TESTQ(left, left)
	JE(LabelRef("end"))
	bits, mask := GP32(), K()
	MOVL(U32(0xffff), bits)
	BZHIL(left.As32(), bits, bits)
	KMOVW(bits, mask)
	body(func(base Register) Mem { return Mem{Base: base, Index: i, Scale: 4} }, func(from, to Op) {
		if _, store := to.(Mem); store {
			VMOVUPS(from, mask, to)
		} else {
			VMOVUPS_Z(from, mask, to)
		}
	})
	Label("end")
}

// peak is what the processor can do at most: independent multiplications and additions, with nothing to load or to store.
func peak() {
	const independent = 16
	TEXT("peakAVX512", NOSPLIT, "func(rounds int)")
	Doc("peakAVX512 does rounds times 16 fused multiply-adds of 16 lanes.")
	Pragma("noescape")
	rounds := Load(Param("rounds"), GP64())
	sums := make([]VecVirtual, independent)
	for i := range sums {
		sums[i] = zero()
	}
	x := zero()
	Label("rounds")
	for _, sum := range sums {
		VFMADD231PS(x, x, sum)
	}
	DECQ(rounds)
	JG(LabelRef("rounds"))
	VZEROUPPER()
	RET()
}
