package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// window writes the step of vec.Window for a fixed number of output rows (columns): prefetch, scores, errors, updates.
// Register names: o are pointers to output rows, i counts floats within a row, row counts input rows in units of 8 bytes.
func window(columns int) {
	TEXT(fmt.Sprintf("window%dAVX512", columns), NOSPLIT,
		"func(in, out *float32, dim int, ins *int, m int, outs *int, next int, label uint, alpha float32, grid *float32)")
	Doc(fmt.Sprintf("window%dAVX512 is Window for %d output rows. label has the bits of the 16 leftmost scores whose label is 1, then those of the 16 right ones.", columns, columns))
	Pragma("noescape")
	o := outputRows(columns)
	scores(columns, o)
	errors(columns)
	updates(columns, o)
	VZEROUPPER() // or Go's own SSE instructions become slow on some processors
	RET()
}

// outputRows turns the offsets of the output rows into pointers.
func outputRows(columns int) []Register {
	base, outs := Load(Param("out"), GP64()), Load(Param("outs"), GP64())
	o := make([]Register, columns)
	for n := range o {
		p := GP64()
		MOVQ(Mem{Base: outs, Disp: 8 * n}, p)
		LEAQ(Mem{Base: base, Index: p, Scale: 4}, p)
		o[n] = p
	}
	return o
}

// scores fills the grid, four input rows at a time.
func scores(columns int, o []Register) {
	row := GP64()
	XORQ(row, row)
	Label("scores")
	left := GP64()
	Load(Param("m"), left)
	SHLQ(Imm(3), left)
	SUBQ(row, left)
	JLE(LabelRef("errors"))
	CMPQ(left, Imm(8*2))
	JL(LabelRef("scores1"))
	JE(LabelRef("scores2"))
	CMPQ(left, Imm(8*3))
	JE(LabelRef("scores3"))
	for _, rows := range []int{4, 3, 2, 1} {
		Label(fmt.Sprintf("scores%d", rows))
		tile(rows, columns, row, o)
		if rows == 4 {
			ADDQ(Imm(8*4), row)
			JMP(LabelRef("scores"))
		} else if rows > 1 {
			JMP(LabelRef("errors"))
		}
	}
	Label("errors")
}

// tile computes the scores of rows input rows: rows·columns sums of 16 lanes each, kept in registers over the whole length.
func tile(rows, columns int, row Register, o []Register) {
	in, ins := Load(Param("in"), GP64()), Load(Param("ins"), GP64())
	p := make([]Register, rows)
	for m := range p {
		q := GP64()
		MOVQ(Mem{Base: ins, Index: row, Scale: 1, Disp: 8 * m}, q)
		LEAQ(Mem{Base: in, Index: q, Scale: 4}, q)
		p[m] = q
	}
	sums := make([][]VecVirtual, rows)
	for m := range sums {
		sums[m] = make([]VecVirtual, columns)
		for n := range sums[m] {
			sums[m][n] = zero()
		}
	}
	i := GP64()
	XORQ(i, i)
	loop := fmt.Sprintf("dots%d", rows)
	Label(loop)
	b := make([]VecVirtual, columns)
	for n := range b {
		b[n] = ZMM()
		VMOVUPS(Mem{Base: o[n], Index: i, Scale: 4}, b[n])
	}
	for m := range rows {
		a := ZMM()
		VMOVUPS(Mem{Base: p[m], Index: i, Scale: 4}, a)
		for n := range b {
			VFMADD231PS(b[n], a, sums[m][n])
		}
	}
	ADDQ(Imm(lanes), i)
	CMPQ(i, parameter("dim"))
	JL(LabelRef(loop))
	reduce(sums, row)
}

