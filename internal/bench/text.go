// Package bench measures: how fast the training kernel is (kernel.py and kernel/), how good the vectors of a training are (quality.py) and how long the
// whole job takes (train.py). Here is what its Go programs share: a text held in memory as ids, and its training without Spark, server or sidecar.
package bench

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"
	"unsafe"
)

// longest is where sentences are split, as in gensim.
const longest = 10_000

// Text is a file as training sees it: sentences of ids, the words outside of the vocabulary left out. Id 0 is the most frequent word.
type Text struct {
	Words     []string
	Counts    []uint64
	Sentences [][]uint32
	Tokens    uint64 // in the sentences: raw in-vocabulary words of one epoch
}

// ReadText reads a file of words separated by spaces, one sentence per line.
func ReadText(path string, minCount uint64) (*Text, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the text: %w", err)
	}
	text := unsafe.String(unsafe.SliceData(file), len(file))
	first := map[string]uint32{}
	var words []string
	var counts []uint64
	var sentences [][]uint32
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		var sentence []uint32
		for word := range strings.FieldsSeq(lines.Text()) {
			id, known := first[word]
			if !known {
				id = uint32(len(words))
				first[strings.Clone(word)] = id
				words, counts = append(words, strings.Clone(word)), append(counts, 0)
			}
			counts[id]++
			if len(sentence) == longest {
				sentences = append(sentences, sentence)
				sentence = nil
			}
			sentence = append(sentence, id)
		}
		sentences = append(sentences, sentence)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the text: %w", err)
	}
	return byFrequency(words, counts, sentences, minCount)
}

// byFrequency numbers the words that occur minCount times by frequency, and drops the others.
func byFrequency(words []string, counts []uint64, sentences [][]uint32, minCount uint64) (*Text, error) {
	const dropped = ^uint32(0)
	order := make([]uint32, 0, len(words))
	for id, count := range counts {
		if count >= minCount {
			order = append(order, uint32(id))
		}
	}
	if len(order) == 0 {
		return nil, fmt.Errorf("no word occurs %d times", minCount)
	}
	sort.SliceStable(order, func(i, j int) bool { return counts[order[i]] > counts[order[j]] })
	t := &Text{Sentences: sentences}
	final := make([]uint32, len(words))
	for i := range final {
		final[i] = dropped
	}
	for id, old := range order {
		final[old] = uint32(id)
		t.Words, t.Counts = append(t.Words, words[old]), append(t.Counts, counts[old])
	}
	for s, sentence := range sentences {
		kept := sentence[:0]
		for _, old := range sentence {
			if final[old] != dropped {
				kept = append(kept, final[old])
			}
		}
		sentences[s] = kept
		t.Tokens += uint64(len(kept))
	}
	return t, nil
}
