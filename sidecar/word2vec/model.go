package word2vec

import "errors"

// Model is what all threads share and nobody writes: the settings and the tables that the vocabulary's counts give.
type Model struct {
	settings  Settings
	keep      []uint32
	negatives negatives
}

// New prepares the training of a vocabulary whose word i was counted counts[i] times.
func New(s Settings, counts []uint64) (*Model, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if len(counts) == 0 {
		return nil, errors.New("the vocabulary is empty: lower min_count or give more text")
	}
	negatives, err := newNegatives(counts, s.NsExponent)
	if err != nil {
		return nil, err
	}
	return &Model{settings: s, keep: keepThresholds(counts, s.Sample), negatives: negatives}, nil
}

// Settings are those that the model was made with.
func (m *Model) Settings() Settings { return m.settings }

// Record is one sentence at its place in the corpus, which keys its random choices. Tokens are vocabulary ids; words that are not in
// the vocabulary are already left out.
type Record struct {
	Epoch, Partition uint32
	Index            uint64
	Tokens           []uint32
}