// reduce adds up the lanes of each sum and stores the scores as vec.Grid lays them out. The transposing additions bring four sums into the four
// places of a 128-bit lane, then four such registers into one.
func reduce(sums [][]VecVirtual, row Register) {
	grid := Load(Param("grid"), GP64())
	none := zero()
	column := func(m, n int) VecVirtual {
		if m >= len(sums) {
			m = 0 // rows beyond the last one: their place in the grid is there, and nobody reads it
		}
		if n >= len(sums[m]) {
			return none
		}
		return sums[m][n]
	}
	quads := make([]VecVirtual, 4)
	for m := range quads {
		if m >= len(sums) {
			quads[m] = quads[0]
			continue
		}
		quads[m] = fold64(fold32(column(m, 0), column(m, 1)), fold32(column(m, 2), column(m, 3)))
	}
	left := foldLanes(foldLanes(quads[0], quads[1], 0x44, 0xee), foldLanes(quads[2], quads[3], 0x44, 0xee), 0x88, 0xdd)
	VMOVUPS(left, Mem{Base: grid, Index: row, Scale: 2, Disp: scoreLeft})
	if len(sums[0]) > 4 {
		pairs := make([]VecVirtual, 4)
		for m := range pairs {
			if m >= len(sums) {
				pairs[m] = pairs[0]
				continue
			}
			pairs[m] = fold32(column(m, 4), column(m, 5))
		}
		both := foldLanes(fold64(pairs[0], pairs[1]), fold64(pairs[2], pairs[3]), 0x44, 0xee)
		right := foldLanes(both, both, 0x88, 0xdd)
		VMOVUPS(right.AsY(), Mem{Base: grid, Index: row, Scale: 1, Disp: scoreRight})
	}
}

func fold32(a, b VecVirtual) VecVirtual {
	low, high := ZMM(), ZMM()
	VUNPCKLPS(b, a, low)
	VUNPCKHPS(b, a, high)
	VADDPS(low, high, low)
	return low
}

func fold64(a, b VecVirtual) VecVirtual {
	low, high := ZMM(), ZMM()
	VUNPCKLPD(b, a, low)
	VUNPCKHPD(b, a, high)
	VADDPS(low, high, low)
	return low
}

func foldLanes(a, b VecVirtual, first, second uint8) VecVirtual {
	low, high := ZMM(), ZMM()
	VSHUFF32X4(Imm(uint64(first)), b, a, low)
	VSHUFF32X4(Imm(uint64(second)), b, a, high)
	VADDPS(low, high, low)
	return low
}

// errors turns all scores into alpha·(label − σ(score)).
func errors(columns int) {
	grid := Load(Param("grid"), GP64())
	e := newSigmoid()
	alpha := ZMM()
	VBROADCASTSS(parameter("alpha"), alpha)
	label, mask := GP64(), K()
	Load(Param("label"), label)
	KMOVW(label.As32(), mask)
	labels := ZMM()
	VMOVAPS_Z(e.one, mask, labels)

	end := GP64()
	Load(Param("m"), end)
	SHLQ(Imm(3), end) // rows in units of 8 bytes, as above
	row := GP64()
	XORQ(row, row)
	Label("left")
	x := ZMM()
	VMOVUPS(Mem{Base: grid, Index: row, Scale: 2, Disp: scoreLeft}, x)
	s := e.of(x)
	VSUBPS(s, labels, s)
	VMULPS(alpha, s, s)
	VMOVUPS(s, Mem{Base: grid, Index: row, Scale: 2, Disp: errorLeft})
	ADDQ(Imm(8*4), row)
	CMPQ(row, end)
	JL(LabelRef("left"))
	if columns <= 4 {
		return
	}
	XORQ(row, row)
	SHRL(Imm(16), label.As32())
	KMOVW(label.As32(), mask)
	VMOVAPS_Z(e.one, mask, labels)
	Label("right")
	x = ZMM()
	VMOVUPS(Mem{Base: grid, Index: row, Scale: 1, Disp: scoreRight}, x)
	s = e.of(x)
	VSUBPS(s, labels, s)
	VMULPS(alpha, s, s)
	VMOVUPS(s, Mem{Base: grid, Index: row, Scale: 1, Disp: errorRight})
	ADDQ(Imm(8*8), row)
	CMPQ(row, end)
	JL(LabelRef("right"))
}

