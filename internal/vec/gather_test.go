package vec

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestEveryKernelGathersAndSpreadsAsThePlainLoopDoes(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for dim := 16; dim <= 336; dim += 16 {
			for _, rows := range []int{0, 1, 2, 5, 31} {
				compareGather(t, rows, dim, dim/16%3)
			}
		}
		compareGather(t, 40, 1040, 0) // more than one piece
	})
}

func compareGather(t *testing.T, rows, dim, offset int) {
	t.Helper()
	what := fmt.Sprintf("%d rows of %d floats, offset %d", rows, dim, offset)
	r := rand.New(rand.NewPCG(uint64(rows), uint64(dim)))
	in, ends := newField(r, max(1, rows), dim, offset), newField(r, 2, dim, offset)
	var ins []int
	for range rows {
		ins = append(ins, in.rows[r.IntN(rows)]) // some of them twice
	}
	wantIn, wantEnds := in.clone(), ends.clone()
	half := func(f field, i int) []float32 { return f.floats[f.rows[i]:][:dim] }

	Gather(half(ends, 0), in.floats, ins, 0.25, in.rows[0])
	gatherGeneric(half(wantEnds, 0), wantIn.floats, ins, 0.25, in.rows[0])
	ends.compare(t, wantEnds, what+": sum")
	Spread(in.floats, ins, half(ends, 0), half(ends, 1), 0.5)
	spreadGeneric(wantIn.floats, ins, half(wantEnds, 0), half(wantEnds, 1), 0.5)
	in.compare(t, wantIn, what+": rows")
	ends.compare(t, wantEnds, what+": ends")
}

func TestARowListedTwiceIsGatheredAndGivenTwice(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		in, sum, before := make([]float32, 48), make([]float32, 16), make([]float32, 16)
		in[16], in[32], sum[0] = 3, 5, 1
		Gather(sum, in, []int{16, 32, 16}, 0.5, 0)
		if sum[0] != 1+(3+5+3)/2. {
			t.Errorf("gathered %v", sum[0])
		}
		Spread(in, []int{16, 32, 16}, sum, before, 2)
		if in[16] != 3+4*6.5 || in[32] != 5+2*6.5 || in[0] != 0 {
			t.Errorf("spread %v, %v", in[16], in[32])
		}
	})
}
