package session

import (
	"context"

	"deepdist/psserver/cursor"
)

// Claims is the answer to a worker that asks for work.
type Claims struct {
	Claims       []cursor.At
	SliceWords   uint64
	AppliedWords uint64
	TotalWords   uint64
	Exhausted    bool
}

// Claim gives a worker up to want more (epoch, partition) and, if it asks for a slice, leave to train one. It waits while there is
// neither, until ctx is done; the answer is then empty.
func (s *Session) Claim(ctx context.Context, workerID string, trainingID, want uint32, slice bool) (Claims, error) {
	for {
		c, changed, err := s.tryClaim(workerID, trainingID, want, slice)
		if err != nil || changed == nil {
			return c, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c, nil
		}
	}
}

// tryClaim answers; or, if there is nothing yet, returns what to wait for.
func (s *Session) tryClaim(workerID string, trainingID, want uint32, slice bool) (Claims, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.worker(workerID)
	if err != nil {
		return Claims{}, nil, err
	}
	if t, err := s.training(trainingID); err == nil && t.closed {
		return Claims{Exhausted: true}, nil, nil
	}
	t, err := s.settledTraining(trainingID)
	if err != nil {
		return Claims{}, nil, err
	}
	t.begin()
	before := t.words.book.Training()
	w.claimed = t.id
	c := Claims{
		Claims:       t.words.book.Take(w.id, want),
		Exhausted:    t.words.book.Exhausted(w.id),
		AppliedWords: t.ledger.Words(),
		TotalWords:   t.words.settled.Words * uint64(t.epochs),
	}
	if slice {
		c.SliceWords = t.words.book.Grant(w.id)
	}
	if t.words.book.Training() != before {
		s.touch() // the slices of the others change
	}
	nothing := len(c.Claims) == 0 && c.SliceWords == 0
	if nothing && t.words.book.Trains(w.id) && (slice || !c.Exhausted) {
		return c, s.changed, nil
	}
	return c, nil, nil
}
