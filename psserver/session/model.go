package session

import (
	"encoding/json"
	"maps"
	"os"
	"time"

	"deepdist/internal/bundle"
	"deepdist/psserver/descent"
	"deepdist/psserver/optimizer"
	"deepdist/psserver/store"
	"deepdist/psserver/vocabulary"
)

// modelTraining is what the training of any model has besides its cursors.
//
// Workers pull versions. `served` is the one that they get now; it changes when at least minUpdates updates have been applied since
// it was published (and on the next pull only: nobody copies a model that nobody wants). maxUpdates bounds how often it is served;
// who comes then waits for the next one. That wait must end although tasks die: `outstanding` counts the pulls whose push is
// still to come, by worker. When there is none left, nor an update in line, no next version can come by itself, and the
// generation ends early: with the updates there are, or by serving the same version again. A task that died without a word, on a
// worker that lives, is waited for as long as a lease.
type modelTraining struct {
	rule    *optimizer.Rule      // nil: a callable on the driver
	queue   descent.Queue[*Push] // for the callable
	numbers map[string]float64   // plain numbers among the model's attributes

	minUpdates, maxUpdates int
	served                 *store.Version
	fresh                  int            // updates applied since `served` was published
	serves                 int            // pulls of `served`
	outstanding            map[string]int // by worker: pulls of `served` without a push
	progress               time.Time      // of the last push, or of the publication

	applied *store.Version // the state after the last update of the callable: what a failed one is undone to
}

// OpenModel are the wishes for the training of any model.
type OpenModel struct {
	Partitions             uint32
	Rule                   json.RawMessage // nil: a callable
	MinUpdates, MaxUpdates int
	Numbers                map[string]float64
}

// DefineTensor shares memory with the driver as a tensor of that name, in the place of an earlier one.
func (s *Session) DefineTensor(name, dtype string, shape []int64, file *os.File) error {
	size := int64(0)
	if file != nil {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		size = info.Size()
	}
	header := bundle.Header{Tensors: []bundle.TensorHeader{{Name: name, DType: dtype, Shape: shape}}, Bytes: size}
	mapped, err := bundle.MapShared(file, header)
	if err != nil {
		return faultf(ErrBadInput, "tensor %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != "" {
		mapped.Close()
		return faultf(ErrStopped, "%s", s.closing)
	}
	s.next()
	return s.model.Define(store.Share(mapped))
}

// OpenModel begins the training of the tensors that have been defined.
func (s *Session) OpenModel(o OpenModel) (uint32, error) {
	if err := checkPartitions(o.Partitions); err != nil {
		return 0, err
	}
	if o.MinUpdates < 0 || o.MaxUpdates < 0 {
		return 0, faultf(ErrBadInput, "min_updates=%d and max_updates=%d must not be negative", o.MinUpdates, o.MaxUpdates)
	}
	m := &modelTraining{minUpdates: o.MinUpdates, maxUpdates: o.MaxUpdates, numbers: maps.Clone(o.Numbers), outstanding: map[string]int{}}
	if m.numbers == nil {
		m.numbers = map[string]float64{}
	}
	if o.Rule != nil {
		rule, err := optimizer.Parse(o.Rule)
		if err != nil {
			return 0, faultf(ErrBadInput, "%w", err)
		}
		m.rule = rule
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != "" {
		return 0, faultf(ErrStopped, "%s", s.closing)
	}
	if err := s.room(m); err != nil {
		return 0, err
	}
	t := s.newTraining(KindModel, 1, o.Partitions)
	t.model = m
	s.next()
	s.publish(t)
	if m.rule == nil {
		m.applied = m.served.Retain()
	}
	t.begin()
	s.log.Info("training opened", "training", t.id, "kind", t.kind, "partitions", t.partitions, "tensors", len(s.model.Names()),
		"bytes", s.model.Bytes())
	s.touch()
	return t.id, nil
}

// room refuses a model whose versions and state would not fit: two versions (one being read, the next being made), and what the rule keeps.
func (s *Session) room(m *modelTraining) error {
	need := 2 * s.model.Bytes()
	for _, t := range s.model.All() {
		if m.rule != nil {
			need += m.rule.Bytes(&t.Tensor)
		}
	}
	available, err := s.config.Available()
	if err != nil {
		return err
	}
	if need > 0 && uint64(need) > available {
		return faultf(ErrBadInput, "a model of %s needs about %s more in the server, and %s are available: give the driver's machine more memory, or make the model smaller",
			vocabulary.Size(uint64(s.model.Bytes())), vocabulary.Size(uint64(need)), vocabulary.Size(available))
	}
	return nil
}

// publish makes the state as it is now the version that is served. Callers hold mu; no update may be out.
func (s *Session) publish(t *training) {
	m := t.model
	next := m.applied
	if next != nil {
		next.Retain() // already copied, after the last update
	} else {
		next = s.publisher.Publish(s.version, s.model.All(), m.numbers)
	}
	if m.served != nil {
		m.served.Release()
	}
	m.served, m.fresh, m.serves, m.progress = next, 0, 0, time.Now()
	clear(m.outstanding)
}

// pullModel returns the version to serve, retained; or what to wait for, and for how long at most. Callers hold mu.
func (s *Session) pullModel(t *training, workerID string) (v *store.Version, changed <-chan struct{}, patience time.Duration) {
	m := t.model
	if m.fresh > 0 && m.fresh >= m.minUpdates {
		s.publish(t)
	}
	if m.maxUpdates > 0 && m.serves >= m.maxUpdates {
		coming := m.queue.Len() > 0
		if _, out := m.queue.Out(); out != 0 {
			coming = true
		}
		for _, n := range m.outstanding {
			coming = coming || n > 0
		}
		if left := s.config.Lease - time.Since(m.progress); coming && left > 0 {
			return nil, s.changed, left
		}
		if m.fresh > 0 {
			s.publish(t) // the rest of the generation will not come
		} else {
			m.serves, m.progress = 0, time.Now()
			clear(m.outstanding)
		}
	}
	m.serves++
	m.outstanding[workerID]++
	return m.served.Retain(), nil, 0
}

// returned notes that a worker has pushed what it pulled from the version served now.
func (m *modelTraining) returned(workerID string, version uint64) {
	m.progress = time.Now()
	if m.served != nil && version == m.served.Number && m.outstanding[workerID] > 0 {
		m.outstanding[workerID]--
	}
}

// close answers all who wait and lets go of the versions.
func (m *modelTraining) close(reason string) {
	for _, p := range m.queue.Drain() {
		p.answer <- Outcome{Kind: Closed, Reason: reason}
	}
	for _, v := range []*store.Version{m.served, m.applied} {
		if v != nil {
			v.Release()
		}
	}
	m.served, m.applied = nil, nil
}

// descend applies a push by the named rule, as a whole or not at all. Callers hold mu.
func (s *Session) descend(t *training, p *Push) error {
	m := t.model
	if len(p.Deltas) == 0 && len(p.Numbers) == 0 {
		return nil
	}
	var steps []optimizer.Step
	for i := range p.Deltas {
		d := &p.Deltas[i]
		steps = append(steps, optimizer.Step{Weights: &s.model.Get(d.Name).Tensor, Gradient: d})
	}
	if err := m.rule.Apply(steps...); err != nil {
		return faultf(ErrBadInput, "the update is refused as a whole and the model unchanged: %w", err)
	}
	for name, x := range p.Numbers {
		m.numbers[name] += x // what a rule can do with a count
	}
	s.next()
	m.fresh++
	t.updates++
	return nil
}
