package session

import (
	"context"
	"maps"
	"math"
	"slices"

	"deepdist/internal/bundle"
	"deepdist/psserver/cursor"
	"deepdist/psserver/optimizer"
	"deepdist/psserver/store"
)

// Push is one received slice or gradient: what was computed, on what, and the cursors that it moves.
type Push struct {
	ID            string
	WorkerID      string
	TrainingID    uint32
	PulledVersion uint64
	Moves         []cursor.Move
	Loss          float64
	LossPairs     uint64
	Seconds       float64
	Alpha         float32
	Attempt       int64
	Numbers       map[string]float64
	Bytes         uint64          // that came for them, keys included
	Deltas        []bundle.Tensor // finite, with keys in ascending order; staged by the caller

	answer chan Outcome // of a push that waits for the driver
}

// OutcomeKind says what became of a push.
type OutcomeKind int

// The outcomes, as in ps.proto.
const (
	Applied OutcomeKind = iota + 1
	Moved
	Refused
	Closed
)

// Outcome is the answer to a push.
type Outcome struct {
	Kind    OutcomeKind
	Version uint64
	Moved   []cursor.At
	Reason  string
}

// Reserve takes bytes of the session's budget for a push that is to be received; a push larger than the whole budget goes alone.
func (s *Session) Reserve(ctx context.Context, bytes int64) (release func(), err error) {
	n := min(bytes, s.config.Budget)
	if err := s.budget.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return func() { s.budget.Release(n) }, nil
}

// Spec is what deltas for a tensor must look like.
type Spec struct {
	DType string
	Shape []int
}

// Specs lists the tensors of a training that a push may change. words tells whether it is word2vec: then a push is applied, or not,
// before Push returns, and nothing of it is kept.
func (s *Session) Specs(trainingID uint32) (specs map[string]Spec, words bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.open(trainingID)
	if err != nil {
		return nil, false, err
	}
	specs = map[string]Spec{}
	for _, tensor := range s.tensors(t).All() {
		specs[tensor.Name] = Spec{tensor.DType, tensor.Shape}
	}
	return specs, t.words != nil, nil
}

// Staging lends memory for the deltas of word vectors, until giveBack. What a push has given back the next one is lent, as long as a training lasts.
func (s *Session) Staging(bytes int) (memory []byte, giveBack func()) { return s.staging.Take(bytes) }

// tensors is the store that a training works on. Callers hold mu.
func (s *Session) tensors(t *training) *store.Store {
	if t.words != nil {
		return &s.words
	}
	return &s.model
}

// Refuse counts a push that could not even be staged, and makes its answer.
func (s *Session) Refuse(trainingID uint32, reason string) Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.training(trainingID)
	if err != nil {
		return Outcome{Kind: Refused, Reason: reason, Version: s.version}
	}
	return s.refuse(t, reason)
}

// refuse counts a push that is wrong, and makes its answer. Callers hold mu.
func (s *Session) refuse(t *training, reason string) Outcome {
	t.refused++
	s.log.Warn("push refused", "training", t.id, "reason", reason)
	s.touch()
	return Outcome{Kind: Refused, Reason: reason, Version: s.version}
}

// Push applies a push as a whole, or not at all. With a callable descent it waits until the driver has applied it; if ctx ends
// before its turn has come, it is taken out of the line.
func (s *Session) Push(ctx context.Context, p *Push) (Outcome, error) {
	s.mu.Lock()
	w := s.workers[p.WorkerID]
	if w == nil {
		s.mu.Unlock()
		return Outcome{}, faultf(ErrLeft, "there is no worker %q in this session", p.WorkerID)
	}
	t, err := s.training(p.TrainingID)
	if err != nil {
		s.mu.Unlock()
		return Outcome{}, err
	}
	outcome, waits := s.admit(t, w, p)
	s.mu.Unlock()
	if !waits {
		return outcome, nil
	}
	select {
	case outcome := <-p.answer:
		return outcome, nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.model.queue.Cancel(p) {
			return Outcome{}, ctx.Err()
		}
		select {
		case outcome := <-p.answer: // answered just now
			return outcome, nil
		default: // the driver holds it: it will count, though nobody will hear of it
			return Outcome{}, ctx.Err()
		}
	}
}

