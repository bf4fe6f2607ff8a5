package spool

import (
	"encoding/binary"
	"math/bits"

	"github.com/zeebo/xxh3"

	"deepdist/internal/frame"
)

// Dictionary numbers the words of one partition in order of first appearance, and counts them.
//
// It is an open-addressing table of its own, whose slots hold short words whole: most words of a text are found by one look at one cache line. All words lie one
// after another in one piece of memory, and nothing is allocated per word. A word takes 40 to 80 bytes of the table, and twice that for a moment when it grows.
type Dictionary struct {
	slots  []slot // a power of two, at most 5/8 full
	text   []byte // all words
	ends   []uint32
	Counts []uint64 // by number
}

// slot has what tells words apart: of a word of at most shortBytes bytes these, then zeros; of a longer one a hash.
type slot struct {
	low, high uint64
	size      uint32 // its length plus 1; 0: the slot is free
	number    uint32
}

const shortBytes = 16

// slotOf is a word's slot but for its number. It loads the bytes behind a short word with it, as far as its capacity goes, and masks them out, since that is faster than
// to copy as many as it has: so nobody may be writing to those.
func slotOf(word []byte) slot {
	n := uint(len(word))
	if n > shortBytes {
		h := xxh3.Hash128(word)
		return slot{low: h.Lo, high: h.Hi, size: uint32(n) + 1}
	}
	var bytes [shortBytes]byte
	if cap(word) >= shortBytes {
		bytes = [shortBytes]byte(word[:shortBytes])
	} else {
		copy(bytes[:], word)
	}
	return slot{
		low:  binary.LittleEndian.Uint64(bytes[:]) & (1<<min(8*n, 64) - 1),
		high: binary.LittleEndian.Uint64(bytes[8:]) & (1<<(8*max(n, 8)-64) - 1),
		size: uint32(n) + 1,
	}
}

// place is a hash of the word.
func (s *slot) place() uint64 {
	high, low := bits.Mul64(s.low^0x9e3779b97f4a7c15, s.high^uint64(s.size)^0xd6e8feb86659fd93)
	return high ^ low
}

// maxDictionaryBytes keeps word positions within 32 bits.
const maxDictionaryBytes = 2 << 30

// NewDictionary returns an empty dictionary.
func NewDictionary() *Dictionary { return &Dictionary{slots: make([]slot, 1<<12)} }

// Len is how many words there are.
func (d *Dictionary) Len() int { return len(d.ends) }

// Word is the word with this number.
func (d *Dictionary) Word(number int) []byte {
	start := uint32(0)
	if number > 0 {
		start = d.ends[number-1]
	}
	return d.text[start:d.ends[number]]
}

// Count counts word once and returns its number. Nobody may write to the word meanwhile, nor to what lies behind it within its capacity.
func (d *Dictionary) Count(word []byte) (uint32, error) {
	w := slotOf(word)
	mask := uint64(len(d.slots) - 1)
	for at := w.place() & mask; ; at = (at + 1) & mask {
		s := &d.slots[at]
		if s.low == w.low && s.high == w.high && s.size == w.size && (len(word) <= shortBytes || string(d.Word(int(s.number))) == string(word)) {
			d.Counts[s.number]++
			return s.number, nil
		}
		if s.size == 0 {
			return d.insert(word, w, at)
		}
	}
}

func (d *Dictionary) insert(word []byte, w slot, at uint64) (uint32, error) {
	if len(d.text)+len(word) > maxDictionaryBytes {
		return 0, frame.Errorf(frame.BadInput, "its %d distinct words take more than 2 GiB: give the RDD more partitions (rdd.repartition), "+
			"or check that the rows really are text", len(d.ends))
	}
	number := uint32(len(d.ends))
	d.text = append(d.text, word...)
	d.ends = append(d.ends, uint32(len(d.text)))
	d.Counts = append(d.Counts, 1)
	w.number = number
	d.slots[at] = w
	if 8*len(d.ends) > 5*len(d.slots) {
		d.grow()
	}
	return number, nil
}

// grow doubles the table.
func (d *Dictionary) grow() {
	old := d.slots
	d.slots = make([]slot, 2*len(old))
	mask := uint64(len(d.slots) - 1)
	for _, s := range old {
		if s.size == 0 {
			continue
		}
		at := s.place() & mask
		for d.slots[at].size != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = s
	}
}
