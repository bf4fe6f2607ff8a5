package session

import (
	"context"
	"maps"

	"deepdist/internal/bundle"
)

// Update is a gradient for the callable descent on the driver.
type Update struct {
	ID        uint64 // 0: none came
	Partition uint32
	Version   uint64 // that it was computed on
	Tensors   []bundle.Tensor
	Numbers   map[string]float64
}

// pump brings the line forward to the next update that needs the driver: it answers those whose cursors have moved, and those that
// only move a cursor. Callers hold mu.
func (s *Session) pump(t *training) {
	m := t.model
	for {
		p, ok := m.queue.Head()
		if !ok {
			return
		}
		if outcome, late := s.late(t, p); late {
			m.queue.Skip()
			p.answer <- outcome
			continue
		}
		if len(p.Deltas) > 0 || len(p.Numbers) > 0 {
			return
		}
		m.queue.Skip()
		p.answer <- s.moved(t, s.workers[p.WorkerID], p)
	}
}

// NextUpdate hands out the next update, one at a time: as long as one is out there is no other. It waits for one until ctx is done.
func (s *Session) NextUpdate(ctx context.Context, trainingID uint32) (Update, error) {
	for {
		u, changed, err := s.tryUpdate(trainingID)
		if err != nil || changed == nil {
			return u, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Update{}, nil
		}
	}
}

func (s *Session) tryUpdate(trainingID uint32) (Update, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.callable(trainingID)
	if err != nil {
		return Update{}, nil, err
	}
	s.pump(t)
	if _, ok := t.model.queue.Head(); !ok {
		return Update{}, s.changed, nil
	}
	p, id := t.model.queue.Take()
	return Update{ID: id, Partition: p.Moves[0].Partition, Version: p.PulledVersion, Tensors: p.Deltas, Numbers: p.Numbers}, nil, nil
}

// UpdateApplied says that the driver's tensors hold the new state. It is kept as the state that a failure goes back to.
func (s *Session) UpdateApplied(id uint64, numbers map[string]float64) (version uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.updating()
	if err != nil {
		return 0, err
	}
	m := t.model
	p, ok := m.queue.Finish(id)
	if !ok {
		return 0, faultf(ErrUnknown, "update %d is not the one that is out", id)
	}
	if numbers != nil {
		m.numbers = maps.Clone(numbers)
	}
	s.next()
	m.applied.Release()
	m.applied = s.publisher.Publish(s.version, s.model.All(), m.numbers)
	m.fresh++
	t.updates++
	p.answer <- s.moved(t, s.workers[p.WorkerID], p)
	s.pump(t)
	s.touch()
	return s.version, nil
}

// UpdateFailed undoes what a descent that raised has done to the tensors, and ends the training. Tensors that it added go again.
func (s *Session) UpdateFailed(id uint64, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.updating()
	if err != nil {
		return err
	}
	if _, out := t.model.queue.Out(); out != id || id == 0 {
		return faultf(ErrUnknown, "update %d is not the one that is out", id)
	}
	before := t.model.applied
	for _, tensor := range s.model.All() {
		good := before.Find(tensor.Name)
		if good == nil {
			err = s.model.Drop(tensor.Name)
		} else if len(good.Data) == len(tensor.Data) {
			copy(tensor.Data, good.Data)
		}
		if err != nil {
			return err
		}
	}
	t.model.numbers = before.Numbers
	s.next()
	s.closeTraining(t, "descent failed: "+reason, true)
	return nil
}

// callable finds an open training whose descent runs on the driver. Callers hold mu.
func (s *Session) callable(id uint32) (*training, error) {
	t, err := s.open(id)
	if err != nil {
		return nil, err
	}
	if t.model == nil || t.model.rule != nil {
		return nil, faultf(ErrBadInput, "training %d has no descent on the driver", id)
	}
	return t, nil
}

// updating is the training whose updates the driver applies: only the newest one is ever open. Callers hold mu.
func (s *Session) updating() (*training, error) {
	if s.current() == nil {
		return nil, faultf(ErrUnknown, "no training has been opened")
	}
	return s.callable(s.current().id)
}
