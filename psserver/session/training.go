package session

import (
	"time"

	"deepdist/psserver/cursor"
	"deepdist/psserver/figures"
)

// Kinds of trainings.
const (
	KindWord2Vec = "word2vec"
	KindModel    = "model"
)

// training is one `dd.train`. Exactly one of words and model is set.
type training struct {
	id                 uint32
	kind               string
	partitions, epochs uint32
	ledger             *cursor.Ledger
	words              *wordTraining
	model              *modelTraining

	closed bool
	failed bool   // closed by an error
	reason string // why it was closed

	started     time.Time // the first claim, or the opening of a model
	ended       time.Time // every partition of every epoch was in, or it was closed
	pushes      uint64
	updates     uint64
	moved       uint64
	refused     uint64
	alpha       float32
	loss        recentLoss
	rate        meter
	epochLog    []epochLog
	epochsEnded uint32 // entries of it that a push has ended
}

// epochLog is what is known of one epoch.
type epochLog struct {
	words, pushes, pairs uint64
	loss                 float64
	alpha                float32
	begun, ended         time.Time
}

// Status is how far a training is.
type Status struct {
	Done       bool     `json:"done"`
	Incomplete []uint32 `json:"incomplete"` // partitions that have not ended in every epoch
	Missing    []uint32 `json:"missing"`    // of those, the ones that nobody has a spool of
	Workers    int      `json:"workers"`    // that have not left
	Closed     bool     `json:"closed"`
	Error      string   `json:"error"`
}

// maxPartitions is what one training may have: lists of them travel as JSON.
const maxPartitions = 1 << 20

// checkPartitions refuses what no RDD has.
func checkPartitions(n uint32) error {
	if n == 0 {
		return faultf(ErrBadInput, "the RDD has no partitions: there is nothing to train on")
	}
	if n > maxPartitions {
		return faultf(ErrBadInput, "%d partitions (times epochs, for a model that is not word2vec); at most %d can be trained: coalesce the RDD", n, maxPartitions)
	}
	return nil
}

// newTraining closes the training before. Callers hold mu.
func (s *Session) newTraining(kind string, epochs, partitions uint32) *training {
	for _, t := range s.trainings {
		s.closeTraining(t, "another training has begun", false)
	}
	t := &training{id: uint32(len(s.trainings) + 1), kind: kind, epochs: epochs, partitions: partitions,
		ledger: cursor.New(epochs, partitions), epochLog: make([]epochLog, epochs)}
	s.trainings = append(s.trainings, t)
	return t
}

// training finds one. Callers hold mu.
func (s *Session) training(id uint32) (*training, error) {
	if id == 0 || int(id) > len(s.trainings) {
		return nil, faultf(ErrUnknown, "there is no training %d in this session", id)
	}
	return s.trainings[id-1], nil
}

// open finds a training that is not closed. Callers hold mu.
func (s *Session) open(id uint32) (*training, error) {
	t, err := s.training(id)
	if err != nil {
		return nil, err
	}
	if t.closed {
		return nil, faultf(ErrStopped, "training %d has ended: %s", id, t.reason)
	}
	return t, nil
}

// current is the newest training, or nil. Callers hold mu.
func (s *Session) current() *training {
	if len(s.trainings) == 0 {
		return nil
	}
	return s.trainings[len(s.trainings)-1]
}

// CloseTraining ends a training: its workers stop and drop its spools; its tensors stay.
func (s *Session) CloseTraining(id uint32, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.training(id)
	if err != nil {
		return err
	}
	s.closeTraining(t, reason, reason != "" && !t.ledger.Done())
	return nil
}

