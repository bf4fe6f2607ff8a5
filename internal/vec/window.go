package vec

import "math"

// A window is one center word with the words around it. Its step of skip-gram training with negative sampling, in the form of pWord2Vec
// (Ji et al., "Parallelizing Word2Vec in Shared and Distributed Memory", arXiv:1604.04661, section 3), takes M input rows (the context words)
// against N output rows (the center, and negatives that all context words share):
//
//	score[m][n] = in[m] · out[n]
//	error[m][n] = alpha · (label[n] − σ(score[m][n]))
//	in[m]  += Σ_n error[m][n] · out[n]
//	out[n] += Σ_m error[m][n] · in[m]
//
// The label is 1 for the center and 0 for a negative; in hierarchical softmax the output rows are a path's inner nodes, with labels of either kind.
// Scores and sums use the rows as they were before the step. That turns word2vec's vector operations into three small matrix products
// that read every row from the cache twice, however many pairs it takes part in.
//
// An input row that occurs twice (a word said twice) is handled in order: its second turn starts from the result of the first, so that
// neither update is lost. Output rows must differ from each other; the caller puts a negative drawn twice into a step of its own.
//
// Tried and slower: one list of negatives for up to 48 centers, as pSGNScc has it but at weight 1, in tiles of 4 by 4 under a staircase, with the positives pair by
// pair. The negatives alone reached 70 to 80 % of the peak, and rows were touched less often. But a window's own step wastes nothing on pairs that do not meet, and its
// positives ride along; those of the list took a third of the time for a sixth of the pairs. In all 0.8 (vectors of 300) to 0.87 (of 100) of this step's words per CPU
// second on a processor whose AVX-512 multiplies once a cycle (Zen 4), and 0.91 and 0.86 to 0.92 of Pair's on one that does so twice (Zen 5).
//
// Tried and slower, too (Zen 5): errors computed from the scores while these are in the tile's registers, 0.92 to 0.97, since more registers of them are half empty;
// two shorter chains of sums instead of one in the updates, 1.0; output rows asked for two, three and four steps ahead instead of one, 1.0. Faster and worse: the same
// negatives for two windows in a row, 1.0 to 1.05 and half a point of analogies less; for four, 1.05 to 1.08 and one and a half less.

const (
	MaxIns  = 32 // input rows of one step
	MaxOuts = 6  // output rows of one step: word2vec's default of one center and five negatives
	MaxPair = 28 // input rows of both steps of a pair
)

// Grid holds a step's scores and errors: working memory of the kernel that stays readable until the next step. Rows of four and of two columns lie
// apart because that is how the vector kernels' reductions come out.
type Grid struct {
	scoreLeft  [MaxIns][4]float32
	scoreRight [MaxIns][2]float32
	errorLeft  [MaxIns][4]float32
	errorRight [MaxIns][2]float32
}

// Score is in[m] · out[n] as it was before the last step.
func (g *Grid) Score(m, n int) float32 {
	if n < 4 {
		return g.scoreLeft[m][n]
	}
	return g.scoreRight[m][n-4]
}

// Error is alpha·(label − σ(score)) of the last step.
func (g *Grid) Error(m, n int) float32 {
	if n < 4 {
		return g.errorLeft[m][n]
	}
	return g.errorRight[m][n-4]
}

// Errors is a row of them: of the first four columns, and of the other two.
func (g *Grid) Errors(m int) (left *[4]float32, right *[2]float32) {
	return &g.errorLeft[m], &g.errorRight[m]
}

// Window trains one step on the rows that begin at in[ins[m]] and at out[outs[n]], each dim floats long, dim a multiple of 16.
// Bit n of labels is the label of outs[n]. len(ins) is at most MaxIns.
//
// outs is a list that goes on: the step takes its first n entries, 1 to MaxOuts. The kernel may prefetch the MaxOuts entries that follow them, which are
// those of the next step, and the input row at next; so these must be valid offsets too. The kernel does not check offsets: the caller has.
func Window(in, out []float32, dim int, ins, outs []int, n, next int, labels uint, alpha float32, grid *Grid) {
	chosen.window(in, out, dim, ins, outs, n, next, labels, alpha, grid)
}

