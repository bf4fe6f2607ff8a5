package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sigmoid holds the constants of σ(x) = 1 / (1 + 2^y), y = −x·log2 e.
type sigmoid struct {
	wide
	one, two, lowest, highest, scale VecVirtual
	c                                []VecVirtual
}

// exp2 approximates 2^f for 0 ≤ f < 1 with a relative error below 2e-7: c0 + c1·f + … + c5·f⁵ (minimax, by Remez' algorithm).
var exp2 = []float32{0.9999999251, 0.6931530732, 0.240153617, 0.05582631805, 0.008989340091, 0.001877576675}

func newSigmoid(v wide) *sigmoid {
	s := &sigmoid{wide: v, one: v.number(1), lowest: v.number(-80), scale: v.number(-1.4426950408889634)}
	if v.floats == 16 {
		s.two = v.number(2)
	} else {
		s.highest = v.number(80)
	}
	for _, c := range exp2 {
		s.c = append(s.c, v.number(c))
	}
	return s
}

// of writes σ(x) into a new register and destroys x. It is written for a short chain of dependent instructions. A NaN stays one: VMAXPS gives
// back its first operand here, and VMINPS too.
func (s *sigmoid) of(x VecVirtual) VecVirtual {
	f, whole := s.reg(), s.reg()
	VMAXPS(x, s.lowest, x) // 2^y stays finite
	if s.floats == 16 {
		VMULPS(s.scale, x, whole)
		VREDUCEPS(Imm(9), whole, f) // whole - floor(whole), without raising exceptions
	} else {
		VMINPS(x, s.highest, x)
		VMULPS(s.scale, x, x)
		VROUNDPS(Imm(9), x, whole) // floor
		VSUBPS(whole, x, f)
	}
	p := s.exp2(f)
	if s.floats == 16 {
		VSCALEFPS(whole, p, p) // times 2^floor(whole)
		VADDPS(s.one, p, p)
		// 1/p: 14 bits, and one step of Newton's for the rest.
		r, t := s.reg(), s.reg()
		VRCP14PS(p, r)
		VMOVAPS(s.two, t)
		VFNMADD231PS(p, r, t)
		VMULPS(t, r, r)
		return r
	}
	VCVTPS2DQ(whole, whole)
	VPSLLD(Imm(23), whole, whole)
	VPADDD(whole, p, p) // times 2^whole: added to the exponent
	VADDPS(s.one, p, p)
	VDIVPS(p, s.one, p)
	return p
}

// exp2 is 2^f for 0 ≤ f < 1; it destroys f.
func (s *sigmoid) exp2(f VecVirtual) VecVirtual {
	if s.floats == 8 { // too few registers for more than one chain
		p := s.reg()
		VMOVAPS(s.c[5], p)
		for n := 4; n >= 0; n-- {
			VFMADD213PS(s.c[n], f, p)
		}
		return p
	}
	f2, f4, low, middle, high := s.reg(), s.reg(), s.reg(), s.reg(), s.reg()
	VMULPS(f, f, f2)
	VMOVAPS(s.c[1], low)
	VFMADD213PS(s.c[0], f, low)
	VMOVAPS(s.c[3], middle)
	VFMADD213PS(s.c[2], f, middle)
	VMOVAPS(s.c[5], high)
	VFMADD213PS(s.c[4], f, high)
	VMULPS(f2, f2, f4)
	VFMADD231PS(f2, middle, low)
	VFMADD231PS(f4, high, low)
	return low
}
