package word2vec

import "math"

// keepThresholds gives, for every word, the largest 32-bit random number at which an occurrence is kept, as gensim computes it: with
// t = sample · total words, keep with probability √(t/count) + t/count; a sample of 1 or more is itself a count.
func keepThresholds(counts []uint64, sample float64) []uint32 {
	var total float64
	for _, c := range counts {
		total += float64(c)
	}
	t := sample * total
	if sample >= 1 {
		t = math.Floor(sample * (3 + math.Sqrt(5)) / 2)
	}
	keep := make([]uint32, len(counts))
	for i, c := range counts {
		p := 1.0
		if sample > 0 && c > 0 {
			p = math.Min(1, math.Sqrt(t/float64(c))+t/float64(c))
		}
		keep[i] = uint32(p * math.MaxUint32)
	}
	return keep
}