func (s *Session) closeTraining(t *training, reason string, failed bool) {
	if t.closed {
		return
	}
	if reason == "" {
		reason = "it was closed"
	}
	t.closed, t.failed, t.reason = true, failed, reason
	if t.ended.IsZero() {
		s.ended(t, time.Now())
	}
	if t.model != nil {
		t.model.close(reason)
	}
	log := s.log.With("training", t.id, "reason", reason, "done", t.ledger.Done())
	if t.words != nil {
		log = log.With("passes", t.words.passes, "own_passes", t.words.ownPasses)
	}
	log.Info("training closed")
	s.touch()
}

// ended notes that no push will change anything any more: what the last ones were received in makes room for the model's way out. Callers hold mu.
func (s *Session) ended(t *training, now time.Time) {
	t.ended = now
	if t.words != nil {
		s.staging.Close()
	}
}

// TrainingStatus tells how far a training is.
func (s *Session) TrainingStatus(id uint32) (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.training(id)
	if err != nil {
		return Status{}, err
	}
	status := Status{Done: t.ledger.Done(), Incomplete: t.ledger.Incomplete(), Missing: []uint32{}, Closed: t.closed}
	if t.words != nil {
		status.Missing = t.words.book.Missing()
	}
	if t.failed {
		status.Error = t.reason
	}
	for _, w := range s.order {
		if !w.left {
			status.Workers++
		}
	}
	return status, nil
}

// Reopen lets partitions be ingested again, because their spools are gone. Their cursors stay where they are.
func (s *Session) Reopen(id uint32, partitions []uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.open(id)
	if err != nil {
		return err
	}
	if t.words == nil {
		return faultf(ErrBadInput, "training %d has no spools", id)
	}
	for _, p := range partitions {
		if p >= t.partitions {
			return faultf(ErrBadInput, "training %d has %d partitions, there is no %d", id, t.partitions, p)
		}
	}
	for _, p := range partitions {
		t.words.reopened[p] = true
		t.words.book.Reopen(p)
		t.words.merge.Reopen(p)
	}
	s.touch()
	return nil
}

// record notes an applied push in the training's figures. Callers hold mu.
func (s *Session) record(t *training, w *worker, p *Push) {
	now := time.Now()
	words := uint64(0)
	for _, m := range p.Moves {
		e := &t.epochLog[m.Epoch]
		if e.begun.IsZero() {
			e.begun = now
			if m.Epoch == 0 && !t.started.IsZero() {
				e.begun = t.started
			}
		}
		e.words += m.Words
		e.alpha = p.Alpha
		words += m.Words
		if t.words != nil && m.Last {
			t.words.passed(w, m.Partition)
		}
	}
	if len(p.Moves) > 0 {
		e := &t.epochLog[p.Moves[0].Epoch]
		e.pushes++
		e.loss += p.Loss
		e.pairs += p.LossPairs
	}
	for ; t.epochsEnded < t.ledger.EpochsDone(); t.epochsEnded++ {
		t.epochLog[t.epochsEnded].ended = now
		s.log.Info("epoch done", "training", t.id, "epoch", t.epochsEnded, "words", t.epochLog[t.epochsEnded].words)
	}
	t.pushes++
	t.alpha = p.Alpha
	t.loss.add(p.Loss, p.LossPairs)
	t.rate.add(now, t.ledger.Words())
	if t.ledger.Done() && t.ended.IsZero() {
		s.ended(t, now)
	}
	w.pushes++
	w.words += words
	w.pushed += p.Bytes
	if p.PulledVersion != 0 && p.PulledVersion < s.version {
		w.staleness.add(float64(s.version - 1 - p.PulledVersion))
	}
}

// phase is what a training is at. Callers hold mu.
func (t *training) phase() string {
	switch {
	case t.failed:
		return figures.PhaseFailed
	case t.ledger.Done():
		return figures.PhaseDone
	case t.closed:
		return figures.PhaseIdle
	case t.words != nil && t.words.settled == nil:
		if _, in := t.words.merge.Totals(); in == int(t.partitions) {
			return figures.PhaseVocabulary
		}
		return figures.PhaseIngest
	}
	return figures.PhaseTraining
}
