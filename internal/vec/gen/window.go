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
	h := half{ins: "ins", outs: "outs", to: "m", next: "next"}
	h.scores(v, columns)
	errors(v, columns, h.to)
	h.updates(v, columns)
	VZEROUPPER() // or Go's own SSE instructions become slow on some processors
	RET()
}

// pair writes vec.Pair for the largest number of columns: two steps, of which the second's scores are computed while the first's are still on their way.
func pair(v wide) {
	TEXT("pair"+v.suffix, NOSPLIT,
		"func(in, out *float32, dim int, ins, otherIns *int, m, both int, outs, others *int, next, otherNext int, label uint, alpha float32, grid *float32)")
	Doc(fmt.Sprintf("pair%s is Pair. label as of window%d%s.", v.suffix, maxOuts, v.suffix))
	Pragma("noescape")
	first := half{name: "first", ins: "ins", outs: "outs", to: "m", next: "next"}
	second := half{name: "second", ins: "otherIns", outs: "others", from: "m", to: "both", next: "otherNext"}
	first.scores(v, maxOuts)
	second.scores(v, maxOuts)
	errors(v, maxOuts, second.to)
	first.updates(v, maxOuts)
	second.updates(v, maxOuts)
	VZEROUPPER()
	RET()
}

// half is one of the steps that a function takes: the names of its parameters, and of its labels.
type half struct {
	name     string
	ins      string
	outs     string
	from, to string // rows of the grid; from the first one without a name
	next     string
}

func (h half) label(format string, a ...any) string { return h.name + fmt.Sprintf(format, a...) }

// start sets row to the first input row, in units of 8 bytes.
func (h half) start(row Register) {
	if h.from == "" {
		XORQ(row, row)
		return
	}
	Load(Param(h.from), row)
	SHLQ(Imm(3), row)
}

// outputRows turns the offsets of the output rows into pointers.
func (h half) outputRows(columns int) []Register {
	base, outs := Load(Param("out"), GP64()), Load(Param(h.outs), GP64())
	o := make([]Register, columns)
	for n := range o {
		p := GP64()
		MOVQ(Mem{Base: outs, Disp: 8 * n}, p)
		LEAQ(Mem{Base: base, Index: p, Scale: 4}, p)
		o[n] = p
	}
	return o
}

// inputRows gives the list of the input rows, as if it began with the grid's first row.
func (h half) inputRows() Register {
	ins := Load(Param(h.ins), GP64())
	if h.from != "" {
		from := GP64()
		h.start(from)
		SUBQ(from, ins)
	}
	return ins
}

// scores fills the grid, as many input rows at a time as a reduction takes.
func (h half) scores(v wide, columns int) {
	o := h.outputRows(columns)
	row, left := GP64(), GP64()
	h.start(row)
	Label(h.label("scores"))
	Load(Param(h.to), left)
	SHLQ(Imm(3), left)
	SUBQ(row, left)
	JLE(LabelRef(h.label("scored")))
	for rows := 1; rows < v.rows; rows++ {
		CMPQ(left, Imm(uint64(8*rows)))
		JE(LabelRef(h.label("scores%d", rows)))
	}
	for rows := v.rows; rows > 0; rows-- {
		Label(h.label("scores%d", rows))
		h.tile(v, rows, row, o)
		if rows == v.rows {
			ADDQ(Imm(uint64(8*rows)), row)
			JMP(LabelRef(h.label("scores")))
		} else if rows > 1 {
			JMP(LabelRef(h.label("scored")))
		}
	}
	Label(h.label("scored"))
}

// tile computes the scores of rows input rows: rows·columns sums of all lanes, kept in registers over the whole length.
func (h half) tile(v wide, rows int, row Register, o []Register) {
	in, ins := Load(Param("in"), GP64()), h.inputRows()
	p := make([]Register, rows)
	sums := make([][]VecVirtual, rows)
	for m := range p {
		p[m] = GP64()
		MOVQ(Mem{Base: ins, Index: row, Scale: 1, Disp: 8 * m}, p[m])
		LEAQ(Mem{Base: in, Index: p[m], Scale: 4}, p[m])
		for range o {
			sums[m] = append(sums[m], v.zero())
		}
	}
	i := GP64()
	XORQ(i, i)
	loop := h.label("dots%d", rows)
	Label(loop)
	a := make([]VecVirtual, rows)
	for m := range a {
		a[m] = v.reg()
		VMOVUPS(Mem{Base: p[m], Index: i, Scale: 4}, a[m])
	}
	for n := range o {
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

// errors turns the scores of all input rows, of which the parameter says how many there are, into alpha·(label − σ(score)).
func errors(v wide, columns int, rows string) {
	grid, label := Load(Param("grid"), GP64()), GP64()
	Load(Param("label"), label)
	e := newSigmoid(v)
	alpha := v.reg()
	VBROADCASTSS(parameter("alpha"), alpha)
	end, row := GP64(), GP64()
	Load(Param(rows), end)
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
func (h half) updates(v wide, columns int) {
	o := h.outputRows(columns)
	in, ins, grid := Load(Param("in"), GP64()), h.inputRows(), Load(Param("grid"), GP64())
	end := GP64()
	Load(Param(h.to), end)
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
		h.start(row)
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
		loop, done := h.label("lines%d", lines), h.label("lines%ddone", lines)
		Label(loop)
		LEAQ(Mem{Base: i, Disp: 16 * lines}, at)
		CMPQ(at, parameter("dim"))
		JG(LabelRef(done))
		h.prefetch(columns, lines, i, row, at)
		width := min(lines, v.registers)
		for disp := 0; disp < 64*lines; disp += 4 * v.floats * width {
			block(h.label("rows%dat%d", lines, disp), disp, width)
		}
		ADDQ(Imm(uint64(16*lines)), i)
		JMP(LabelRef(loop))
		Label(done)
	}
}

// prefetch asks for the next step's rows, the same columns as the block at i, so that they arrive while this step's updates keep the multipliers busy:
// its output rows, which follow this step's in the list, and the input row that will enter the window. list and at are free registers.
func (h half) prefetch(columns, width int, i, list, at Register) {
	base := GP64()
	for n := 0; n <= maxOuts; n++ {
		if n < maxOuts {
			if n == 0 {
				Load(Param("out"), base)
				Load(Param(h.outs), list)
			}
			MOVQ(Mem{Base: list, Disp: 8 * (columns + n)}, at)
		} else {
			Load(Param("in"), base)
			Load(Param(h.next), at)
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
