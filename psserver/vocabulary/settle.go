package vocabulary

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Vocabulary is words by id, settled.
type Vocabulary struct {
	Entries []Entry
	ids     map[string]uint32
}

// Settled is what comes of the counts.
type Settled struct {
	*Vocabulary
	Words    uint64 // in the vocabulary, of one epoch
	Dropped  uint64 // words that are not in it
	Distinct uint64 // kinds of words counted
	Unknown  uint64 // kinds of words among them that are not in the vocabulary
}

// Rules say which words stay, with gensim's meanings.
type Rules struct {
	MinCount      uint64 // rarer words are dropped
	MaxFinalVocab uint64 // 0: any number; else min_count is raised until at most so many are left
}

// New makes a vocabulary of words in id order.
func New(entries []Entry) (*Vocabulary, error) {
	if len(entries) > math.MaxInt32 {
		return nil, fmt.Errorf("%d words: more than ids can number", len(entries))
	}
	v := &Vocabulary{Entries: entries, ids: make(map[string]uint32, len(entries))}
	for i, e := range entries {
		if _, twice := v.ids[e.Word]; twice {
			return nil, fmt.Errorf("word %q is in the vocabulary twice", e.Word)
		}
		v.ids[e.Word] = uint32(i)
	}
	return v, nil
}

// ID finds a word.
func (v *Vocabulary) ID(word string) (uint32, bool) {
	id, ok := v.ids[word]
	return id, ok
}

// Size is the number of words.
func (v *Vocabulary) Size() int { return len(v.Entries) }

// wordBytes is what a word takes besides its text, in the server as in a worker: string header, count, its place in an index, once while they are
// counted and once when they are settled, and as much again that the collector has not looked at yet (measured: docs/spark.md).
const wordBytes = 240

// Bytes is about how much memory the words take.
func (v *Vocabulary) Bytes() uint64 {
	n := uint64(0)
	for _, e := range v.Entries {
		n += uint64(len(e.Word)) + wordBytes
	}
	return n
}

// Settle makes the vocabulary of everything that was committed.
func (m *Merge) Settle(rules Rules) (Settled, error) {
	effective := max(rules.MinCount, 1)
	if limit := rules.MaxFinalVocab; limit > 0 && limit < uint64(len(m.counts)) {
		all := make([]uint64, 0, len(m.counts))
		for _, c := range m.counts {
			all = append(all, c)
		}
		slices.SortFunc(all, func(a, b uint64) int { return cmp.Compare(b, a) })
		effective = max(effective, all[limit]+1)
	}
	entries, kept, total, largest := []Entry{}, uint64(0), uint64(0), uint64(0)
	for word, count := range m.counts {
		total += count
		largest = max(largest, count)
		if count >= effective {
			kept += count
			entries = append(entries, Entry{word, count})
		}
	}
	switch {
	case total == 0:
		return Settled{}, errors.New("the data has no words: the RDD is empty, or all of its rows are")
	case len(entries) == 0 && effective > rules.MinCount:
		return Settled{}, fmt.Errorf("no word is left: max_final_vocab=%d is less than the number of words that share the highest count, %d; raise it",
			rules.MaxFinalVocab, largest)
	case len(entries) == 0:
		return Settled{}, fmt.Errorf("no word is left: the most frequent one occurs %d times, which is below min_count=%d; lower min_count or train on more text",
			largest, rules.MinCount)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Word, b.Word))
	})
	v, err := New(entries)
	if err != nil {
		return Settled{}, err
	}
	return Settled{Vocabulary: v, Words: kept, Dropped: total - kept, Distinct: uint64(len(m.counts)), Unknown: uint64(len(m.counts) - v.Size())}, nil
}

// Fixed measures the data against a vocabulary that is given: its ids and counts stay as they are.
func (m *Merge) Fixed(v *Vocabulary) (Settled, error) {
	s := Settled{Vocabulary: v, Distinct: uint64(len(m.counts))}
	for word, count := range m.counts {
		if _, ok := v.ids[word]; ok {
			s.Words += count
		} else {
			s.Dropped += count
			s.Unknown++
		}
	}
	switch {
	case s.Words+s.Dropped == 0:
		return Settled{}, errors.New("the data has no words: the RDD is empty, or all of its rows are")
	case s.Words == 0:
		return Settled{}, fmt.Errorf("none of the data's %d words is in the vocabulary of %d words that the model brought: "+
			"tokenise both in the same way, or train without a vocabulary", s.Dropped, v.Size())
	}
	return s, nil
}
