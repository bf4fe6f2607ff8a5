package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/internal/vec"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/spool"
)

// Worker is this sidecar in one session.
type Worker struct {
	client *psclient.Client
	log    *slog.Logger

	ctx    context.Context
	cancel context.CancelCauseFunc
	loops  sync.WaitGroup // the report loop and the training loops

	mu        sync.Mutex
	root      *spool.Root // made by the first ingest
	trainings map[uint32]*training
	closed    map[uint32]bool // trainings that the server has told to be over
	latest    *training       // whose words are reported
	ended     bool

	close    sync.Once
	closeErr error
}

// Join makes this sidecar a worker of the server's session.
func Join(ctx context.Context, server psclient.Server, tally *psclient.Tally, log *slog.Logger) (*Worker, error) {
	client, err := psclient.Dial(server, tally)
	if err != nil {
		return nil, err
	}
	if err := client.Join(ctx, vec.Name()); err != nil {
		client.Close()
		return nil, err
	}
	w := &Worker{
		client: client, log: log.With("session", server.SessionID, "worker", client.WorkerID()),
		trainings: map[uint32]*training{}, closed: map[uint32]bool{},
	}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	w.loops.Go(w.report)
	w.log.Info("joined", "psserver", server.Address)
	return w, nil
}

// Done is closed when the worker has ended; Err then says why.
func (w *Worker) Done() <-chan struct{} { return w.ctx.Done() }

// Err is why the worker has ended, with the code that tasks get; nil while it lives.
func (w *Worker) Err() error {
	if w.ctx.Err() == nil {
		return nil
	}
	return context.Cause(w.ctx)
}

// End tells everything that runs for the session to stop, for this reason. The first reason counts.
func (w *Worker) End(reason error) { w.cancel(reason) }

// ID is the worker's name in the session.
func (w *Worker) ID() string { return w.client.WorkerID() }

// Close ends the worker, waits for its loops, removes its spools and leaves the session. It may be called again.
func (w *Worker) Close() error {
	w.close.Do(func() { w.closeErr = w.shut() })
	return w.closeErr
}

func (w *Worker) shut() error {
	w.End(frame.Errorf(frame.Stopped, "the session has ended"))
	w.loops.Wait()
	reason := w.Err()
	if frame.CodeOf(reason) != frame.Lost {
		if err := w.client.Leave(context.Background(), reason.Error()); err != nil {
			w.log.Info("could not say good-bye", "error", err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	for _, t := range w.trainings {
		t.drop()
	}
	var err error
	if w.root != nil {
		err = w.root.Close()
	}
	w.log.Info("left", "reason", reason)
	return errors.Join(err, w.client.Close())
}

// report renews the lease until the session ends.
func (w *Worker) report() {
	ticker := time.NewTicker(w.client.ReportInterval)
	defer ticker.Stop()
	for {
		closed, stop, err := w.client.Report(w.ctx, w.Figures())
		switch {
		case w.ctx.Err() != nil:
			return
		case err != nil:
			w.log.Error("session lost", "error", err)
			w.End(err)
			return
		case stop != "":
			w.End(frame.Errorf(frame.Stopped, "the session has ended: %s", stop))
			return
		}
		for _, id := range closed {
			w.closeTraining(id)
		}
		select {
		case <-w.ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Figures are what the worker tells its server, and whoever asks the sidecar.
func (w *Worker) Figures() psclient.Figures {
	f := psclient.Figures{}
	f.RSS, _ = life.RSS() // 0 if /proc can't be read: only a figure on a page
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.root != nil {
		f.SpoolBytes = w.root.Bytes()
	}
	for _, t := range w.trainings {
		f.Threads += uint32(t.seats.count())
		f.ReplicaBytes += t.replicaBytes()
	}
	if w.latest != nil {
		f.TrainingID, f.Words = w.latest.id, w.latest.words.Load()
	}
	return f
}

// training returns the state of a training, which begins with its first task.
func (w *Worker) training(id uint32) (*training, error) {
	if err := w.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed[id] || w.ended {
		return nil, frame.Errorf(frame.Stopped, "training %d has ended", id)
	}
	t := w.trainings[id]
	if t == nil {
		t = newTraining(w, id)
		w.trainings[id] = t
	}
	w.latest = t
	return t, nil
}

// closeTraining frees what a training has here. Its tasks get `stopped`.
func (w *Worker) closeTraining(id uint32) {
	w.mu.Lock()
	t := w.trainings[id]
	delete(w.trainings, id)
	w.closed[id] = true
	root := w.root
	w.mu.Unlock()
	if t == nil {
		return
	}
	t.drop()
	if root != nil {
		if err := root.Drop(id); err != nil {
			w.log.Warn("could not remove the spools of a training", "training", id, "error", err)
		}
	}
	w.log.Info("training closed", "training", id)
}

// spools returns the root of the session's spools, made at the first call.
func (w *Worker) spools(parent string, maxBytes uint64) (*spool.Root, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil, fmt.Errorf("make spool: %w", w.Err())
	}
	if w.root == nil {
		root, err := spool.NewRoot(parent, spool.NewBudget(maxBytes))
		if err != nil {
			return nil, err
		}
		w.root = root
	}
	return w.root, nil
}
