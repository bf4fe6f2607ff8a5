package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// field is a matrix whose rows are separated and surrounded by guards, so that a step that writes beside its rows is caught.
type field struct {
	floats []float32
	rows   []int // offsets
	dim    int
}

func newField(r *rand.Rand, rows, dim, offset int) field {
	f := field{floats: make([]float32, 16+offset+rows*(dim+16)), dim: dim}
	for i := range f.floats {
		f.floats[i] = guard
	}
	for i := range rows {
		at := 16 + offset + i*(dim+16)
		f.rows = append(f.rows, at)
		fill(r, f.floats[at:at+dim])
		for j := range dim { // scores of some units, as in training
			f.floats[at+j] *= float32(3 / math.Sqrt(float64(dim)))
		}
	}
	return f
}

func (f field) clone() field {
	f.floats = append([]float32(nil), f.floats...)
	return f
}

// compare fails unless both fields agree up to the rounding of sums, and exactly wherever neither may write.
func (f field) compare(t *testing.T, want field, what string) {
	t.Helper()
	inRow := make([]bool, len(f.floats))
	for _, at := range f.rows {
		for i := range f.dim {
			inRow[at+i] = true
		}
	}
	for i, v := range f.floats {
		eps := 0.0
		if inRow[i] {
			eps = 1e-5
		}
		if d := float64(v) - float64(want.floats[i]); !(math.Abs(d) <= eps) {
			t.Fatalf("%s: float %d is %v, should be %v", what, i, v, want.floats[i])
		}
	}
}

func TestEveryKernelTakesTheStepThatThePlainLoopDefines(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for m := 0; m <= MaxIns; m++ {
			for n := 1; n <= MaxOuts; n++ {
				for _, dim := range []int{16, 32, 80, 112} {
					for _, offset := range []int{0, 1, 7} {
						compareStep(t, m, n, dim, offset, uint(m+n+dim+offset)*0x9e37>>4&(1<<MaxOuts-1))
					}
				}
			}
		}
	})
}

func TestEveryLabelReachesItsColumn(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for labels := range uint(1 << MaxOuts) {
			for n := 1; n <= MaxOuts; n++ {
				compareStep(t, 7, n, 32, 0, labels)
			}
		}
	})
}

func TestEveryRowLengthComesOutRight(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for dim := 16; dim <= 1040; dim += 16 {
			compareStep(t, 6, 6, dim, 0, 1)
			compareStep(t, 3, 5, dim, 3, 0)
		}
	})
}

func TestEveryKernelTakesThePairOfStepsThatThePlainLoopDefines(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for both := 0; both <= MaxPair; both++ {
			for m := 0; m <= both; m++ {
				comparePair(t, m, both, 16*(1+(m+both)%9), m%3)
			}
		}
	})
}

// comparePair has an output row that is in both steps, and an input row that is.
func comparePair(t *testing.T, m, both, dim, offset int) {
	t.Helper()
	what := fmt.Sprintf("%d and %d input rows of %d floats, offset %d", m, both-m, dim, offset)
	r := rand.New(rand.NewPCG(uint64(m*100+both), uint64(dim)))
	in, out := newField(r, MaxIns, dim, offset), newField(r, 4*MaxOuts, dim, offset)
	wantIn, wantOut := in.clone(), out.clone()
	outs, ins := append([]int(nil), out.rows...), append([]int(nil), in.rows...)
	r.Shuffle(len(outs), func(i, j int) { outs[i], outs[j] = outs[j], outs[i] })
	r.Shuffle(len(ins), func(i, j int) { ins[i], ins[j] = ins[j], ins[i] })
	others := outs[2*MaxOuts:]
	others[1] = outs[3]
	ins = ins[:both]
	if 0 < m && m < both {
		ins[m] = ins[0]
	}
	var grid, wantGrid Grid
	first, second := (*[2 * MaxOuts]int)(outs), (*[2 * MaxOuts]int)(others)
	otherIns := append([]int(nil), ins[m:]...)
	Pair(in.floats, out.floats, dim, ins[:m], otherIns, first, second, in.rows[0], in.rows[1], 0.25, &grid)
	pairGeneric(wantIn.floats, wantOut.floats, dim, ins[:m], otherIns, first, second, in.rows[0], in.rows[1], 0.25, &wantGrid)
	in.compare(t, wantIn, what+": input")
	out.compare(t, wantOut, what+": output")
	for row := range both {
		for column := range MaxOuts {
			if d := float64(grid.Score(row, column)) - float64(wantGrid.Score(row, column)); !(math.Abs(d) <= 1e-5) {
				t.Fatalf("%s: score %d, %d is %v, should be %v", what, row, column, grid.Score(row, column), wantGrid.Score(row, column))
			}
			if d := float64(grid.Error(row, column)) - float64(wantGrid.Error(row, column)); !(math.Abs(d) <= 1e-6) {
				t.Fatalf("%s: error %d, %d is %v, should be %v", what, row, column, grid.Error(row, column), wantGrid.Error(row, column))
			}
		}
	}
}

