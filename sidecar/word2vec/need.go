package word2vec

import "math/bits"

// Need marks the rows that Train will read and change for rec: all of them and no others, because it makes the same random choices.
func (m *Model) Need(rec Record, scratch *Scratch, syn0, syn1neg *KeySet) {
	m.choose(rec, scratch)
	for _, key := range scratch.kept {
		syn0.Add(key)
	}
	for _, key := range scratch.outs {
		syn1neg.Add(key)
	}
}

// KeySet is a set of vocabulary ids, one bit each.
type KeySet struct {
	bits []uint64
}

// NewKeySet makes an empty set for a vocabulary of the given size.
func NewKeySet(size int) *KeySet { return &KeySet{bits: make([]uint64, (size+63)/64)} }

// Add puts key into the set.
func (s *KeySet) Add(key uint32) { s.bits[key/64] |= 1 << (key % 64) }

// Has says whether key is in the set.
func (s *KeySet) Has(key uint32) bool { return s.bits[key/64]>>(key%64)&1 != 0 }

// Len counts the keys.
func (s *KeySet) Len() int {
	n := 0
	for _, word := range s.bits {
		n += bits.OnesCount64(word)
	}
	return n
}

// Keys lists the keys, ascending, in a slice of the caller's own.
func (s *KeySet) Keys() []uint32 {
	keys := make([]uint32, 0, s.Len())
	for i, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			keys = append(keys, uint32(64*i+bits.TrailingZeros64(word)))
		}
	}
	return keys
}

// Reset empties the set.
func (s *KeySet) Reset() { clear(s.bits) }