// admit is the critical section. Callers hold mu.
func (s *Session) admit(t *training, w *worker, p *Push) (outcome Outcome, waits bool) {
	if t.closed {
		return Outcome{Kind: Closed, Reason: t.reason, Version: s.version}, false
	}
	if w.left {
		return Outcome{Kind: Closed, Reason: "worker " + w.id + " has left the session", Version: s.version}, false
	}
	if _, err := s.worker(w.id); err != nil { // renews the lease
		return Outcome{Kind: Closed, Reason: err.Error(), Version: s.version}, false
	}
	if t.model != nil {
		t.model.returned(w.id, p.PulledVersion)
		if len(p.Moves) == 0 && len(p.Deltas) == 0 && len(p.Numbers) == 0 {
			s.touch() // a pull given back: its task has died
			return Outcome{Kind: Applied, Version: s.version}, false
		}
	}
	if err := s.fits(t, p); err != nil {
		return s.refuse(t, err.Error()), false
	}
	if t.model != nil && t.model.rule == nil {
		p.answer = make(chan Outcome, 1)
		t.model.queue.Add(p)
		s.pump(t)
		s.touch()
		return Outcome{}, true
	}
	if outcome, late := s.late(t, p); late {
		return outcome, false
	}
	if t.words != nil {
		for _, d := range p.Deltas {
			s.words.Get(d.Name).AddRows(d.Keys, d.Float32s())
		}
		if len(p.Deltas) > 0 { // a slice in which subsampling leaves no pair has none
			t.updates++
		}
		t.words.book.Pushed(w.id)
		s.next()
	} else if err := s.descend(t, p); err != nil {
		return s.refuse(t, err.Error()), false
	}
	return s.moved(t, w, p), false
}

// late answers a push whose cursors stand elsewhere; a repetition of the push that moved them there is told that it was applied.
func (s *Session) late(t *training, p *Push) (Outcome, bool) {
	if t.ledger.Repeated(p.ID, p.Moves) {
		return Outcome{Kind: Applied, Version: s.version}, true
	}
	if moved := t.ledger.Admit(p.ID, p.Moves); len(moved) > 0 {
		if !p.asks() {
			t.moved++
		}
		s.touch()
		return Outcome{Kind: Moved, Moved: moved, Version: s.version}, true
	}
	return Outcome{}, false
}

// moved ends the critical section: the deltas are in, the cursors follow.
func (s *Session) moved(t *training, w *worker, p *Push) Outcome {
	if !p.asks() {
		t.ledger.Move(p.ID, p.Moves)
		s.record(t, w, p)
	}
	s.touch()
	return Outcome{Kind: Applied, Version: s.version}
}

// asks tells whether a push brings nothing and moves nothing: its worker only wants to know where the cursors stand.
func (p *Push) asks() bool {
	for _, m := range p.Moves {
		if m.From != m.To || m.Last {
			return false
		}
	}
	return len(p.Deltas) == 0 && len(p.Numbers) == 0
}

// fits checks what only the session knows: the tensors may have changed since the push was staged.
func (s *Session) fits(t *training, p *Push) error {
	if err := t.ledger.Check(p.Moves); err != nil {
		return err
	}
	if t.words != nil && len(p.Numbers) > 0 {
		return faultf(ErrBadInput, "a slice carries no numbers")
	}
	for i := range p.Deltas {
		d := &p.Deltas[i]
		tensor := s.tensors(t).Get(d.Name)
		if tensor == nil {
			return faultf(ErrBadInput, "gradient names %q, which is not in the model (it has %v)", d.Name, s.tensors(t).Names())
		}
		if err := Matches(Spec{tensor.DType, tensor.Shape}, d); err != nil {
			return err
		}
		if t.model != nil && t.model.rule != nil && !optimizer.Takes(d.DType) {
			return faultf(ErrBadInput, "rule %s descends on float32 and float64, but %q is %s: leave it out of the gradient, or use a function as descent",
				t.model.rule.Name(), d.Name, d.DType)
		}
	}
	if t.model != nil && t.model.rule != nil {
		for name, x := range p.Numbers {
			have, ok := t.model.numbers[name]
			if !ok {
				return faultf(ErrBadInput, "gradient names the number %q, which is not in the model (it has %v)", name, slices.Sorted(maps.Keys(t.model.numbers)))
			}
			if math.IsInf(have+x, 0) { // JSON, which carries it, has no infinity
				return faultf(ErrBadInput, "the number %q grows beyond all bounds: %g + %g", name, have, x)
			}
		}
	}
	return nil
}

// Matches compares a delta with the tensor that it is for.
func Matches(want Spec, d *bundle.Tensor) error {
	switch {
	case d.DType != want.DType:
		return faultf(ErrBadInput, "gradient of %q is %s, the model has %s: convert it, e.g. with .astype(%q)", d.Name, d.DType, want.DType, want.DType)
	case d.Keys == nil && !slices.Equal(d.Shape, want.Shape):
		return faultf(ErrBadInput, "gradient of %q has shape %v, the model has %v", d.Name, d.Shape, want.Shape)
	case d.Keys != nil && (len(want.Shape) == 0 || len(d.Shape) != len(want.Shape) || d.Shape[0] != len(d.Keys) || !slices.Equal(d.Shape[1:], want.Shape[1:])):
		return faultf(ErrBadInput, "gradient of rows of %q has %d keys and shape %v, the model has %v", d.Name, len(d.Keys), d.Shape, want.Shape)
	case d.Keys != nil && len(d.Keys) > 0 && int(d.Keys[len(d.Keys)-1]) >= want.Shape[0]:
		return faultf(ErrBadInput, "gradient names row %d of %q, which has %d rows", d.Keys[len(d.Keys)-1], d.Name, want.Shape[0])
	}
	return nil
}
