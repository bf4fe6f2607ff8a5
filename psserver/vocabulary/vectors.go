package vocabulary

import (
	"fmt"
	"math/bits"

	"deepdist/internal/ranges"
)

// InitialVectors fills syn0 as gensim begins: uniform in (−1, 1)/dim, small enough that every sigmoid starts on its slope. (word2vec's half of that
// costs CBOW, which is slow to leave its beginning, a point of analogies on 17 million words.) Each
// number is a function of (seed, id, place) alone, so the start does not depend on who asks for it, or in which order. The
// output vectors begin at zero.
func InitialVectors(syn0 []float32, dim int, seed uint64) {
	ranges.Each(len(syn0)/dim, func(_, first, end int) {
		for id := first; id < end; id++ {
			row, key := syn0[id*dim:(id+1)*dim], mix(seed, uint64(id))
			for i := range row {
				u := mix(key, uint64(i)) >> 40 // 24 bits: all that a float32 holds
				row[i] = ((float32(u)+0.5)/(1<<23) - 1) / float32(dim)
			}
		}
	})
}

// mix is splitmix64's finaliser over a seed and a key: neighbouring keys give unrelated bits.
func mix(seed, key uint64) uint64 {
	x := seed + (key+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Need estimates the memory of a training at its fullest, by the terms of docs/spark.md but for the text, of which a worker takes as much as there is room for.
type Need struct {
	Words   uint64 // the vocabulary, which the server and each worker have
	Model   uint64 // the server's matrices
	Push    uint64 // the deltas of all rows with their keys, while the server receives them
	WayOut  uint64 // the copy that the driver gets at the end, when no push comes any more
	Replica uint64 // a worker's rows, padded to 16 floats, and a copy of what it pulled, to know what it has changed
}

// Server is what the server takes.
func (n Need) Server() uint64 { return n.Words + n.Model + max(n.Push, n.WayOut) }

// Worker is what a worker takes that holds all rows.
func (n Need) Worker() uint64 { return n.Words + n.Replica }

// Total is for a machine that runs the server and one worker, which lets go of its rows before the way out.
func (n Need) Total() uint64 { return 2*n.Words + n.Model + max(n.Push+n.Replica, n.WayOut) }

// Estimate computes the need of a vocabulary with so many matrices of vectors of so many numbers. It errs when the sizes do not fit into 63 bits.
func Estimate(v *Vocabulary, dim, matrices int) (Need, error) {
	padded := (uint64(dim) + 15) &^ 15
	hi, matrix := bits.Mul64(uint64(v.Size()), padded*4)
	if hi != 0 || matrix > 1<<59 {
		return Need{}, fmt.Errorf("%d words with vectors of %d numbers: more than any memory", v.Size(), dim)
	}
	rows := uint64(v.Size()) * uint64(matrices)
	model := rows * 4 * uint64(dim)
	return Need{Words: v.Bytes(), Model: model, Push: model + 4*rows, WayOut: model, Replica: 2 * matrix * uint64(matrices)}, nil
}

// Check refuses a training that does not fit into the available bytes.
func (n Need) Check(v *Vocabulary, dim int, available uint64) error {
	if n.Total() <= available {
		return nil
	}
	return fmt.Errorf("%d words with vectors of %d numbers need about %s (server %s, a worker %s), and %s are available: "+
		"raise min_count, set max_final_vocab, lower vector_size, or give the driver's machine more memory",
		v.Size(), dim, Size(n.Total()), Size(n.Server()), Size(n.Worker()), Size(available))
}

// Size prints a number of bytes for people.
func Size(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", (n+1023)/1024)
}
