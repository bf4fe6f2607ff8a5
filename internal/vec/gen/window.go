package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// window writes the step of vec.Window for a fixed number of output rows (columns): prefetch, scores, errors, updates.
// Register names: o are pointers to output rows, i counts floats within a row, row counts input rows in units of 8 bytes.
func window(v wide, columns int) {
	TEXT(fmt.Sprintf("window%d%s", columns, v.suffix), NOSPLIT,
		"func(in, out *float32, dim int, ins *int, m int, outs *int, next int, label uint, alpha float32, grid *float32)")
	Doc(fmt.Sprintf("window%d%s is Window for %d output rows. label has the bits of the 16 leftmost scores whose label is 1, then those of the 16 right ones.",
		columns, v.suffix, columns))
	Pragma("noescape")
	o := outputRows(columns)
	scores(v, columns, o)
	errors(v, columns)
	updates(v, columns, o)
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

// scores fills the grid, as many input rows at a time as a reduction takes.
func scores(v wide, columns int, o []Register) {
	row, left := GP64(), GP64()
	XORQ(row, row)
	Label("scores")
	Load(Param("m"), left)
	SHLQ(Imm(3), left)
	SUBQ(row, left)
	JLE(LabelRef("errors"))
	for rows := 1; rows < v.rows; rows++ {
		CMPQ(left, Imm(uint64(8*rows)))
		JE(LabelRef(fmt.Sprintf("scores%d", rows)))
	}
	for rows := v.rows; rows > 0; rows-- {
		Label(fmt.Sprintf("scores%d", rows))
		tile(v, rows, columns, row, o)
		if rows == v.rows {
			ADDQ(Imm(uint64(8*rows)), row)
			JMP(LabelRef("scores"))
		} else if rows > 1 {
			JMP(LabelRef("errors"))
		}
	}
	Label("errors")
}

// tile computes the scores of rows input rows: rows·columns sums of all lanes, kept in registers over the whole length.
func tile(v wide, rows, columns int, row Register, o []Register) {
	in, ins := Load(Param("in"), GP64()), Load(Param("ins"), GP64())
	p := make([]Register, rows)
	sums := make([][]VecVirtual, rows)
	for m := range p {
		p[m] = GP64()
		MOVQ(Mem{Base: ins, Index: row, Scale: 1, Disp: 8 * m}, p[m])
		LEAQ(Mem{Base: in, Index: p[m], Scale: 4}, p[m])
		for range columns {
			sums[m] = append(sums[m], v.zero())
		}
	}
	i := GP64()
	XORQ(i, i)
	loop := fmt.Sprintf("dots%d", rows)
	Label(loop)
	a := make([]VecVirtual, rows)
	for m := range a {
		a[m] = v.reg()
		VMOVUPS(Mem{Base: p[m], Index: i, Scale: 4}, a[m])
	}
	for n := range columns {
		b := v.reg()
		VMOVUPS(Mem{Base: o[n], Index: i, Scale: 4}, b)
		for m := range a {
			VFMADD231PS(b, a[m], sums[m][n])
		}
	}
	ADDQ(Imm(uint64(v.floats)), i)
	CMPQ(i, parameter("dim"))
	JL(LabelRef(loop))
	reduce(v, sums, row)
}

// errors turns all scores into alpha·(label − σ(score)).
func errors(v wide, columns int) {
	grid, label := Load(Param("grid"), GP64()), GP64()
	Load(Param("label"), label)
	e := newSigmoid(v)
	alpha := v.reg()
	VBROADCASTSS(parameter("alpha"), alpha)
	end, row := GP64(), GP64()
	Load(Param("m"), end)
	SHLQ(Imm(3), end) // rows in units of 8 bytes, as above

	part := func(name string, width int, score, err func(row Register) Mem) {
		labels := v.lanesOf(label.As32(), e.one)
		XORQ(row, row)
		Label(name)
		x := v.reg()
		VMOVUPS(score(row), x)
		s := e.of(x)
		VSUBPS(s, labels, s)
		VMULPS(alpha, s, s)
		VMOVUPS(s, err(row))
		ADDQ(Imm(uint64(8*v.floats/width)), row)
		CMPQ(row, end)
		JL(LabelRef(name))
	}
	place := func(scale uint8, disp int) func(row Register) Mem {
		return func(row Register) Mem { return Mem{Base: grid, Index: row, Scale: scale, Disp: disp} }
	}
	part("left", 4, place(2, scoreLeft), place(2, errorLeft))
	if columns > 4 {
		SHRL(Imm(16), label.As32())
		part("right", 2, place(1, scoreRight), place(1, errorRight))
	}
}

// updates changes all rows, one or two cache lines at a time: the output rows' old and new values stay in registers while the input rows pass by.
func updates(v wide, columns int, o []Register) {
	in, ins, grid := Load(Param("in"), GP64()), Load(Param("ins"), GP64()), Load(Param("grid"), GP64())
	end := GP64()
	Load(Param("m"), end)
	SHLQ(Imm(3), end)
	i, row, at := GP64(), GP64(), GP64()
	XORQ(i, i)

	block := func(name string, disp, width int) {
		place := func(base, index Register, k int) Mem {
			return Mem{Base: base, Index: index, Scale: 4, Disp: disp + 4*v.floats*k}
		}
		before, after := make([][]VecVirtual, width), make([][]VecVirtual, width)
		for k := range width {
			before[k], after[k] = make([]VecVirtual, columns), make([]VecVirtual, columns)
			for n := range columns {
				before[k][n], after[k][n] = v.reg(), v.reg()
				VMOVUPS(place(o[n], i, k), before[k][n])
				VMOVAPS(before[k][n], after[k][n])
			}
		}
		XORQ(row, row)
		Label(name)
		MOVQ(Mem{Base: ins, Index: row, Scale: 1}, at)
		ADDQ(i, at)
		x, sum := make([]VecVirtual, width), make([]VecVirtual, width)
		for k := range width {
			x[k], sum[k] = v.reg(), v.reg()
			VMOVUPS(place(in, at, k), x[k])
			VMOVAPS(x[k], sum[k])
		}
		for n := range columns {
			g := v.reg()
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
			VMOVUPS(sum[k], place(in, at, k))
		}
		ADDQ(Imm(8), row)
		CMPQ(row, end)
		JL(LabelRef(name))
		for k := range width {
			for n := range columns {
				VMOVUPS(after[k][n], place(o[n], i, k))
			}
		}
	}

	for lines := v.registers; lines > 0; lines-- {
		loop, done := fmt.Sprintf("lines%d", lines), fmt.Sprintf("lines%ddone", lines)
		Label(loop)
		LEAQ(Mem{Base: i, Disp: 16 * lines}, at)
		CMPQ(at, parameter("dim"))
		JG(LabelRef(done))
		prefetch(columns, lines, i, row, at)
		width := min(lines, v.registers)
		for disp := 0; disp < 64*lines; disp += 4 * v.floats * width {
			block(fmt.Sprintf("rows%dat%d", lines, disp), disp, width)
		}
		ADDQ(Imm(uint64(16*lines)), i)
		JMP(LabelRef(loop))
		Label(done)
	}
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
