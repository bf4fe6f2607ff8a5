package worker

import (
	"context"
	"fmt"

	"deepdist/internal/bundle"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/replica"
)

// Gradient is one task that computes gradients of any model on one partition.
type Gradient struct {
	worker    *Worker
	training  *training
	partition uint32
	attempt   int64
	pushes    int
	pulled    uint64 // version whose gradient is still to come; 0: none
}

// Gradient begins a task's part.
func (w *Worker) Gradient(training, partition uint32, attempt int64) (*Gradient, error) {
	t, err := w.training(training)
	if err != nil {
		return nil, err
	}
	return &Gradient{worker: w, training: t, partition: partition, attempt: attempt}, nil
}

// Context ends with the training.
func (g *Gradient) Context() context.Context { return g.training.ctx }

// Cursor tells how many records of the partition are in the model, and whether these are all. An empty push of no records asks for it.
func (g *Gradient) Cursor(ctx context.Context) (records uint64, last bool, err error) {
	result, err := g.send(ctx, psclient.Push{Cursors: []psclient.Cursor{{Partition: g.partition}}})
	switch {
	case err != nil:
		return 0, false, err
	case result.Outcome == psclient.Closed:
		return 0, false, g.training.stopped()
	case len(result.Moved) == 1:
		return result.Moved[0].To, result.Moved[0].Last, nil
	}
	return 0, false, nil // it stands where the push has found it
}

// Pull returns the version of the model to compute on; the caller releases it.
func (g *Gradient) Pull(ctx context.Context) (*replica.Version, error) {
	v, err := g.training.versions.Pull(ctx, func(ctx context.Context, ifNotVersion uint64, sink psclient.PullSink) error {
		return g.worker.client.Pull(ctx, g.training.id, nil, ifNotVersion, sink)
	})
	if err == nil {
		g.pulled = v.Number
	}
	return v, err
}

// Push sends the gradient of the records [from, to). An update of nothing only moves the cursor.
func (g *Gradient) Push(ctx context.Context, from, to uint64, last bool, update *bundle.Mapped) (psclient.PushResult, error) {
	p := psclient.Push{
		PulledVersion: g.pulled,
		Cursors:       []psclient.Cursor{{Partition: g.partition, From: from, To: to, Words: to - from, Last: last}},
	}
	if update != nil {
		p.Numbers = update.Numbers
		for i := range update.Tensors {
			p.Deltas = append(p.Deltas, deltaOf(&update.Tensors[i]))
		}
	}
	result, err := g.send(ctx, p)
	if err == nil {
		g.pulled = 0
		g.training.words.Add(to - from)
	}
	return result, err
}

// Close gives a pull back whose gradient will not come: under max_updates others wait for it.
func (g *Gradient) Close() {
	if g.pulled == 0 || g.training.ctx.Err() != nil {
		return
	}
	if _, err := g.send(g.training.ctx, psclient.Push{PulledVersion: g.pulled}); err != nil {
		g.worker.log.Info("could not give a pull back", "training", g.training.id, "partition", g.partition, "error", err)
	}
}

func (g *Gradient) send(ctx context.Context, p psclient.Push) (psclient.PushResult, error) {
	g.pushes++
	p.ID = fmt.Sprintf("%s/%d/%d/%d/%d", g.worker.ID(), g.training.id, g.partition, g.attempt, g.pushes)
	p.TrainingID, p.Attempt = g.training.id, g.attempt
	return g.worker.client.Push(ctx, p)
}

// deltaOf describes a tensor of a bundle as a push carries it: by rows, of the first dimension.
func deltaOf(t *bundle.Tensor) psclient.Delta {
	d := psclient.Delta{Tensor: psclient.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape}, Sparse: t.Keys != nil, Keys: t.Keys, Rows: 1}
	if len(t.Shape) > 0 {
		d.Rows = t.Shape[0]
	}
	if d.Rows > 0 {
		d.RowBytes = len(t.Data) / d.Rows
	}
	d.Values = func(first, end int) []byte { return t.Data[first*d.RowBytes : end*d.RowBytes] }
	return d
}
