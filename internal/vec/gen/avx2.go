package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// windowAVX2 is the same step for processors with AVX2 and FMA but without AVX-512: half as wide, 16 registers, so two input rows at a time and no masks.
// What is explained in window.go is not explained again.
func windowAVX2(columns int) {
	TEXT(fmt.Sprintf("window%dAVX2", columns), NOSPLIT,
		"func(in, out *float32, dim int, ins *int, m int, outs *int, next int, label uint, alpha float32, grid *float32)")
	Doc(fmt.Sprintf("window%dAVX2 is Window for %d output rows. label is as in window%dAVX512.", columns, columns, columns))
	Pragma("noescape")
	o := outputRows(columns)
	scoresAVX2(columns, o)
	errorsAVX2(columns)
	updatesAVX2(columns, o)
	VZEROUPPER()
	RET()
}

func scoresAVX2(columns int, o []Register) {
	row, left := GP64(), GP64()
	XORQ(row, row)
	Label("scores")
	Load(Param("m"), left)
	SHLQ(Imm(3), left)
	SUBQ(row, left)
	JLE(LabelRef("errors"))
	CMPQ(left, Imm(8))
	JE(LabelRef("scores1"))
	tileAVX2(2, columns, row, o)
	ADDQ(Imm(8*2), row)
	JMP(LabelRef("scores"))
	Label("scores1")
	tileAVX2(1, columns, row, o)
	Label("errors")
}

func tileAVX2(rows, columns int, row Register, o []Register) {
	in, ins := Load(Param("in"), GP64()), Load(Param("ins"), GP64())
	p := make([]Register, rows)
	sums := make([][]VecVirtual, rows)
	for m := range p {
		q := GP64()
		MOVQ(Mem{Base: ins, Index: row, Scale: 1, Disp: 8 * m}, q)
		LEAQ(Mem{Base: in, Index: q, Scale: 4}, q)
		p[m] = q
		for range columns {
			sums[m] = append(sums[m], zeroY())
		}
	}
	i := GP64()
	XORQ(i, i)
	loop := fmt.Sprintf("dots%d", rows)
	Label(loop)
	a := make([]VecVirtual, rows)
	for m := range a {
		a[m] = YMM()
		VMOVUPS(Mem{Base: p[m], Index: i, Scale: 4}, a[m])
	}
	for n := range columns {
		b := YMM()
		VMOVUPS(Mem{Base: o[n], Index: i, Scale: 4}, b)
		for m := range a {
			VFMADD231PS(b, a[m], sums[m][n])
		}
	}
	ADDQ(Imm(8), i)
	CMPQ(i, parameter("dim"))
	JL(LabelRef(loop))
	reduceAVX2(sums, row)
}

// reduceAVX2 leaves rows of four scores, two of them in a register, and rows of two.
func reduceAVX2(sums [][]VecVirtual, row Register) {
	grid := Load(Param("grid"), GP64())
	for m := range sums {
		for n := len(sums[m]); n < maxOuts; n++ {
			sums[m] = append(sums[m], sums[m][0]) // a place in the grid that nobody reads
		}
	}
	second := sums[len(sums)-1]
	columns := len(sums[0])
	if columns > 4 {
		pairs := foldY(foldY(sums[0][4], sums[0][5], VUNPCKLPS, VUNPCKHPS), foldY(second[4], second[5], VUNPCKLPS, VUNPCKHPS), VUNPCKLPD, VUNPCKHPD)
		high := XMM()
		VEXTRACTF128(Imm(1), pairs, high)
		VADDPS(high, pairs.AsX(), high)
		VMOVUPS(high, Mem{Base: grid, Index: row, Scale: 1, Disp: scoreRight})
	}
	quad := func(s []VecVirtual) VecVirtual {
		return foldY(foldY(s[0], s[1], VUNPCKLPS, VUNPCKHPS), foldY(s[2], s[3], VUNPCKLPS, VUNPCKHPS), VUNPCKLPD, VUNPCKHPD)
	}
	one := quad(sums[0])
	other := one
	if len(sums) > 1 {
		other = quad(second)
	}
	low, high := YMM(), YMM()
	VPERM2F128(Imm(0x20), other, one, low)
	VPERM2F128(Imm(0x31), other, one, high)
	VADDPS(low, high, low)
	VMOVUPS(low, Mem{Base: grid, Index: row, Scale: 2, Disp: scoreLeft})
}

func foldY(a, b VecVirtual, first, second func(...Op)) VecVirtual {
	low, high := YMM(), YMM()
	first(b, a, low)
	second(b, a, high)
	VADDPS(low, high, low)
	return low
}

