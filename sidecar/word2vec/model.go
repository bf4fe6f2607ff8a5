package word2vec

import (
	"errors"
	"sync"

	"deepdist/internal/vec"
)

// Model is what all threads share and nobody writes: the settings and the tables that the vocabulary's counts give.
type Model struct {
	settings  Settings
	words     int
	counts    []uint64
	keep      []uint32
	negatives []vec.Cell // of negative sampling
	tree      *tree      // of hierarchical softmax

	cut   sync.Once
	parts []copied // of copies, made when they are first asked for
}

// New prepares the training of a vocabulary whose word i was counted counts[i] times.
func New(s Settings, counts []uint64) (*Model, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if len(counts) == 0 {
		return nil, errors.New("the vocabulary is empty: lower min_count or give more text")
	}
	m := &Model{settings: s, keep: keepThresholds(counts, s.Sample), words: len(counts), counts: counts}
	if s.Negative > 0 {
		var err error
		if m.negatives, err = newNegatives(counts, s.NsExponent); err != nil {
			return nil, err
		}
	}
	if s.Hs {
		m.tree = newTree(counts)
	}
	return m, nil
}

// RowsPerWord is how many output rows a word of the text is predicted by, about.
func (m *Model) RowsPerWord() int {
	n := 0
	if m.settings.Negative > 0 {
		n += 1 + m.settings.Negative
	}
	if m.settings.Hs {
		n += len(m.tree.steps)/m.words + 1 // the mean path of the vocabulary, which is longer than that of the text
	}
	return n
}

// Words is the size of the vocabulary.
func (m *Model) Words() int { return m.words }

// Settings are those that the model was made with.
func (m *Model) Settings() Settings { return m.settings }

// Record is one sentence at its place in the corpus, which keys its random choices. Tokens are vocabulary ids; words that are not in
// the vocabulary are already left out.
type Record struct {
	Epoch, Partition uint32
	Index            uint64
	Tokens           []uint32
}
