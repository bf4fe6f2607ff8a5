package word2vec

import "deepdist/internal/vec"

// newRandom seeds a generator by a record's place. Places differ in few low bits, so each part goes through a full mix before the next comes in.
func newRandom(seed uint64, rec Record) vec.Random {
	h := mix(seed ^ 0x9e3779b97f4a7c15)
	h = mix(h ^ (uint64(rec.Epoch)<<32 | uint64(rec.Partition)))
	h = mix(h ^ rec.Index)
	return vec.Random(h)
}

// mix is the finaliser of SplitMix64: a bijection in which every bit of the input reaches every bit of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
