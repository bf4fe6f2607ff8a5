package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sigmoid holds the constants of σ(x) = 1 / (1 + 2^y), y = −x·log2 e.
type sigmoid struct {
	one, two, lowest, scale VecVirtual
	c                       []VecVirtual
}

// exp2 approximates 2^f for 0 ≤ f < 1 with a relative error below 2e-7: c0 + c1·f + … + c5·f⁵ (minimax, by Remez' algorithm).
var exp2 = []float32{0.9999999251, 0.6931530732, 0.240153617, 0.05582631805, 0.008989340091, 0.001877576675}

func newSigmoid() *sigmoid {
	s := &sigmoid{one: broadcast(1), two: broadcast(2), lowest: broadcast(-80), scale: broadcast(-1.4426950408889634)}
	for _, c := range exp2 {
		s.c = append(s.c, broadcast(c))
	}
	return s
}

// of writes σ(x) into a new register and destroys x. It is written for a short chain of dependent instructions, since nothing else can go on
// until the errors are there. A NaN stays one: VMAXPS gives back its first operand here.
func (s *sigmoid) of(x VecVirtual) VecVirtual {
	VMAXPS(x, s.lowest, x) // 2^y stays finite
	y := ZMM()
	VMULPS(s.scale, x, y)
	f, f2, f4, low, middle, high := ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), ZMM()
	VREDUCEPS(Imm(9), y, f) // f = y - floor(y), without raising exceptions
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
	VSCALEFPS(y, low, low) // times 2^floor(y)
	VADDPS(s.one, low, low)
	// 1/low: 14 bits, and one step of Newton's for the rest.
	r, t := ZMM(), ZMM()
	VRCP14PS(low, r)
	VMOVAPS(s.two, t)
	VFNMADD231PS(low, r, t)
	VMULPS(t, r, r)
	return r
}
