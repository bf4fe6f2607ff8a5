package shim

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"sync"
	"time"

	"deepdist/internal/auth"
	"deepdist/internal/frame"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/worker"
)

// sessions is the table of the sessions that this sidecar works for.
type sessions struct {
	log   *slog.Logger
	tally psclient.Tally

	mu     sync.Mutex
	live   map[string]*session
	empty  time.Time      // since when there is no session
	ending sync.WaitGroup // goroutines that wait for a worker's end
}

// session is one session: joined by its first HELLO, removed when its worker ends.
type session struct {
	token  auth.Secret
	joined chan struct{} // closed when worker or err is set
	worker *worker.Worker
	err    error
}

func newSessions(log *slog.Logger) *sessions {
	return &sessions{log: log, live: map[string]*session{}, empty: time.Now()}
}

// enter returns the worker of a session, which the first caller makes it join. Another token than the first one is refused.
func (s *sessions) enter(ctx context.Context, server psclient.Server) (*worker.Worker, error) {
	if server.SessionID == "" || server.Token == "" {
		return nil, frame.Errorf(frame.Protocol, "HELLO names no session")
	}
	s.mu.Lock()
	known, found := s.live[server.SessionID]
	if found && subtle.ConstantTimeCompare([]byte(known.token), []byte(server.Token)) != 1 {
		s.mu.Unlock()
		return nil, frame.Errorf(frame.Denied, "the token is not the one of session %s", server.SessionID)
	}
	if !found {
		known = &session{token: auth.Secret(server.Token), joined: make(chan struct{})}
		s.live[server.SessionID] = known
	}
	s.mu.Unlock()
	if !found {
		s.join(ctx, server, known)
	}
	select {
	case <-known.joined:
	case <-ctx.Done():
		return nil, frame.Errorf(frame.Lost, "the sidecar stops")
	}
	if known.err != nil {
		return nil, known.err
	}
	if err := known.worker.Err(); err != nil {
		return nil, err
	}
	return known.worker, nil
}

func (s *sessions) join(ctx context.Context, server psclient.Server, entry *session) {
	entry.worker, entry.err = worker.Join(ctx, server, &s.tally, s.log)
	close(entry.joined)
	if entry.err != nil {
		s.remove(server.SessionID, entry)
		return
	}
	s.ending.Go(func() {
		<-entry.worker.Done()
		if err := entry.worker.Close(); err != nil {
			s.log.Warn("end session", "session", server.SessionID, "error", err)
		}
		s.remove(server.SessionID, entry)
	})
}

func (s *sessions) remove(id string, entry *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[id] == entry {
		delete(s.live, id)
	}
	if len(s.live) == 0 {
		s.empty = time.Now()
	}
}

// end ends a session, if it is known and the token is its own, and waits until its spools are gone.
func (s *sessions) end(server psclient.Server, reason error) error {
	s.mu.Lock()
	entry, found := s.live[server.SessionID]
	s.mu.Unlock()
	if !found {
		return nil
	}
	if subtle.ConstantTimeCompare([]byte(entry.token), []byte(server.Token)) != 1 {
		return frame.Errorf(frame.Denied, "the token is not the one of session %s", server.SessionID)
	}
	<-entry.joined
	if entry.worker != nil {
		entry.worker.End(reason)
		return entry.worker.Close()
	}
	return nil
}

// close ends all sessions.
func (s *sessions) close(reason error) {
	s.mu.Lock()
	all := make([]*session, 0, len(s.live))
	for _, entry := range s.live {
		all = append(all, entry)
	}
	s.mu.Unlock()
	for _, entry := range all {
		<-entry.joined
		if entry.worker != nil {
			entry.worker.End(reason)
		}
	}
	s.ending.Wait()
}

// workers are those of the sessions that have been joined.
func (s *sessions) workers() (all []*worker.Worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, entry := range s.live {
		select {
		case <-entry.joined:
			if entry.worker != nil {
				all = append(all, entry.worker)
			}
		default:
		}
	}
	return all
}

// idle is for how long there has been no session.
func (s *sessions) idle() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) > 0 {
		return 0
	}
	return time.Since(s.empty)
}
