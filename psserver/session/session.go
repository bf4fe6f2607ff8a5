// Package session is the life of one `with DeepDist` block on the server: its workers, its trainings one after another, and
// what both wires ask of them. The network packages (service, control) translate; the parts (cursor, claim, vocabulary, store,
// optimizer, descent) know their rules and no locks; here they are put together.
//
// One lock guards all of it. That is on purpose: a push has to admit, apply and move its cursors in one critical section, and
// claims, leases and figures all hang on the same cursors. What is long is kept outside: receiving a push, sending a pull (word
// vectors have locks of their own, versions never change), the driver's own descent.
//
// Who waits for something (a claim, a version, an update, news for the page) waits on `changed`, a channel that is closed and
// replaced at every change, and then looks again. Nothing polls.
package session

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"deepdist/internal/life"
	"deepdist/internal/pages"
	"deepdist/psserver/store"
)

// Config is what a session may be told. The zero value is what psserver uses.
type Config struct {
	Log         *slog.Logger
	Lease       time.Duration          // a worker not heard of for so long has left
	ReportEvery time.Duration          // how often workers are asked to report
	Budget      int64                  // bytes of pushes that may be in memory at once
	Available   func() (uint64, error) // memory that a training may take
	OnStop      func(reason string)    // called once when the driver asks the session to stop
}

// Session is one psserver's life.
type Session struct {
	ID     string
	config Config
	log    *slog.Logger
	budget *semaphore.Weighted

	staging   pages.Spare    // what pushes of word vectors are received in
	preparing sync.WaitGroup // who makes it ready

	stopped chan struct{} // closed by Close
	running sync.WaitGroup

	mu        sync.Mutex
	changed   chan struct{}
	revision  uint64 // counts changes
	closing   string // why the session ends; empty: it doesn't
	version   uint64 // deltas applied, and 1 for every new start: never 0, never the same for two states of the tensors
	workers   map[string]*worker
	order     []*worker // as they joined
	trainings []*training
	words     store.Store // syn0, and syn1 or syn1neg or both
	model     store.Store // tensors shared with the driver
	publisher store.Publisher
}

// New starts a session. Close ends it.
func New(config Config) *Session {
	config.Log = cmp.Or(config.Log, slog.Default())
	config.Lease = cmp.Or(config.Lease, 30*time.Second)
	config.ReportEvery = cmp.Or(config.ReportEvery, time.Second)
	config.Budget = cmp.Or(config.Budget, 256<<20)
	if config.Available == nil {
		config.Available = life.AvailableMemory
	}
	id := make([]byte, 8)
	rand.Read(id)
	s := &Session{ID: hex.EncodeToString(id), config: config, log: config.Log, budget: semaphore.NewWeighted(config.Budget),
		stopped: make(chan struct{}), changed: make(chan struct{}), version: 1, workers: map[string]*worker{}}
	s.running.Add(1)
	go s.watchLeases()
	return s
}

// Stop tells workers, with their next report, that the session ends, and asks the owner of the session to end it.
func (s *Session) Stop(reason string) {
	s.mu.Lock()
	first := s.closing == ""
	s.end(reason)
	s.mu.Unlock()
	if first && s.config.OnStop != nil {
		s.config.OnStop(reason)
	}
}

// Close ends the session: every wait returns, and the memory shared with the driver is given back.
func (s *Session) Close() error {
	s.mu.Lock()
	s.end("the session has ended")
	s.mu.Unlock()
	select {
	case <-s.stopped:
		return nil
	default:
		close(s.stopped)
	}
	s.running.Wait()
	s.preparing.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.model.Close()
}

func (s *Session) end(reason string) {
	if s.closing == "" {
		s.closing = reason
		for _, t := range s.trainings {
			s.closeTraining(t, reason, false)
		}
		s.touch()
	}
}

// touch wakes everybody who waits. Callers hold mu.
func (s *Session) touch() {
	s.revision++
	close(s.changed)
	s.changed = make(chan struct{})
}

// next counts a new state of the tensors. Callers hold mu.
func (s *Session) next() uint64 {
	s.version++
	return s.version
}