func compareStep(t *testing.T, m, n, dim, offset int, labels uint) {
	t.Helper()
	what := fmt.Sprintf("%d input rows, %d output rows of %d floats, offset %d, labels %06b", m, n, dim, offset, labels)
	r := rand.New(rand.NewPCG(uint64(m*100+n), uint64(dim)))
	in, out := newField(r, MaxIns, dim, offset), newField(r, 2*MaxOuts, dim, offset)
	wantIn, wantOut := in.clone(), out.clone()
	outs := append([]int(nil), out.rows...)
	r.Shuffle(len(outs), func(i, j int) { outs[i], outs[j] = outs[j], outs[i] })
	ins := append([]int(nil), in.rows...)
	r.Shuffle(len(ins), func(i, j int) { ins[i], ins[j] = ins[j], ins[i] })
	ins = ins[:m]
	var grid, wantGrid Grid
	Window(in.floats, out.floats, dim, ins, outs, n, in.rows[0], labels, 0.25, &grid)
	windowGeneric(wantIn.floats, wantOut.floats, dim, ins, outs, n, in.rows[0], labels, 0.25, &wantGrid)
	in.compare(t, wantIn, what+": input")
	out.compare(t, wantOut, what+": output")
	for row := range m {
		for column := range n {
			got, want := grid.Score(row, column), wantGrid.Score(row, column)
			if d := float64(got) - float64(want); !(math.Abs(d) <= 1e-5) {
				t.Fatalf("%s: score %d, %d is %v, should be %v", what, row, column, got, want)
			}
			got, want = grid.Error(row, column), wantGrid.Error(row, column)
			if d := float64(got) - float64(want); !(math.Abs(d) <= 1e-6) {
				t.Fatalf("%s: error %d, %d is %v, should be %v", what, row, column, got, want)
			}
		}
	}
}

// The stated formulas again, with every row copied first: a second opinion on the definition itself.
func TestThePlainStepIsThreeMatrixProducts(t *testing.T) {
	const m, n, dim, alpha = 5, 4, 16, 0.1
	r := rand.New(rand.NewPCG(5, 6))
	in, out := newField(r, m, dim, 0), newField(r, n, dim, 0)
	a, b := in.clone(), out.clone()
	var grid Grid
	windowGeneric(in.floats, out.floats, dim, in.rows, out.rows, n, 0, 0b0101, alpha, &grid)
	for i := range dim {
		for row := range m {
			want := float64(a.floats[a.rows[row]+i])
			for column := range n {
				want += stepError(a, b, row, column, alpha) * float64(b.floats[b.rows[column]+i])
			}
			if got := float64(in.floats[in.rows[row]+i]); !(math.Abs(got-want) < 1e-6) {
				t.Fatalf("in[%d][%d] is %v, should be %v", row, i, got, want)
			}
		}
		for column := range n {
			want := float64(b.floats[b.rows[column]+i])
			for row := range m {
				want += stepError(a, b, row, column, alpha) * float64(a.floats[a.rows[row]+i])
			}
			if got := float64(out.floats[out.rows[column]+i]); !(math.Abs(got-want) < 1e-6) {
				t.Fatalf("out[%d][%d] is %v, should be %v", column, i, got, want)
			}
		}
	}
}

func stepError(a, b field, row, column int, alpha float64) float64 {
	score := 0.0
	for i := range a.dim {
		score += float64(a.floats[a.rows[row]+i]) * float64(b.floats[b.rows[column]+i])
	}
	label := 0.0
	if column%2 == 0 {
		label = 1
	}
	return alpha * (label - 1/(1+math.Exp(-score)))
}

