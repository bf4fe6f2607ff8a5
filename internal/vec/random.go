package vec

import "math/bits"

// Random is the state of wyrand (Wang Yi): a counter and one multiplication, fast enough to be seeded again for every sentence. Because it counts,
// many of the numbers to come can be computed beside each other.
type Random uint64

const (
	randomStep = 0xa0761d6478bd642f
	randomFlip = 0xe7037ed1a0b428db
)

// Next gives 64 random bits.
func (r *Random) Next() uint64 {
	*r += randomStep
	high, low := bits.Mul64(uint64(*r), uint64(*r)^randomFlip)
	return high ^ low
}

// Below is uniform in 0..n-1 (its bias, n/2^64, is beyond measuring).
func (r *Random) Below(n uint64) uint64 {
	high, _ := bits.Mul64(r.Next(), n)
	return high
}

// Cell is a cell of an alias table (Walker 1977), in which a uniformly chosen cell holds at most two words.
type Cell struct {
	Cut   uint32 // below: the cell's own word, which is its number; at or above: Other
	Other uint32
}

// Draw fills words from an alias table of fewer than 2^32 cells, each by the next random number: of its product with their number the high half is the cell, and
// the low half is uniform within the cell.
func (r *Random) Draw(words []uint32, table []Cell) {
	if len(words) > 0 && len(table) == 0 {
		panic("vec: an alias table without cells")
	}
	for len(words) > 0 {
		n := min(len(words), piece)
		chosen.draw(words[:n], table, *r)
		*r += Random(n) * randomStep
		words = words[n:]
	}
}

// Thin copies each token for which the next random number's upper half is at most keep[token], and says how many those are. kept has room for all tokens; what it
// holds beyond those copied is undefined then.
func (r *Random) Thin(kept, tokens, keep []uint32) int {
	kept = kept[:len(tokens)]
	total := 0
	for len(tokens) > 0 {
		n := min(len(tokens), piece)
		total += chosen.thin(kept[total:], tokens[:n], keep, *r)
		*r += Random(n) * randomStep
		tokens = tokens[n:]
	}
	return total
}

// Opponents lists for each center its output words: itself, and those of the MaxOuts-1 negatives that were drawn for it. plain tells where all of them differ.
// outs has room for OpponentsMargin more.
func Opponents(outs []uint32, plain []bool, centers, drawn []uint32) {
	n := len(centers)
	outs, plain, drawn = outs[:n*MaxOuts+OpponentsMargin], plain[:n], drawn[:n*(MaxOuts-1)]
	if n > 0 {
		chosen.opponents(outs, plain, centers, drawn)
	}
}

// OpponentsMargin is the room that Opponents needs beyond what it lists.
const OpponentsMargin = 2

// Offsets fills the first len(keys) offsets with where the rows of the keys begin, if all are below rows; else it says false.
func Offsets(offsets []int, keys []uint32, stride, rows int) bool {
	return chosen.offsets(offsets[:len(keys)], keys, stride, rows)
}

func drawGeneric(words []uint32, table []Cell, r Random) {
	for i := range words {
		cell, within := bits.Mul64(r.Next(), uint64(len(table)))
		c := table[cell]
		word := c.Other
		if uint32(within>>32) < c.Cut { // written to become a conditional move: as a jump, it would be predicted wrong half of the time
			word = uint32(cell)
		}
		words[i] = word
	}
}

// thinGeneric always writes and sometimes advances, which spares a branch that no processor could predict. The assembly writes eight at a time, the last of which
// never reach beyond where the tokens' own eight end.
func thinGeneric(kept, tokens, keep []uint32, r Random) int {
	n := 0
	for _, token := range tokens {
		kept[n] = token
		if uint32(r.Next()>>32) <= keep[token] {
			n++
		}
	}
	return n
}

func opponentsGeneric(outs []uint32, plain []bool, centers, drawn []uint32) {
	for i, center := range centers {
		to, from := (*[MaxOuts]uint32)(outs[i*MaxOuts:]), (*[MaxOuts - 1]uint32)(drawn[i*(MaxOuts-1):])
		a, b, c, d, e, f := center, from[0], from[1], from[2], from[3], from[4]
		to[0], to[1], to[2], to[3], to[4], to[5] = a, b, c, d, e, f
		plain[i] = a != b && a != c && a != d && a != e && a != f && b != c && b != d && b != e && b != f && c != d && c != e && c != f && d != e && d != f && e != f
	}
}

func offsetsGeneric(offsets []int, keys []uint32, stride, rows int) bool {
	offsets = offsets[:len(keys)]
	wrong := false
	for i, key := range keys {
		offsets[i] = int(key) * stride
		wrong = wrong || int(key) >= rows
	}
	return !wrong
}
