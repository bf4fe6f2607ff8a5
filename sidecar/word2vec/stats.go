package word2vec

import (
	"math"

	"deepdist/internal/vec"
)

// Stats are a trainer's figures.
type Stats struct {
	Words     uint64  // raw words: tokens of the records
	Kept      uint64  // those that subsampling kept
	Pairs     uint64  // predictions trained: (center, context word) pairs of skip-gram, windows of CBOW
	Loss      float64 // −Σ log p(label) over the targets of LossPairs predictions, as they were before their step
	LossPairs uint64  // predictions of one record in 16, or of all with ComputeLoss: Loss/LossPairs is the mean loss
}

// Stats gives the figures since the last call.
func (t *Trainer) Stats() Stats {
	s := t.stats
	t.stats = Stats{}
	return s
}

// Add sums figures of several trainers.
func (s *Stats) Add(other Stats) {
	s.Words += other.Words
	s.Kept += other.Kept
	s.Pairs += other.Pairs
	s.Loss += other.Loss
	s.LossPairs += other.LossPairs
}

// lossSampled picks one record in 16, by its place like everything else.
func lossSampled(seed uint64, rec Record) bool {
	r := newRandom(^seed, rec)
	return r.Next()>>60 == 0
}

// loss sums −log p over the step's m by n scores, p being the probability that the model gave to the label.
func loss(grid *vec.Grid, m, n int, labels uint, alpha float32) float64 {
	sum := 0.0
	for row := range m {
		sum += rowLoss(grid, row, n, labels, alpha)
	}
	return sum
}

// rowLoss is the loss of one row. The kernel has it almost computed: its error is ±alpha·(1 − p). So the logarithm is taken of a product of many p; where p is so small
// that 1 − p has lost it, of that p alone, from the score.
func rowLoss(grid *vec.Grid, row, n int, labels uint, alpha float32) float64 {
	sum, product := 0.0, 1.0
	perAlpha := 1 / float64(alpha)
	for column := range n {
		p := 1 - math.Abs(float64(grid.Error(row, column)))*perAlpha
		if !(p > smallest) { // also when alpha is 0
			score := float64(grid.Score(row, column))
			if labels>>column&1 == 1 {
				score = -score
			}
			sum += softplus(score)
			continue
		}
		product *= p
	}
	return sum - math.Log(product)
}

// smallest is what a probability must exceed to be taken from an error; underflow is where a product of them is given up.
const smallest, underflow = 1e-3, 1e-250

// plainLoss is loss of vec.MaxOuts columns of which the first has label 1, without a call and a jump for each.
func plainLoss(grid *vec.Grid, m int, alpha float32) float64 {
	sum, product := 0.0, 1.0
	perAlpha := 1 / alpha
	for row := range m {
		left, right := grid.Errors(row)
		p, a, b, c, d, e := 1-left[0]*perAlpha, 1+left[1]*perAlpha, 1+left[2]*perAlpha, 1+left[3]*perAlpha, 1+right[0]*perAlpha, 1+right[1]*perAlpha
		if !(p > smallest && a > smallest && b > smallest && c > smallest && d > smallest && e > smallest) {
			sum += rowLoss(grid, row, vec.MaxOuts, 1, alpha)
			continue
		}
		if product *= float64(p * a * b * (c * d * e)); product < underflow {
			sum -= math.Log(product)
			product = 1
		}
	}
	return sum - math.Log(product)
}

// softplus is log(1 + e^x) = −log σ(−x), without overflow.
func softplus(x float64) float64 {
	return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}
