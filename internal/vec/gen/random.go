package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// random computes as many numbers of vec.Random as 64-bit lanes beside each other.
type random struct {
	wide
	state, step, flip, low VecVirtual
}

const (
	randomStep = 0xa0761d6478bd642f
	randomFlip = 0xe7037ed1a0b428db
)

// randomSteps is the distance of each lane's number from the state: step, 2·step, …
var randomSteps Mem

func (v wide) lanes() int { return v.floats / 2 }

func newRandom(v wide) *random {
	r := &random{wide: v, state: v.quads(parameter("state")), low: v.quad(1<<32 - 1), flip: v.quad(randomFlip)}
	VPADDQ(randomSteps, r.state, r.state)
	step := uint64(randomStep) * uint64(v.lanes())
	r.step = v.quad(step)
	return r
}

// quad fills a register with the same 64 bits.
func (v wide) quad(value uint64) VecVirtual {
	bits := GP64()
	MOVQ(U64(value), bits)
	return v.quads(bits)
}

func (v wide) quads(from Op) VecVirtual {
	r := v.reg()
	if _, register := from.(Register); register {
		VMOVQ(from, r.AsX())
		VPBROADCASTQ(r.AsX(), r)
	} else {
		VPBROADCASTQ(from, r)
	}
	return r
}

// next gives the next numbers: high ^ low of the 128-bit product of state and state ^ flip, put together from products of 32 bits.
func (r *random) next() VecVirtual {
	a, b := r.state, r.reg()
	r.xor(a, r.flip, b)
	a1, b1 := r.shifted(a), r.shifted(b)
	p00, p01, p10, p11 := r.product(a, b), r.product(a, b1), r.product(a1, b), r.product(a1, b1)
	carry := r.shifted(p00)
	VPADDQ(carry, p10, p10)
	r.and(p10, r.low, carry)
	VPADDQ(carry, p01, p01) // bits 32 to 95 of p00 + p01·2^32, and the low half of p10
	VPADDQ(r.shifted(p10), p11, p11)
	VPADDQ(r.shifted(p01), p11, p11) // the high half
	low := r.reg()
	VPSLLQ(Imm(32), p01, low)
	r.and(p00, r.low, p00)
	r.xor(low, p00, low)
	r.xor(low, p11, p11)
	VPADDQ(r.step, r.state, r.state)
	return p11
}

func (v wide) product(a, b VecVirtual) VecVirtual {
	p := v.reg()
	VPMULUDQ(a, b, p)
	return p
}

// shifted is each lane's upper half.
func (v wide) shifted(a VecVirtual) VecVirtual {
	r := v.reg()
	VPSRLQ(Imm(32), a, r)
	return r
}

func (v wide) xor(a, b, to VecVirtual) {
	if v.floats == 16 {
		VPXORQ(a, b, to)
	} else {
		VPXOR(a, b, to)
	}
}

func (v wide) and(a, b, to VecVirtual) {
	if v.floats == 16 {
		VPANDQ(a, b, to)
	} else {
		VPAND(a, b, to)
	}
}

// draw writes vec.Random.Draw of n words, a positive multiple of the lanes.
func draw(v wide) {
	TEXT("draw"+v.suffix, NOSPLIT, "func(words *uint32, n int, table *uint64, cells int, state uint64)")
	Doc("draw" + v.suffix + " is Draw of n words, a positive multiple of the 64-bit lanes.")
	Pragma("noescape")
	words, n, table := Load(Param("words"), GP64()), Load(Param("n"), GP64()), Load(Param("table"), GP64())
	r := newRandom(v)
	cells := v.quads(parameter("cells"))
	var pack VecVirtual
	if v.floats == 8 {
		pack = v.reg()
		VMOVDQU(evenPlaces, pack)
	}
	Label("draws")
	x := r.next()
	scaled := v.product(x, cells)
	cell := v.product(v.shifted(x), cells)
	VPADDQ(v.shifted(scaled), cell, cell)
	within := v.reg()
	v.and(cell, r.low, within)
	VPSRLQ(Imm(32), cell, cell)
	found, cut := v.zero(), v.reg()
	place := Mem{Base: table, Index: cell, Scale: 8}
	if v.floats == 16 {
		all := K()
		KXNORB(all, all, all)
		VPGATHERQQ(place, all, found)
	} else {
		all := v.reg()
		VPCMPEQD(all, all, all)
		VPGATHERQQ(all, place, found)
	}
	v.and(found, r.low, cut)
	VPSRLQ(Imm(32), found, found)
	if v.floats == 16 {
		own := K()
		VPCMPUQ(Imm(1), cut, within, own) // within < cut
		VMOVDQA64(cell, own, found)
		VPMOVQD(found, Mem{Base: words})
	} else {
		VPCMPGTQ(within, cut, cut)
		VPBLENDVB(cut, cell, found, found)
		VPERMD(found, pack, found)
		VMOVDQU(found.AsX(), Mem{Base: words})
	}
	ADDQ(Imm(uint64(4*v.lanes())), words)
	SUBQ(Imm(uint64(v.lanes())), n)
	JG(LabelRef("draws"))
	VZEROUPPER()
	RET()
}

// evenPlaces are the dwords 0, 2, 4 and 6.
var evenPlaces Mem

