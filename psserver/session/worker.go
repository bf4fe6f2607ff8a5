package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"deepdist/internal/frame"
)

// Newcomer is what a sidecar tells of itself when it joins.
type Newcomer struct {
	Protocol  uint32
	Build     string
	Host      string
	PID       int64
	Kernel    string
	SessionID string
}

// Report is what a worker tells about once a second.
type Report struct {
	RSSBytes, ReplicaBytes, SpoolBytes uint64
	Threads                            uint32
	Words                              uint64 // trained so far, pushed or not
	TrainingID                         uint32
}

// worker is one sidecar that has joined. It stays in the list after it has left: its figures are part of the run.
type worker struct {
	id        string
	about     Newcomer
	heard     time.Time
	hungUp    time.Time // when the connection of its reports ended; zero: it stands, or there was a call since
	left      bool
	report    Report
	pushes    uint64
	words     uint64 // applied
	pulled    uint64 // bytes of rows sent
	pushed    uint64 // bytes of deltas applied
	rate      meter
	staleness average
	claimed   uint32 // the training it has claimed in
}

// Join makes a sidecar a worker.
func (s *Session) Join(n Newcomer) (id string, err error) {
	if err := (frame.Greeting{Protocol: int(n.Protocol), Build: n.Build}).Check("deepdist-sidecar on " + n.Host); err != nil {
		return "", faultf(ErrBuild, "%w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.SessionID != s.ID {
		return "", faultf(ErrStopped, "session %s is not served here, but session %s: the one asked for has ended", n.SessionID, s.ID)
	}
	if s.closing != "" {
		return "", faultf(ErrStopped, "%s", s.closing)
	}
	w := &worker{id: fmt.Sprintf("w%d", len(s.order)+1), about: n, heard: time.Now()}
	s.workers[w.id] = w
	s.order = append(s.order, w)
	s.log.Info("worker joined", "worker", w.id, "host", n.Host, "pid", n.PID, "kernel", n.Kernel, "build", n.Build)
	s.touch()
	return w.id, nil
}

// Times are the intervals that a worker has to keep.
func (s *Session) Times() (report, lease time.Duration) { return s.config.ReportEvery, s.config.Lease }

// Report renews a worker's lease and tells it which trainings are closed, and whether the session ends.
func (s *Session) Report(id string, r Report) (closed []uint32, stop string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.trainings {
		if t.closed {
			closed = append(closed, t.id)
		}
	}
	w, err := s.worker(id)
	if s.closing != "" {
		if err == nil {
			s.leave(w, "it has heard that the session ends")
		}
		return closed, s.closing, nil
	}
	if err != nil {
		return nil, "", err
	}
	w.report = r
	if r.TrainingID != 0 {
		w.rate.add(w.heard, r.Words)
	}
	s.touch()
	return closed, "", nil
}

// Leave frees what a worker holds.
func (s *Session) Leave(id, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.worker(id)
	if err != nil {
		return err
	}
	s.leave(w, cmp.Or(reason, "it said so"))
	return nil
}

// callAgain is how long a worker whose connection has ended has to be heard of again: it dials at once if it lives.
const callAgain = 3 * time.Second

// HungUp is told when the connection ends that a worker reported on.
func (s *Session) HungUp(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.workers[id]; w != nil && !w.left {
		w.hungUp = time.Now()
	}
}

// Farewell waits until every worker has left, or has heard that the session ends, or ctx is done.
func (s *Session) Farewell(ctx context.Context) {
	for {
		s.mu.Lock()
		here := slices.ContainsFunc(s.order, func(w *worker) bool { return !w.left })
		changed := s.changed
		s.mu.Unlock()
		if !here {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// worker finds one that has not left, and renews its lease: whoever calls is alive. Callers hold mu.
func (s *Session) worker(id string) (*worker, error) {
	w := s.workers[id]
	if w == nil {
		return nil, faultf(ErrLeft, "there is no worker %q in this session", id)
	}
	if w.left {
		return nil, faultf(ErrLeft, "worker %s has left the session (not heard of for %v, or by its own word): join again", id, s.config.Lease)
	}
	w.heard, w.hungUp = time.Now(), time.Time{}
	return w, nil
}

func (s *Session) leave(w *worker, reason string) {
	w.left = true
	for _, t := range s.trainings {
		if t.words != nil {
			t.words.book.Leave(w.id)
		}
		if t.model != nil {
			delete(t.model.outstanding, w.id)
		}
	}
	s.log.Info("worker left", "worker", w.id, "host", w.about.Host, "pid", w.about.PID, "reason", reason)
	s.touch()
}

// watchLeases takes out workers that have fallen silent or hung up. Their pushes are refused from then on (by the cursors anyway), their claims
// are free. Leases only decide when somebody else may go on; what is correct never depends on them.
func (s *Session) watchLeases() {
	defer s.running.Done()
	ticker := time.NewTicker(min(max(s.config.Lease/8, time.Millisecond), time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case now := <-ticker.C:
			s.mu.Lock()
			for _, w := range s.order {
				switch {
				case w.left:
				case now.Sub(w.heard) > s.config.Lease:
					s.leave(w, fmt.Sprintf("not heard of for %v", s.config.Lease))
				case !w.hungUp.IsZero() && now.Sub(w.hungUp) > callAgain:
					s.leave(w, fmt.Sprintf("its connection ended, and it has not called for %v", callAgain))
				}
			}
			s.mu.Unlock()
		}
	}
}