func TestAnInputRowThatOccursTwiceGetsBothUpdates(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		in, out := newField(r, 3, 48, 0), newField(r, 12, 48, 0)
		wantIn, wantOut := in.clone(), out.clone()
		fresh, outBefore, again := in.clone(), out.clone(), in.clone()
		ins := []int{in.rows[0], in.rows[1], in.rows[0], in.rows[2], in.rows[0]}
		var grid Grid
		Window(in.floats, out.floats, 48, ins, out.rows, 6, 0, 1, 0.5, &grid)
		windowGeneric(wantIn.floats, wantOut.floats, 48, ins, out.rows, 6, 0, 1, 0.5, &grid)
		in.compare(t, wantIn, "input")
		out.compare(t, wantOut, "output")
		Window(again.floats, outBefore.floats, 48, ins[:1], out.rows, 6, 0, 1, 0.5, &grid)
		for i := range 48 {
			at := in.rows[0] + i
			once, thrice := again.floats[at]-fresh.floats[at], in.floats[at]-fresh.floats[at]
			if !(math.Abs(float64(thrice-3*once)) < 1e-5) {
				t.Fatalf("float %d moved by %v, one update is %v", i, thrice, once)
			}
		}
	})
}

func TestTheSigmoidIsAccurateFromEndToEnd(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for score := float32(-120); score <= 120; score += 0.0625 {
			in, out := make([]float32, 16), make([]float32, 16)
			in[0], out[0] = score, 1
			var grid Grid
			Window(in, out, 16, []int{0}, make([]int, 1+MaxOuts), 1, 0, 0, 1, &grid)
			got, want := float64(score)-float64(in[0]), 1/(1+math.Exp(-float64(score)))
			if !(math.Abs(got-want) < 1e-5) {
				t.Fatalf("σ(%v) came out as %v, should be %v", score, got, want)
			}
		}
	})
}

func TestNonFiniteRowsStayNonFinite(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			r := rand.New(rand.NewPCG(9, 9))
			in, out := newField(r, 4, 32, 0), newField(r, 12, 32, 0)
			in.floats[in.rows[2]+5] = bad
			var grid Grid
			Window(in.floats, out.floats, 32, in.rows, out.rows, 6, 0, 1, 0.1, &grid)
			if AllFinite(in.floats[in.rows[2] : in.rows[2]+32]) {
				t.Errorf("%v was trained away", bad)
			}
		}
	})
}

func TestTheGridHasTheLayoutThatTheAssemblyWasWrittenFor(t *testing.T) {
	var g Grid
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"scoreLeft", unsafe.Offsetof(g.scoreLeft), 0},
		{"scoreRight", unsafe.Offsetof(g.scoreRight), 512},
		{"errorLeft", unsafe.Offsetof(g.errorLeft), 768},
		{"errorRight", unsafe.Offsetof(g.errorRight), 1280},
		{"the whole", unsafe.Sizeof(g), 1536},
	} {
		if c.got != c.want {
			t.Errorf("%s is at %d, the generator has it at %d", c.name, c.got, c.want)
		}
	}
}

func BenchmarkWindow(b *testing.B) {
	for _, name := range Names() {
		for _, dim := range []int{112, 304, 912} {
			for _, m := range []int{2, 6, 10} {
				b.Run(fmt.Sprintf("%s/dim=%d/contexts=%d", name, dim, m), func(b *testing.B) {
					defer use(b, name)()
					r := rand.New(rand.NewPCG(1, 2))
					in, out := newField(r, m, dim, 0), newField(r, 12, dim, 0)
					var grid Grid
					for b.Loop() {
						Window(in.floats, out.floats, dim, in.rows, out.rows, 6, in.rows[0], 1, 0, &grid)
					}
					b.ReportMetric(float64(b.N*m*6*6*dim)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}

func BenchmarkPair(b *testing.B) {
	for _, name := range Names() {
		for _, dim := range []int{112, 304} {
			for _, m := range []int{2, 6, 10} {
				b.Run(fmt.Sprintf("%s/dim=%d/contexts=%d", name, dim, m), func(b *testing.B) {
					defer use(b, name)()
					r := rand.New(rand.NewPCG(1, 2))
					in, out := newField(r, 2*m, dim, 0), newField(r, 3*MaxOuts, dim, 0)
					outs, others := (*[2 * MaxOuts]int)(out.rows), (*[2 * MaxOuts]int)(out.rows[MaxOuts:])
					var grid Grid
					for b.Loop() {
						Pair(in.floats, out.floats, dim, in.rows[:m], in.rows[m:], outs, others, in.rows[0], in.rows[1], 0, &grid)
					}
					b.ReportMetric(float64(b.N*2*m*6*6*dim)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}
