package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sigmoid holds the constants of σ(x) = 1 / (1 + 2^(−x·log2 e)).
type sigmoid struct {
	one, two, limit, negativeLimit, scale VecVirtual
	coefficients                          []VecVirtual
}

// exp2 approximates 2^f for |f| ≤ 1/2 with a relative error below 2e-7 (Cephes, exp2f): 1 + f·(c0 + f·(c1 + …)).
var exp2 = []float32{6.931472028550421e-1, 2.402264791363012e-1, 5.550332471162809e-2, 9.618437357674640e-3, 1.339887440266574e-3, 1.535336188319500e-4}

func newSigmoid() *sigmoid {
	s := &sigmoid{one: broadcast(1), two: broadcast(2), limit: broadcast(80), negativeLimit: broadcast(-80), scale: broadcast(-1.4426950408889634)}
	for _, c := range exp2 {
		s.coefficients = append(s.coefficients, broadcast(c))
	}
	return s
}

// of writes σ(x) into a new register and destroys x. A NaN stays one: VMAXPS and VMINPS give back their first operand here.
func (s *sigmoid) of(x VecVirtual) VecVirtual {
	VMAXPS(x, s.negativeLimit, x)
	VMINPS(x, s.limit, x)
	VMULPS(s.scale, x, x)
	whole, p := ZMM(), ZMM()
	VRNDSCALEPS(Imm(8), x, whole) // to the nearest, without raising exceptions
	VSUBPS(whole, x, x)
	last := len(s.coefficients) - 1
	VMOVAPS(s.coefficients[last], p)
	for n := last - 1; n >= 0; n-- {
		VFMADD213PS(s.coefficients[n], x, p)
	}
	VFMADD213PS(s.one, x, p)
	VSCALEFPS(whole, p, p)
	VADDPS(s.one, p, p)
	// 1/p: 14 bits, and one step of Newton's for the rest.
	r, t := ZMM(), ZMM()
	VRCP14PS(p, r)
	VMOVAPS(s.two, t)
	VFNMADD231PS(p, r, t)
	VMULPS(t, r, r)
	return r
}
