package word2vec

import (
	"errors"
	"math"
	"math/bits"
)

// negatives draws words with probability ∝ count^exponent from an alias table (Walker 1977, in the construction of Vose 1991): a uniformly chosen cell holds at
// most two words. It is exact, where word2vec's table of 10^8 entries rounds, and at 8 bytes a word it stays in the cache.
type negatives []aliasCell

type aliasCell struct {
	cut   uint32 // below: the cell's own word; at or above: other
	other uint32
}

func newNegatives(counts []uint64, exponent float64) (negatives, error) {
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
	cells := make(negatives, len(share))
	for len(poor) > 0 && len(rich) > 0 {
		p, r := poor[len(poor)-1], rich[len(rich)-1]
		poor = poor[:len(poor)-1]
		cells[p] = aliasCell{cut: uint32(share[p] * (1 << 32)), other: r}
		share[r] -= 1 - share[p]
		if share[r] < 1 {
			rich = rich[:len(rich)-1]
			poor = append(poor, r)
		}
	}
	for _, whole := range [][]uint32{poor, rich} { // what rounding leaves over holds one word only
		for _, i := range whole {
			cells[i] = aliasCell{cut: math.MaxUint32, other: i}
		}
	}
	return cells, nil
}

// draw chooses cell and side by one random number: the product's high half is the cell, its low half is uniform within the cell.
func (n negatives) draw(r *random) uint32 {
	cell, within := bits.Mul64(r.next(), uint64(len(n)))
	c := n[cell]
	word := c.other
	if uint32(within>>32) < c.cut { // written to become a conditional move: as a jump, it would be predicted wrong half of the time
		word = uint32(cell)
	}
	return word
}
