package service

import (
	"context"
	"sync"

	"google.golang.org/grpc/stats"

	"deepdist/psserver/session"
)

// hangUps notices when the connection ends that a worker reports on. A process that is killed closes its connections at once, so
// its claims are free after seconds, not after a lease; a worker that only lost a connection dials again and reports in time.
type hangUps struct {
	session *session.Session
}

// line is one connection, and the workers that have reported on it.
type line struct {
	mu      sync.Mutex
	workers map[string]bool
}

type lineKey struct{}

// reporting notes which connection a worker's reports come on.
func reporting(ctx context.Context, workerID string) {
	l, ok := ctx.Value(lineKey{}).(*line)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.workers[workerID] = true
}

func (h hangUps) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, lineKey{}, &line{workers: map[string]bool{}})
}

func (h hangUps) HandleConn(ctx context.Context, event stats.ConnStats) {
	if _, ended := event.(*stats.ConnEnd); !ended {
		return
	}
	l := ctx.Value(lineKey{}).(*line)
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.workers {
		h.session.HungUp(id)
	}
}

func (h hangUps) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (h hangUps) HandleRPC(context.Context, stats.RPCStats) {}
