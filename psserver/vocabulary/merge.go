// Package vocabulary makes one vocabulary of the words that the workers have counted.
//
//  1. Merge adds the counts of one committed partition. The first commit of a partition wins, so of two attempts at a task only
//     one is counted. A partition that is ingested again (its spool was lost) must bring the same counts, which are not added twice.
//  2. Settle drops rare words as gensim does (min_count, max_final_vocab), sorts by frequency, and gives ids: 0 is the most
//     frequent word. Words of equal frequency are in the order of their bytes, so the ids follow from the data alone.
//
// With a vocabulary that the user brought the ids are his; the counts then only say how many words there are to train.
package vocabulary

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// Entry is a word and how often it occurs.
type Entry struct {
	Word  string
	Count uint64
}

// Partition is what a committed partition amounted to.
type Partition struct {
	Rows, Records, Words uint64
	SplitSentences       uint64
	SpoolBytes           uint64
	Distinct             uint64
	Attempt              int64 // Spark's number of the task attempt whose spool it is

	digest uint64 // of the counts, whatever their order
}

// Merge is the counts that have come in.
type Merge struct {
	counts     map[string]uint64
	partitions map[uint32]Partition
	reopened   map[uint32]bool
	distinct   uint64 // kinds of words, when the counts are forgotten
}

// NewMerge has seen nothing yet.
func NewMerge() *Merge {
	return &Merge{counts: map[string]uint64{}, partitions: map[uint32]Partition{}, reopened: map[uint32]bool{}}
}

// Commit adds a partition, unless another attempt at it was first. The entries must add up to what the partition says.
func (m *Merge) Commit(id uint32, p Partition, entries []Entry) (accepted bool, err error) {
	if err := p.check(entries); err != nil {
		return false, fmt.Errorf("partition %d: %w", id, err)
	}
	known, again := m.partitions[id]
	if again && !m.reopened[id] {
		return false, nil
	}
	if again {
		if known.digest != p.digest || known.Records != p.Records || known.Rows != p.Rows {
			return false, fmt.Errorf("partition %d has other text than when it was read first (%d records and %d words now, %d and %d then): "+
				"the RDD is not repeatable; persist it, or sort it, before training", id, p.Records, p.Words, known.Records, known.Words)
		}
		delete(m.reopened, id)
		m.partitions[id] = p
		return true, nil
	}
	m.partitions[id] = p
	for _, e := range entries {
		count, known := m.counts[e.Word]
		if !known {
			// The word is a piece of a message's text: kept as it is, one new word would keep megabytes of known ones alive.
			e.Word = strings.Clone(e.Word)
		}
		m.counts[e.Word] = count + e.Count
	}
	return true, nil
}

func (p *Partition) check(entries []Entry) error {
	words := uint64(0)
	for _, e := range entries {
		if e.Count == 0 || e.Word == "" || !utf8.ValidString(e.Word) {
			return fmt.Errorf("word %q with count %d", e.Word, e.Count)
		}
		if words += e.Count; words < e.Count {
			return fmt.Errorf("the counts overflow")
		}
		// A sum does not care about the order in which a hash table lists its words.
		p.digest += xxh3.HashStringSeed(e.Word, e.Count)
	}
	if words != p.Words || uint64(len(entries)) != p.Distinct {
		return fmt.Errorf("%d words of %d kinds were counted, %d of %d were announced", words, len(entries), p.Words, p.Distinct)
	}
	return nil
}

// Reopen lets a partition be committed once more.
func (m *Merge) Reopen(id uint32) {
	if _, ok := m.partitions[id]; ok {
		m.reopened[id] = true
	}
}

// Committed tells whether a partition is in, and its spool not given up.
func (m *Merge) Committed(id uint32) bool {
	_, ok := m.partitions[id]
	return ok && !m.reopened[id]
}

// Forget lets go of the counts, when the vocabulary is settled: they may be many times as large. What the partitions amounted to
// stays, so that one that is ingested again can be compared.
func (m *Merge) Forget() {
	m.distinct, m.counts = uint64(len(m.counts)), nil
}

// Totals adds up the partitions that are in, and counts them.
func (m *Merge) Totals() (total Partition, partitions int) {
	for _, p := range m.partitions {
		total.Rows += p.Rows
		total.Records += p.Records
		total.Words += p.Words
		total.SplitSentences += p.SplitSentences
		total.SpoolBytes += p.SpoolBytes
	}
	total.Distinct = max(m.distinct, uint64(len(m.counts)))
	return total, len(m.partitions)
}

// Attempt is the task attempt that committed a partition.
func (m *Merge) Attempt(id uint32) int64 { return m.partitions[id].Attempt }

// Records is how many sentences a partition has.
func (m *Merge) Records(id uint32) uint64 { return m.partitions[id].Records }
