package worker

import (
	"context"
	"sync"
	"sync/atomic"

	"deepdist/internal/frame"
	"deepdist/sidecar/spool"
)

// training is what this worker has of one training: the spools that it committed, the tasks that lend their cores, and the loop.
type training struct {
	id     uint32
	worker *Worker
	seats  *seats
	words  atomic.Uint64 // trained here so far, pushed or not

	ctx    context.Context // ends with the worker, or when the training is closed
	cancel context.CancelCauseFunc

	mu         sync.Mutex
	partitions map[uint32]*spool.Partition
	dropped    bool
}

func newTraining(w *Worker, id uint32) *training {
	t := &training{id: id, worker: w, seats: newSeats(), partitions: map[uint32]*spool.Partition{}}
	t.ctx, t.cancel = context.WithCancelCause(w.ctx)
	return t
}

// keep takes over a committed spool, in the place of an earlier one of the same partition that the server has given up. It returns
// false if the training is over.
func (t *training) keep(p *spool.Partition) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped {
		return false
	}
	if old := t.partitions[p.Number()]; old != nil {
		old.Remove()
	}
	t.partitions[p.Number()] = p
	return true
}

// drop ends the training here and removes its spools.
func (t *training) drop() {
	t.cancel(frame.Errorf(frame.Stopped, "training %d has ended", t.id))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropped = true
	for _, p := range t.partitions {
		p.Remove()
	}
	t.partitions = nil
}

func (t *training) replicaBytes() uint64 { return 0 }
