package spool

import (
	"github.com/zeebo/xxh3"

	"deepdist/internal/frame"
)

// Dictionary numbers the words of one partition in order of first appearance, and counts them.
//
// It is an open-addressing table of its own: one probe compares 32 bits of hash before it looks at a word, words lie one
// after another in one piece of memory, and nothing is allocated per word.
type Dictionary struct {
	slots  []slot // a power of two, at most 5/8 full
	text   []byte // all words
	ends   []uint32
	Counts []uint64 // by number
}

type slot struct {
	hash   uint32
	number uint32 // of the word, plus 1; 0: free
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

// Count counts word once and returns its number.
func (d *Dictionary) Count(word []byte) (uint32, error) {
	h := xxh3.Hash(word)
	mask := uint64(len(d.slots) - 1)
	for at := h >> 32 & mask; ; at = (at + 1) & mask {
		s := d.slots[at]
		if s.number == 0 {
			return d.insert(word, uint32(h), at)
		}
		if s.hash == uint32(h) && string(d.Word(int(s.number-1))) == string(word) {
			d.Counts[s.number-1]++
			return s.number - 1, nil
		}
	}
}

func (d *Dictionary) insert(word []byte, hash uint32, at uint64) (uint32, error) {
	if len(d.text)+len(word) > maxDictionaryBytes {
		return 0, frame.Errorf(frame.BadInput, "its %d distinct words take more than 2 GiB: give the RDD more partitions (rdd.repartition), "+
			"or check that the rows really are text", len(d.ends))
	}
	number := uint32(len(d.ends))
	d.text = append(d.text, word...)
	d.ends = append(d.ends, uint32(len(d.text)))
	d.Counts = append(d.Counts, 1)
	d.slots[at] = slot{hash: hash, number: number + 1}
	if 8*len(d.ends) > 5*len(d.slots) {
		d.grow()
	}
	return number, nil
}

// grow doubles the table. Positions come from the hash's upper half, which slots don't keep, so words are hashed again: it is
// done a few dozen times in a partition's life.
func (d *Dictionary) grow() {
	d.slots = make([]slot, 2*len(d.slots))
	mask := uint64(len(d.slots) - 1)
	for number := range d.ends {
		h := xxh3.Hash(d.Word(number))
		at := h >> 32 & mask
		for d.slots[at].number != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = slot{hash: uint32(h), number: uint32(number) + 1}
	}
}