// updates changes all rows, two registers' length at a time: the output rows' old and new values stay in registers while the input rows pass by.
func updates(columns int, o []Register) {
	in, ins, grid := Load(Param("in"), GP64()), Load(Param("ins"), GP64()), Load(Param("grid"), GP64())
	end := GP64()
	Load(Param("m"), end)
	SHLQ(Imm(3), end)
	i, row, at := GP64(), GP64(), GP64()
	XORQ(i, i)

	block := func(name string, width int) {
		prefetch(columns, width, i, row, at)
		before, after := make([][]VecVirtual, width), make([][]VecVirtual, width)
		for k := range width {
			before[k], after[k] = make([]VecVirtual, columns), make([]VecVirtual, columns)
			for n := range columns {
				before[k][n], after[k][n] = ZMM(), ZMM()
				VMOVUPS(Mem{Base: o[n], Index: i, Scale: 4, Disp: 64 * k}, before[k][n])
				VMOVAPS(before[k][n], after[k][n])
			}
		}
		XORQ(row, row)
		Label(name)
		MOVQ(Mem{Base: ins, Index: row, Scale: 1}, at)
		ADDQ(i, at)
		x, sum := make([]VecVirtual, width), make([]VecVirtual, width)
		for k := range width {
			x[k], sum[k] = ZMM(), ZMM()
			VMOVUPS(Mem{Base: in, Index: at, Scale: 4, Disp: 64 * k}, x[k])
			VMOVAPS(x[k], sum[k])
		}
		for n := range columns {
			g := ZMM()
			if n < 4 {
				VBROADCASTSS(Mem{Base: grid, Index: row, Scale: 2, Disp: errorLeft + 4*n}, g)
			} else {
				VBROADCASTSS(Mem{Base: grid, Index: row, Scale: 1, Disp: errorRight + 4*(n-4)}, g)
			}
			for k := range width {
				VFMADD231PS(before[k][n], g, sum[k])
				VFMADD231PS(x[k], g, after[k][n])
			}
		}
		for k := range width {
			VMOVUPS(sum[k], Mem{Base: in, Index: at, Scale: 4, Disp: 64 * k})
		}
		ADDQ(Imm(8), row)
		CMPQ(row, end)
		JL(LabelRef(name))
		for k := range width {
			for n := range columns {
				VMOVUPS(after[k][n], Mem{Base: o[n], Index: i, Scale: 4, Disp: 64 * k})
			}
		}
		ADDQ(Imm(uint64(lanes*width)), i)
	}

	Label("updates")
	LEAQ(Mem{Base: i, Disp: 2 * lanes}, at)
	CMPQ(at, parameter("dim"))
	JG(LabelRef("tail"))
	block("rows2", 2)
	JMP(LabelRef("updates"))
	Label("tail")
	CMPQ(i, parameter("dim"))
	JGE(LabelRef("done"))
	block("rows1", 1)
	Label("done")
}

// prefetch asks for the next step's rows, the same columns as the block at i, so that they arrive while this step's updates keep the multipliers busy:
// its output rows, which follow this step's in the list, and the input row that will enter the window. list and at are free registers.
func prefetch(columns, width int, i, list, at Register) {
	base := GP64()
	for n := 0; n <= maxOuts; n++ {
		if n < maxOuts {
			if n == 0 {
				Load(Param("out"), base)
				Load(Param("outs"), list)
			}
			MOVQ(Mem{Base: list, Disp: 8 * (columns + n)}, at)
		} else {
			Load(Param("in"), base)
			Load(Param("next"), at)
		}
		ADDQ(i, at)
		for k := range width {
			PREFETCHT0(Mem{Base: base, Index: at, Scale: 4, Disp: 64 * k})
		}
	}
}

// parameter is the place of a parameter in memory.
func parameter(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}