// thin writes vec.Random.Thin of n tokens, a positive multiple of the lanes. A token that is no word is left out; largest tells of it.
func thin(v wide) {
	TEXT("thin"+v.suffix, NOSPLIT, "func(kept, tokens *uint32, n int, keep *uint32, words int, state uint64) (count int, largest uint32)")
	Doc("thin" + v.suffix + " is Thin of n tokens, a positive multiple of the 64-bit lanes. It leaves out tokens that are no words; largest tells.")
	Pragma("noescape")
	kept, tokens, n, keep := Load(Param("kept"), GP64()), Load(Param("tokens"), GP64()), Load(Param("n"), GP64()), Load(Param("keep"), GP64())
	r := newRandom(v)
	words, largest := YMM(), YMM()
	VPBROADCASTD(parameter("words"), words)
	VPXOR(largest, largest, largest)
	start, bits := GP64(), GP32()
	MOVQ(kept, start)
	Label("tokens")
	x := r.next()
	upper := YMM()
	VPSRLQ(Imm(32), x, x)
	VPMOVQD(x, upper)
	token, threshold := YMM(), YMM()
	VMOVDQU(Mem{Base: tokens}, token)
	VPMAXUD(token, largest, largest)
	known, stays := K(), K()
	VPCMPUD(Imm(1), words, token, known) // token < words
	KMOVB(known, stays)                  // the gathering clears its mask
	VPXOR(threshold, threshold, threshold)
	VPGATHERDD(Mem{Base: keep, Index: token, Scale: 4}, known, threshold)
	VPCMPUD(Imm(2), threshold, upper, stays, stays) // upper <= threshold
	VPCOMPRESSD(token, stays, token)
	VMOVDQU(token, Mem{Base: kept})
	KMOVB(stays, bits)
	POPCNTL(bits, bits)
	LEAQ(Mem{Base: kept, Index: bits.As64(), Scale: 4}, kept)
	ADDQ(Imm(uint64(4*v.lanes())), tokens)
	SUBQ(Imm(uint64(v.lanes())), n)
	JG(LabelRef("tokens"))
	SUBQ(start, kept)
	SHRQ(Imm(2), kept)
	Store(kept, ReturnIndex(0))
	Store(largestOf(largest), ReturnIndex(1))
	VZEROUPPER()
	RET()
}

// opponents writes vec.Opponents of n centers, at least one.
func opponents(v wide) {
	TEXT("opponents"+v.suffix, NOSPLIT, "func(outs *uint32, plain *bool, centers *uint32, n int, drawn *uint32)")
	Doc("opponents" + v.suffix + " is Opponents of n centers, at least one.")
	Pragma("noescape")
	outs, plain, centers, n, drawn := Load(Param("outs"), GP64()), Load(Param("plain"), GP64()), Load(Param("centers"), GP64()), Load(Param("n"), GP64()), Load(Param("drawn"), GP64())
	bits, differ := GP32(), GP8()
	first, negatives, all := K(), K(), K()
	for _, k := range []struct {
		mask  Register
		lanes uint32
	}{{first, 1}, {negatives, 1<<maxOuts - 2}, {all, 1<<maxOuts - 1}} {
		MOVL(U32(k.lanes), bits)
		KMOVW(bits, k.mask)
	}
	Label("centers")
	words, conflicts := YMM(), YMM()
	VMOVDQU32_Z(Mem{Base: drawn, Disp: -4}, negatives, words) // the first one comes into the second place; what is beside them is not read
	VPBROADCASTD(Mem{Base: centers}, first, words)
	VMOVDQU(words, Mem{Base: outs})
	VPCONFLICTD(words, conflicts)
	equal := K()
	VPTESTMD(conflicts, conflicts, all, equal)
	KORTESTW(equal, equal)
	SETEQ(differ)
	MOVB(differ, Mem{Base: plain})
	ADDQ(Imm(4*maxOuts), outs)
	ADDQ(Imm(4*(maxOuts-1)), drawn)
	ADDQ(Imm(4), centers)
	INCQ(plain)
	DECQ(n)
	JG(LabelRef("centers"))
	VZEROUPPER()
	RET()
}

// offsets writes vec.Offsets of n keys, a positive multiple of the 64-bit lanes.
func offsets(v wide) {
	TEXT("offsets"+v.suffix, NOSPLIT, "func(offsets *int, keys *uint32, n, stride int) (largest uint32)")
	Doc("offsets" + v.suffix + " is Offsets of n keys, a positive multiple of the 64-bit lanes; it does not check them, but gives back the largest.")
	Pragma("noescape")
	to, keys, n := Load(Param("offsets"), GP64()), Load(Param("keys"), GP64()), Load(Param("n"), GP64())
	stride, largest := v.quads(parameter("stride")), YMM()
	VPXOR(largest, largest, largest)
	Label("keys")
	key := v.reg()
	VPMAXUD(Mem{Base: keys}, largest, largest)
	VPMOVZXDQ(Mem{Base: keys}, key)
	VPMULUDQ(stride, key, key)
	VMOVDQU64(key, Mem{Base: to})
	ADDQ(Imm(uint64(4*v.lanes())), keys)
	ADDQ(Imm(uint64(8*v.lanes())), to)
	SUBQ(Imm(uint64(v.lanes())), n)
	JG(LabelRef("keys"))
	Store(largestOf(largest), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// largestOf is the largest of eight numbers.
func largestOf(x VecVirtual) Register {
	other, largest := XMM(), GP32()
	VEXTRACTI128(Imm(1), x, other)
	VPMAXUD(other, x.AsX(), x.AsX())
	for _, order := range []uint64{0x4e, 0xb1} { // the other half, the neighbour
		VPSHUFD(Imm(order), x.AsX(), other)
		VPMAXUD(other, x.AsX(), x.AsX())
	}
	VMOVD(x.AsX(), largest)
	return largest
}
