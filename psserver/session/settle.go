package session

import (
	"runtime"

	"deepdist/internal/pages"
	"deepdist/psserver/cursor"
	"deepdist/psserver/store"
	"deepdist/psserver/vocabulary"
)

// Settlement is what settling a vocabulary came to.
type Settlement struct {
	Size     int    `json:"size"`
	Words    uint64 `json:"words"` // kept, of one epoch
	Dropped  uint64 `json:"dropped_words"`
	Distinct uint64 `json:"distinct"`
	Unknown  uint64 `json:"dropped_distinct"`
	Bytes    uint64 `json:"bytes"` // estimate for a machine that runs the server and one worker
}

// SettleVocabulary ends the ingest: the ids are given, the vectors begin. Asked again it repeats its answer.
func (s *Session) SettleVocabulary(id uint32) (Settlement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.wordTraining(id)
	if err != nil {
		return Settlement{}, err
	}
	w := t.words
	if w.settled == nil {
		if err := s.settle(t); err != nil {
			return Settlement{}, err
		}
	}
	need, err := vocabulary.Estimate(w.settled.Vocabulary, int(w.settings.VectorSize), len(w.settings.matrices(0)))
	if err != nil {
		return Settlement{}, err
	}
	return Settlement{Size: w.settled.Size(), Words: w.settled.Words, Dropped: w.settled.Dropped, Distinct: w.settled.Distinct, Unknown: w.settled.Unknown, Bytes: need.Total()}, nil
}

func (s *Session) settle(t *training) error {
	w, dim := t.words, int(t.words.settings.VectorSize)
	for p := range t.partitions {
		if !w.merge.Committed(p) {
			return faultf(ErrBadInput, "partition %d has not been ingested: no vocabulary can be settled yet", p)
		}
	}
	var settled vocabulary.Settled
	var err error
	if w.given != nil {
		settled, err = w.merge.Fixed(w.given)
	} else {
		settled, err = w.merge.Settle(w.rules)
	}
	if err != nil {
		return faultf(ErrBadInput, "%w", err)
	}
	if !w.keep {
		if err := s.makeVectors(w, settled.Vocabulary, dim); err != nil {
			return err
		}
	}
	w.settled, w.start = &settled, nil
	w.merge.Forget()
	w.book.SetText(settled.Size(), settled.Words)
	s.next()
	// A partition without records needs no worker: it has ended before it began.
	for p := range t.partitions {
		if w.merge.Records(p) == 0 {
			for e := range t.epochs {
				t.ledger.Move("", []cursor.Move{{Place: cursor.Place{Epoch: e, Partition: p}, Last: true}})
			}
		}
	}
	s.prepare(w)
	s.log.Info("vocabulary settled", "training", t.id, "size", settled.Size(), "words", settled.Words, "dropped", settled.Dropped)
	s.touch()
	return nil
}

// prepare has memory ready for the pushes of a worker that will push all rows at once, while it makes itself ready. A large model's would take much memory long before
// its first push, and save little of a long training; a short text's pushes are small.
func (s *Session) prepare(w *wordTraining) {
	if w.book.Sole() == "" || s.words.Bytes() > s.config.Budget || w.settled.Words < uint64(w.settled.Size()) {
		return
	}
	var deltas []int
	for _, tensor := range s.words.All() {
		deltas = append(deltas, len(tensor.Data))
	}
	s.preparing.Go(func() { s.staging.Prepare(deltas...) })
}

// makeVectors allocates the tensors, after a look at the memory there is.
func (s *Session) makeVectors(w *wordTraining, v *vocabulary.Vocabulary, dim int) error {
	need, err := vocabulary.Estimate(v, dim, len(w.settings.matrices(0)))
	if err != nil {
		return faultf(ErrBadInput, "%w", err)
	}
	available, err := s.config.Available()
	if err != nil {
		return err
	}
	if err := need.Check(v, dim, available+uint64(s.words.Bytes())); err != nil {
		return faultf(ErrBadInput, "%w", err)
	}
	// Late readers of an earlier training's vectors keep those alive; without any they go now, before the new ones come.
	earlier := s.words.Names()
	for _, name := range earlier {
		if err := s.words.Drop(name); err != nil {
			return err
		}
	}
	if len(earlier) > 0 {
		runtime.GC()
	}
	for _, m := range w.settings.matrices(v.Size()) {
		tensor := w.start[m.name]
		if tensor == nil {
			if tensor, err = store.New(m.name, "float32", m.rows, dim); err != nil {
				return err
			}
			if m.name == "syn0" {
				vocabulary.InitialVectors(tensor.Float32s(), dim, w.settings.Seed)
			} else {
				pages.Touch(tensor.Data)
			}
		}
		if err := s.words.Define(tensor); err != nil {
			return err
		}
	}
	return nil
}