func errorsAVX2(columns int) {
	grid := Load(Param("grid"), GP64())
	lowest, highest, scale, one := broadcastY(-80), broadcastY(80), broadcastY(-1.4426950408889634), broadcastY(1)
	var c []VecVirtual
	for _, v := range exp2 {
		c = append(c, broadcastY(v))
	}
	sigmoid := func(at Mem) VecVirtual {
		x, f, p := YMM(), YMM(), YMM()
		VMOVUPS(at, x)
		VMAXPS(x, lowest, x)
		VMINPS(x, highest, x)
		VMULPS(scale, x, x)
		VROUNDPS(Imm(9), x, f) // floor
		VSUBPS(f, x, x)
		VCVTPS2DQ(f, f)
		VPSLLD(Imm(23), f, f)
		VMOVAPS(c[5], p)
		for n := 4; n >= 0; n-- {
			VFMADD213PS(c[n], x, p)
		}
		VPADDD(f, p, p) // times 2^floor: added to the exponent
		VADDPS(one, p, p)
		VDIVPS(p, one, p)
		return p
	}
	label := GP64()
	Load(Param("label"), label)
	labels := labelsAVX2(label.As32(), one)

	end, row := GP64(), GP64()
	Load(Param("m"), end)
	SHLQ(Imm(3), end)
	XORQ(row, row)
	alpha := YMM()
	VBROADCASTSS(parameter("alpha"), alpha)
	Label("left")
	s := sigmoid(Mem{Base: grid, Index: row, Scale: 2, Disp: scoreLeft})
	VSUBPS(s, labels, s)
	VMULPS(alpha, s, s)
	VMOVUPS(s, Mem{Base: grid, Index: row, Scale: 2, Disp: errorLeft})
	ADDQ(Imm(8*2), row)
	CMPQ(row, end)
	JL(LabelRef("left"))
	if columns <= 4 {
		return
	}
	XORQ(row, row)
	SHRL(Imm(16), label.As32())
	labels = labelsAVX2(label.As32(), one)
	Label("right")
	s = sigmoid(Mem{Base: grid, Index: row, Scale: 1, Disp: scoreRight})
	VSUBPS(s, labels, s)
	VMULPS(alpha, s, s)
	VMOVUPS(s, Mem{Base: grid, Index: row, Scale: 1, Disp: errorRight})
	ADDQ(Imm(8*4), row)
	CMPQ(row, end)
	JL(LabelRef("right"))
}

// labelsAVX2 turns the lowest 8 bits into 8 labels.
func labelsAVX2(bits Register, one VecVirtual) VecVirtual {
	places, labels := YMM(), YMM()
	VMOVDQU(bitPlaces, places)
	VMOVD(bits, labels.AsX())
	VPBROADCASTD(labels.AsX(), labels)
	VPAND(places, labels, labels)
	VPCMPEQD(places, labels, labels)
	VPAND(one, labels, labels)
	return labels
}

// bitPlaces is 1, 2, 4, … 128.
var bitPlaces Mem

func constants() {
	bitPlaces = GLOBL("bitPlaces", RODATA|NOPTR)
	for k := range 8 {
		DATA(4*k, U32(1<<k))
	}
}

// updatesAVX2 walks a cache line at a time, in two halves.
func updatesAVX2(columns int, o []Register) {
	in, ins, grid := Load(Param("in"), GP64()), Load(Param("ins"), GP64()), Load(Param("grid"), GP64())
	end := GP64()
	Load(Param("m"), end)
	SHLQ(Imm(3), end)
	i, row, at := GP64(), GP64(), GP64()
	XORQ(i, i)
	Label("updates")
	prefetch(columns, 1, i, row, at)
	for half := range 2 {
		disp := 32 * half
		before, after := make([]VecVirtual, columns), make([]VecVirtual, columns)
		for n := range columns {
			before[n], after[n] = YMM(), YMM()
			VMOVUPS(Mem{Base: o[n], Index: i, Scale: 4, Disp: disp}, before[n])
			VMOVAPS(before[n], after[n])
		}
		XORQ(row, row)
		loop := fmt.Sprintf("half%d", half)
		Label(loop)
		MOVQ(Mem{Base: ins, Index: row, Scale: 1}, at)
		ADDQ(i, at)
		x, sum := YMM(), YMM()
		VMOVUPS(Mem{Base: in, Index: at, Scale: 4, Disp: disp}, x)
		VMOVAPS(x, sum)
		for n := range columns {
			g := YMM()
			if n < 4 {
				VBROADCASTSS(Mem{Base: grid, Index: row, Scale: 2, Disp: errorLeft + 4*n}, g)
			} else {
				VBROADCASTSS(Mem{Base: grid, Index: row, Scale: 1, Disp: errorRight + 4*(n-4)}, g)
			}
			VFMADD231PS(before[n], g, sum)
			VFMADD231PS(x, g, after[n])
		}
		VMOVUPS(sum, Mem{Base: in, Index: at, Scale: 4, Disp: disp})
		ADDQ(Imm(8), row)
		CMPQ(row, end)
		JL(LabelRef(loop))
		for n := range columns {
			VMOVUPS(after[n], Mem{Base: o[n], Index: i, Scale: 4, Disp: disp})
		}
	}
	ADDQ(Imm(lanes), i)
	CMPQ(i, parameter("dim"))
	JL(LabelRef("updates"))
}

func broadcastY(value float32) VecVirtual {
	bits, v := GP32(), YMM()
	MOVL(U32(math.Float32bits(value)), bits)
	VMOVD(bits, v.AsX())
	VBROADCASTSS(v.AsX(), v)
	return v
}

func zeroY() VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}
