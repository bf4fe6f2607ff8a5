package word2vec

import (
	"errors"
	"math"

	"deepdist/internal/vec"
)

// newNegatives makes an alias table that draws words with probability ∝ count^exponent, in the construction of Vose (1991). It is exact, where word2vec's table of 10^8
// entries rounds, and at 8 bytes a word it stays in the cache.
func newNegatives(counts []uint64, exponent float64) ([]vec.Cell, error) {
	weights := make([]float64, len(counts))
	total := 0.0
	for i, c := range counts {
		if c > 0 {
			weights[i] = math.Pow(float64(c), exponent)
			total += weights[i]
		}
	}
	if !(total > 0) || math.IsInf(total, 0) {
		return nil, errors.New("no word can be drawn as a negative: the vocabulary's counts are all 0, or ns_exponent is too large")
	}
	// share is each word's probability in units of a cell. A poor word's cell is filled up by a rich one, which thereby becomes poorer.
	share := weights
	var poor, rich []uint32
	for i := range share {
		share[i] *= float64(len(share)) / total
		if share[i] < 1 {
			poor = append(poor, uint32(i))
		} else {
			rich = append(rich, uint32(i))
		}
	}
	cells := make([]vec.Cell, len(share))
	for len(poor) > 0 && len(rich) > 0 {
		p, r := poor[len(poor)-1], rich[len(rich)-1]
		poor = poor[:len(poor)-1]
		cells[p] = vec.Cell{Cut: uint32(share[p] * (1 << 32)), Other: r}
		share[r] -= 1 - share[p]
		if share[r] < 1 {
			rich = rich[:len(rich)-1]
			poor = append(poor, r)
		}
	}
	for _, whole := range [][]uint32{poor, rich} { // what rounding leaves over holds one word only
		for _, i := range whole {
			cells[i] = vec.Cell{Cut: math.MaxUint32, Other: i}
		}
	}
	return cells, nil
}
