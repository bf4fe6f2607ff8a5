package worker

import (
	"context"

	"deepdist/sidecar/psclient"
)

// Context ends with the worker.
func (w *Worker) Context() context.Context { return w.ctx }

// Control is a driver's way to psserver.
func (w *Worker) Control(ctx context.Context, driver psclient.Driver) error {
	if err := w.Err(); err != nil {
		return err
	}
	return w.client.Control(ctx, driver)
}
