package session

import (
	"fmt"
	"math"
	"time"

	"deepdist/internal/bundle"
	"deepdist/psserver/claim"
	"deepdist/psserver/store"
	"deepdist/psserver/vocabulary"
)

// Word2Vec is the settings of native word2vec, in gensim's names and meanings.
type Word2Vec struct {
	VectorSize    uint32  `json:"vector_size"`
	Window        uint32  `json:"window"`
	Negative      uint32  `json:"negative"`
	Sample        float64 `json:"sample"`
	NsExponent    float64 `json:"ns_exponent"`
	Alpha         float32 `json:"alpha"`
	MinAlpha      float32 `json:"min_alpha"`
	Epochs        uint32  `json:"epochs"`
	Seed          uint64  `json:"seed"`
	ShrinkWindows bool    `json:"shrink_windows"`
	Sg            bool    `json:"sg"` // skip-gram; else CBOW
	CbowMean      bool    `json:"cbow_mean"`
	Hs            bool    `json:"hs"` // hierarchical softmax, besides negative sampling if negative > 0
	ComputeLoss   bool    `json:"compute_loss"`
}

// Check refuses settings that no training can have.
func (w *Word2Vec) Check() error {
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	for _, rule := range []struct {
		ok   bool
		what string
	}{
		{w.VectorSize >= 1 && w.VectorSize <= 1<<16, fmt.Sprintf("vector_size=%d must be 1 to 65536", w.VectorSize)},
		{w.Window >= 1 && w.Window <= 1<<16, fmt.Sprintf("window=%d must be 1 to 65536", w.Window)},
		{w.Negative <= 1<<10, fmt.Sprintf("negative=%d must be 0 to 1024", w.Negative)},
		{w.Negative > 0 || w.Hs, "hs=0 and negative=0: nothing would be trained; set negative=5 (negative sampling), hs=1 (hierarchical softmax), or both"},
		{finite(w.Sample) && w.Sample >= 0, fmt.Sprintf("sample=%v must be 0 or more", w.Sample)},
		{finite(w.NsExponent), fmt.Sprintf("ns_exponent=%v must be a number", w.NsExponent)},
		{finite(float64(w.Alpha)) && w.Alpha > 0, fmt.Sprintf("alpha=%v must be more than 0", w.Alpha)},
		{finite(float64(w.MinAlpha)) && w.MinAlpha >= 0 && w.MinAlpha <= w.Alpha, fmt.Sprintf("min_alpha=%v must be 0 to alpha=%v", w.MinAlpha, w.Alpha)},
		{w.Epochs >= 1 && w.Epochs <= 1<<16, fmt.Sprintf("epochs=%d must be 1 to 65536", w.Epochs)},
	} {
		if !rule.ok {
			return faultf(ErrBadInput, "%s", rule.what)
		}
	}
	return nil
}

// matrix is one of a training's tensors.
type matrix struct {
	name string
	rows int
}

// matrices lists the tensors of a training of so many words: the vectors, the inner nodes of hierarchical softmax's tree, the output vectors of
// negative sampling.
func (w *Word2Vec) matrices(words int) []matrix {
	list := []matrix{{"syn0", words}}
	if w.Hs {
		list = append(list, matrix{"syn1", words - 1})
	}
	if w.Negative > 0 {
		list = append(list, matrix{"syn1neg", words})
	}
	return list
}

// wordTraining is what native word2vec has besides its cursors.
type wordTraining struct {
	settings Word2Vec
	rules    vocabulary.Rules
	given    *vocabulary.Vocabulary   // fixed ids; nil: they come of the counts
	start    map[string]*store.Tensor // vectors to start from, by matrix; without its own syn0 is drawn, and the others are zero
	keep     bool                     // go on with the tensors of the training before
	merge    *vocabulary.Merge
	book     *claim.Book
	settled  *vocabulary.Settled

	reopened          map[uint32]bool // partitions whose first spool was lost
	passes, ownPasses uint64
}

// passed counts a pass over a partition that its worker has ended. It is the worker's own if the partition still lies where it was
// ingested first; else it went over the wire once more.
func (t *wordTraining) passed(w *worker, partition uint32) {
	t.passes++
	if t.book.Owner(partition) == w.id && !t.reopened[partition] {
		t.ownPasses++
	}
}

// OpenWords are the wishes for a word2vec training.
type OpenWords struct {
	Partitions    uint32
	Settings      Word2Vec
	MinCount      uint64
	MaxFinalVocab uint64
	Continue      bool                      // the vocabulary and tensors of the training before
	Given         []vocabulary.Entry        // a vocabulary with fixed ids
	Start         map[string]*bundle.Tensor // start vectors for Given, by matrix; copied
}

