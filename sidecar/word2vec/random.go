package word2vec

import "math/bits"

// random is wyrand (Wang Yi): a counter and one multiplication, fast enough to be re-seeded for every record.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0xa0761d6478bd642f
	high, low := bits.Mul64(r.state, r.state^0xe7037ed1a0b428db)
	return high ^ low
}

// below is uniform in 0..n-1 (its bias, n/2^64, is beyond measuring).
func (r *random) below(n uint64) uint64 {
	high, _ := bits.Mul64(r.next(), n)
	return high
}

// newRandom seeds a generator by a record's place. Places differ in few low bits, so each part goes through a full mix before the next comes in.
func newRandom(seed uint64, rec Record) random {
	h := mix(seed ^ 0x9e3779b97f4a7c15)
	h = mix(h ^ (uint64(rec.Epoch)<<32 | uint64(rec.Partition)))
	h = mix(h ^ rec.Index)
	return random{state: h}
}

// mix is the finaliser of SplitMix64: a bijection in which every bit of the input reaches every bit of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
