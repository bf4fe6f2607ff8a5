package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// wide is a kind of vector register: rows are a multiple of 16 floats, so 512 bits divide them, and 256 bits twice over.
type wide struct {
	suffix string
	floats int
	reg    func() VecVirtual
	zero   func() VecVirtual
}

var (
	zmm = wide{"AVX512", 16, ZMM, zero}
	ymm = wide{"AVX2", 8, YMM, zeroY}
)

// gather writes vec.Gather: some columns of all rows at a time, their sums in registers.
func gather(v wide) {
	TEXT("gather"+v.suffix, NOSPLIT, "func(sum, in *float32, dim int, ins *int, m int, scale float32, next int)")
	Doc("gather" + v.suffix + " is Gather of m rows, at least one.")
	Pragma("noescape")
	sum, in, next := Load(Param("sum"), GP64()), Load(Param("in"), GP64()), Load(Param("next"), GP64())
	scale := v.reg()
	VBROADCASTSS(parameter("scale"), scale)
	LEAQ(Mem{Base: in, Index: next, Scale: 4}, next)
	v.columns(in, func(i Register, width int, eachRow func(func(at func(k int) Mem))) {
		sums := make([]VecVirtual, width)
		for k := range sums {
			sums[k] = v.zero()
		}
		eachRow(func(at func(k int) Mem) {
			for k := range sums {
				VADDPS(at(k), sums[k], sums[k])
			}
		})
		for k := range sums {
			place := Mem{Base: sum, Index: i, Scale: 4, Disp: 4 * v.floats * k}
			x := v.reg()
			VMOVUPS(place, x)
			VFMADD231PS(sums[k], scale, x)
			VMOVUPS(x, place)
			if 4*v.floats*k%64 == 0 {
				PREFETCHT0(Mem{Base: next, Index: i, Scale: 4, Disp: 4 * v.floats * k})
			}
		}
	})
	VZEROUPPER()
	RET()
}

// spread writes vec.Spread: some columns of all rows at a time, the gain in registers.
func spread(v wide) {
	TEXT("spread"+v.suffix, NOSPLIT, "func(in *float32, dim int, ins *int, m int, after, before *float32, scale float32)")
	Doc("spread" + v.suffix + " is Spread to m rows, at least one.")
	Pragma("noescape")
	in, after, before := Load(Param("in"), GP64()), Load(Param("after"), GP64()), Load(Param("before"), GP64())
	scale := v.reg()
	VBROADCASTSS(parameter("scale"), scale)
	v.columns(in, func(i Register, width int, eachRow func(func(at func(k int) Mem))) {
		gain := make([]VecVirtual, width)
		for k := range gain {
			gain[k] = v.reg()
			VMOVUPS(Mem{Base: after, Index: i, Scale: 4, Disp: 4 * v.floats * k}, gain[k])
			VSUBPS(Mem{Base: before, Index: i, Scale: 4, Disp: 4 * v.floats * k}, gain[k], gain[k])
			VMULPS(scale, gain[k], gain[k])
		}
		eachRow(func(at func(k int) Mem) {
			for k := range gain {
				x := v.reg()
				VADDPS(at(k), gain[k], x)
				VMOVUPS(x, at(k))
			}
		})
	})
	VZEROUPPER()
	RET()
}

// columns walks over parameter dim, eight registers at a time as long as there are so many, then four, two and one; body handles the columns from i on.
func (v wide) columns(in Register, body func(i Register, width int, eachRow func(func(at func(k int) Mem)))) {
	i, end, row, at := GP64(), GP64(), GP64(), GP64()
	ins, rows := Load(Param("ins"), GP64()), Load(Param("m"), GP64())
	XORQ(i, i)
	for width := 8; width*v.floats >= lanes; width /= 2 {
		loop, done := fmt.Sprintf("columns%d", width), fmt.Sprintf("columns%ddone", width)
		Label(loop)
		LEAQ(Mem{Base: i, Disp: width * v.floats}, end)
		CMPQ(end, parameter("dim"))
		JG(LabelRef(done))
		body(i, width, func(add func(at func(k int) Mem)) {
			XORQ(row, row)
			Label(fmt.Sprintf("rows%d", width))
			MOVQ(Mem{Base: ins, Index: row, Scale: 8}, at)
			ADDQ(i, at)
			add(func(k int) Mem { return Mem{Base: in, Index: at, Scale: 4, Disp: 4 * v.floats * k} })
			INCQ(row)
			CMPQ(row, rows)
			JL(LabelRef(fmt.Sprintf("rows%d", width)))
		})
		MOVQ(end, i)
		JMP(LabelRef(loop))
		Label(done)
	}
}
