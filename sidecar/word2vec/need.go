package word2vec

import "math/bits"

// Needed is the keys of rows by matrix; nil where a training has no such matrix.
type Needed struct {
	Syn0, Syn1, Syn1neg *KeySet
}

// NewNeeded makes empty sets for the model's matrices.
func (m *Model) NewNeeded() *Needed {
	n := &Needed{Syn0: NewKeySet(m.words)}
	if m.settings.Hs {
		n.Syn1 = NewKeySet(m.words)
	}
	if m.settings.Negative > 0 {
		n.Syn1neg = NewKeySet(m.words)
	}
	return n
}

// Need marks the rows that Train will read and change for rec: all of them and no others, because it makes the same random choices.
func (m *Model) Need(rec Record, scratch *Scratch, rows *Needed) {
	m.choose(rec, scratch)
	for _, key := range scratch.kept {
		rows.Syn0.Add(key)
	}
	for _, key := range scratch.outs {
		rows.Syn1neg.Add(key)
	}
	if m.tree != nil {
		for _, word := range scratch.kept {
			for _, s := range m.tree.path(word) {
				rows.Syn1.Add(s.node())
			}
		}
	}
}

// sets are those of all matrices.
func (n *Needed) sets() map[string]*KeySet {
	return map[string]*KeySet{"syn0": n.Syn0, "syn1": n.Syn1, "syn1neg": n.Syn1neg}
}

// Of is the set of the matrix of that name.
func (n *Needed) Of(name string) *KeySet { return n.sets()[name] }

// Reset empties all sets.
func (n *Needed) Reset() {
	for _, s := range n.sets() {
		if s != nil {
			s.Reset()
		}
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