// Pair trains two steps of MaxOuts output rows each, of which the first has label 1 and the others 0: that of ins at outs, and that of otherIns at others, MaxPair input rows
// in all, in the grid one after the other. Both scores are of the rows as they were before the pair; then the first step's updates are made, then the second's. The scores
// of either step keep the processor busy while the other's are on their way through sums, σ and memory, on which a step alone has to wait. Rows that both steps share
// lose no update.
//
// outs, others, next and otherNext may be read ahead as Window's are.
func Pair(in, out []float32, dim int, ins, otherIns []int, outs, others *[2 * MaxOuts]int, next, otherNext int, alpha float32, grid *Grid) {
	chosen.pair(in, out, dim, ins, otherIns, outs, others, next, otherNext, alpha, grid)
}

// windowGeneric is the definition.
func windowGeneric(in, out []float32, dim int, ins, outs []int, n, _ int, labels uint, alpha float32, grid *Grid) {
	scoresGeneric(in, out, dim, ins, 0, outs[:n], labels, alpha, grid)
	updatesGeneric(in, out, dim, ins, 0, outs[:n], grid)
}

// pairGeneric is the definition.
func pairGeneric(in, out []float32, dim int, ins, otherIns []int, outs, others *[2 * MaxOuts]int, _, _ int, alpha float32, grid *Grid) {
	scoresGeneric(in, out, dim, ins, 0, outs[:MaxOuts], 1, alpha, grid)
	scoresGeneric(in, out, dim, otherIns, len(ins), others[:MaxOuts], 1, alpha, grid)
	updatesGeneric(in, out, dim, ins, 0, outs[:MaxOuts], grid)
	updatesGeneric(in, out, dim, otherIns, len(ins), others[:MaxOuts], grid)
}

// scoresGeneric fills the grid's rows from first on.
func scoresGeneric(in, out []float32, dim int, ins []int, first int, outs []int, labels uint, alpha float32, grid *Grid) {
	for m, a := range ins {
		for n, b := range outs {
			score := dot(in[a:a+dim], out[b:b+dim])
			grid.set(first+m, n, score, alpha*(float32(labels>>n&1)-sigmoid(score)))
		}
	}
}

// updatesGeneric walks rows 16 floats at a time, as arrays, which spares the compiler's bounds checks.
func updatesGeneric(in, out []float32, dim int, ins []int, first int, outs []int, grid *Grid) {
	for i := 0; i < dim; i += 16 {
		var before [MaxOuts][16]float32
		for n, b := range outs {
			before[n] = [16]float32(out[b+i:])
		}
		for m, a := range ins {
			u := (*[16]float32)(in[a+i:])
			x := *u
			for n, b := range outs {
				v, e := (*[16]float32)(out[b+i:]), grid.Error(first+m, n)
				old := &before[n]
				for k := range u {
					u[k] += e * old[k]
					v[k] += e * x[k]
				}
			}
		}
	}
}

// dot has four sums, since one would wait for each addition.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for ; len(a) >= 16 && len(b) >= 16; a, b = a[16:], b[16:] {
		x, y := (*[16]float32)(a), (*[16]float32)(b)
		for k := 0; k < 16; k += 4 {
			s0 += x[k] * y[k]
			s1 += x[k+1] * y[k+1]
			s2 += x[k+2] * y[k+2]
			s3 += x[k+3] * y[k+3]
		}
	}
	return (s0 + s1) + (s2 + s3)
}

func (g *Grid) set(m, n int, score, err float32) {
	if n < 4 {
		g.scoreLeft[m][n], g.errorLeft[m][n] = score, err
	} else {
		g.scoreRight[m][n-4], g.errorRight[m][n-4] = score, err
	}
}

// sigmoid is 1 / (1 + exp(-x)). word2vec looks it up in a table of 1,000 steps between -6 and 6.
func sigmoid(x float32) float32 {
	return float32(1 / (1 + math.Exp(-float64(x))))
}
