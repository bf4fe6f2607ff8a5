package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// reduce adds up the lanes of each sum and stores the scores as vec.Grid lays them out. The transposing additions bring four sums into the four
// places of a 128-bit lane, then several such registers into one.
func reduce(v wide, sums [][]VecVirtual, row Register) {
	grid := Load(Param("grid"), GP64())
	none := v.zero()
	column := func(m, n int) VecVirtual {
		if n >= len(sums[m]) {
			return none
		}
		return sums[m][n]
	}
	// Places in the grid beyond the last row get what the first row has: nobody reads them.
	each := func(of func(m int) VecVirtual) []VecVirtual {
		list := make([]VecVirtual, v.rows)
		for m := range list {
			if m < len(sums) {
				list[m] = of(m)
			} else {
				list[m] = list[0]
			}
		}
		return list
	}
	quads := each(func(m int) VecVirtual {
		return v.fold64(v.fold32(column(m, 0), column(m, 1)), v.fold32(column(m, 2), column(m, 3)))
	})
	left := Mem{Base: grid, Index: row, Scale: 2, Disp: scoreLeft}
	if v.floats == 16 {
		VMOVUPS(fold128(fold128(quads[0], quads[1], 0x44, 0xee), fold128(quads[2], quads[3], 0x44, 0xee), 0x88, 0xdd), left)
	} else {
		low, high := YMM(), YMM()
		VPERM2F128(Imm(0x20), quads[1], quads[0], low)
		VPERM2F128(Imm(0x31), quads[1], quads[0], high)
		VADDPS(low, high, low)
		VMOVUPS(low, left)
	}
	if len(sums[0]) <= 4 {
		return
	}
	pairs := each(func(m int) VecVirtual { return v.fold32(column(m, 4), column(m, 5)) })
	right := Mem{Base: grid, Index: row, Scale: 1, Disp: scoreRight}
	if v.floats == 16 {
		both := fold128(v.fold64(pairs[0], pairs[1]), v.fold64(pairs[2], pairs[3]), 0x44, 0xee)
		VMOVUPS(fold128(both, both, 0x88, 0xdd).AsY(), right)
	} else {
		both, high := v.fold64(pairs[0], pairs[1]), XMM()
		VEXTRACTF128(Imm(1), both, high)
		VADDPS(high, both.AsX(), high)
		VMOVUPS(high, right)
	}
}

func (v wide) fold32(a, b VecVirtual) VecVirtual {
	low, high := v.reg(), v.reg()
	VUNPCKLPS(b, a, low)
	VUNPCKHPS(b, a, high)
	VADDPS(low, high, low)
	return low
}

func (v wide) fold64(a, b VecVirtual) VecVirtual {
	low, high := v.reg(), v.reg()
	VUNPCKLPD(b, a, low)
	VUNPCKHPD(b, a, high)
	VADDPS(low, high, low)
	return low
}

func fold128(a, b VecVirtual, first, second uint8) VecVirtual {
	low, high := ZMM(), ZMM()
	VSHUFF32X4(Imm(uint64(first)), b, a, low)
	VSHUFF32X4(Imm(uint64(second)), b, a, high)
	VADDPS(low, high, low)
	return low
}