// OpenWords begins a word2vec training; its partitions may then be ingested.
func (s *Session) OpenWords(o OpenWords) (uint32, error) {
	if err := checkPartitions(o.Partitions); err != nil {
		return 0, err
	}
	if err := o.Settings.Check(); err != nil {
		return 0, err
	}
	w := &wordTraining{settings: o.Settings, rules: vocabulary.Rules{MinCount: o.MinCount, MaxFinalVocab: o.MaxFinalVocab},
		merge: vocabulary.NewMerge(), keep: o.Continue, reopened: map[uint32]bool{}, start: map[string]*store.Tensor{}}
	if len(o.Given) > 0 {
		v, err := vocabulary.New(o.Given)
		if err != nil {
			return 0, faultf(ErrBadInput, "vocabulary: %w", err)
		}
		w.given = v
	}
	for _, m := range o.Settings.matrices(len(o.Given)) {
		if t := o.Start[m.name]; t != nil {
			vectors, err := startVectors(t, m.name, m.rows, int(o.Settings.VectorSize))
			if err != nil {
				return 0, err
			}
			w.start[m.name] = vectors
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != "" {
		return 0, faultf(ErrStopped, "%s", s.closing)
	}
	if o.Continue {
		before := s.lastSettled()
		if before == nil {
			return 0, faultf(ErrBadInput, "there is no word2vec training before this one to continue")
		}
		if before.settings.VectorSize != o.Settings.VectorSize {
			return 0, faultf(ErrBadInput, "vector_size=%d, but the vectors to continue have %d", o.Settings.VectorSize, before.settings.VectorSize)
		}
		if before.settings.Hs != o.Settings.Hs || (before.settings.Negative > 0) != (o.Settings.Negative > 0) {
			return 0, faultf(ErrBadInput, "hs and negative must be on or off as in the training to continue, since they have output vectors of their own")
		}
		w.given = before.settled.Vocabulary
	}
	t := s.newTraining(KindWord2Vec, o.Settings.Epochs, o.Partitions)
	w.book = claim.New(t.ledger, t.epochs, t.partitions)
	t.words = w
	s.staging.Open()
	s.log.Info("training opened", "training", t.id, "kind", t.kind, "partitions", t.partitions, "epochs", t.epochs)
	s.touch()
	return t.id, nil
}

// startVectors copies what the driver has given into the tensor that will be trained.
func startVectors(t *bundle.Tensor, name string, rows, dim int) (*store.Tensor, error) {
	if t.DType != "float32" || len(t.Shape) != 2 || t.Shape[0] != rows || t.Shape[1] != dim || t.Keys != nil {
		return nil, faultf(ErrBadInput, "start vectors %q are %s of shape %v; float32 of (%d, %d) is needed", t.Name, t.DType, t.Shape, rows, dim)
	}
	tensor, err := store.New(name, "float32", rows, dim)
	if err != nil {
		return nil, err
	}
	copy(tensor.Float32s(), t.Float32s())
	return tensor, nil
}

// lastSettled is the newest word2vec training whose tensors exist. Callers hold mu.
func (s *Session) lastSettled() *wordTraining {
	for i := len(s.trainings) - 1; i >= 0; i-- {
		if w := s.trainings[i].words; w != nil && w.settled != nil {
			return w
		}
	}
	return nil
}

// wordTraining finds an open training of words. Callers hold mu.
func (s *Session) wordTraining(id uint32) (*training, error) {
	t, err := s.open(id)
	if err != nil {
		return nil, err
	}
	if t.words == nil {
		return nil, faultf(ErrBadInput, "training %d is not word2vec", id)
	}
	return t, nil
}

// Vocabulary is what a worker needs to begin: the settings, the words, and how many there are to train in one epoch.
func (s *Session) Vocabulary(workerID string, trainingID uint32) (Word2Vec, vocabulary.Settled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.worker(workerID); err != nil {
		return Word2Vec{}, vocabulary.Settled{}, err
	}
	t, err := s.settledTraining(trainingID)
	if err != nil {
		return Word2Vec{}, vocabulary.Settled{}, err
	}
	return t.words.settings, *t.words.settled, nil
}

// settledTraining finds an open training of words whose vocabulary is settled. Callers hold mu.
func (s *Session) settledTraining(id uint32) (*training, error) {
	t, err := s.wordTraining(id)
	if err == nil && t.words.settled == nil {
		err = faultf(ErrBadInput, "the vocabulary of training %d is not settled yet", id)
	}
	return t, err
}

// begin notes the start of the first epoch.
func (t *training) begin() {
	if t.started.IsZero() {
		t.started = time.Now()
		t.rate.add(t.started, 0)
	}
}
