package shim

import (
	"context"
	"fmt"
	"os"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
	"deepdist/sidecar/worker"
)

// gradientCall is one CALL of a gradient stream.
type gradientCall struct {
	Op   string `json:"op"`
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	Last bool   `json:"last"`
	bundle.Header
	file *os.File
}

type cursorAnswer struct {
	Records uint64 `json:"records"`
	Last    bool   `json:"last,omitempty"`
}

type pullAnswer struct {
	Version uint64 `json:"version"`
	bundle.Header
}

type pushAnswer struct {
	Outcome string `json:"outcome"`
	Version uint64 `json:"version"`
}

// gradient serves a task that computes gradients of any model: cursor, pull, push, in any order.
func (s *Server) gradient(c *frame.Conn, h *hello) error {
	w, err := s.sessions.enter(s.ctx, h.server())
	if err != nil {
		return err
	}
	g, err := w.Gradient(h.TrainingID, h.Partition, h.Attempt)
	if err != nil {
		return err
	}
	defer g.Close()
	if err := c.WriteJSON(frame.OK, newWelcome(w.ID())); err != nil {
		return nil
	}
	ctx, cancel := context.WithCancelCause(g.Context())
	defer cancel(nil)
	calls := s.calls(c, cancel)
	for {
		select {
		case call, ok := <-calls:
			if !ok {
				return misspoken(ctx)
			}
			if err := answer(ctx, c, g, call); err != nil {
				return fmt.Errorf("partition %d: %w", h.Partition, err)
			}
		case <-g.Context().Done():
			return context.Cause(g.Context())
		}
	}
}

// misspoken is why there are no more calls: nil if the task has ended or gone, else what it has sent instead of one.
func misspoken(ctx context.Context) error {
	if why := context.Cause(ctx); frame.CodeOf(why) == frame.Protocol {
		return why
	}
	return nil
}

// calls reads the task's calls ahead, so that the end of a task is seen while its call is being answered: then ctx is cancelled, with
// the reason. The goroutine ends with the connection, or with the first frame that is no call.
func (s *Server) calls(c *frame.Conn, cancel context.CancelCauseFunc) <-chan gradientCall {
	calls := make(chan gradientCall, 1)
	s.streams.Go(func() {
		defer close(calls)
		for {
			var call gradientCall
			file, err := c.ReadJSON(frame.Call, &call)
			if frame.CodeOf(err) == frame.Protocol {
				cancel(err)
				return
			}
			if err != nil {
				cancel(frame.Errorf(frame.Stopped, "the task has gone"))
				return
			}
			call.file = file
			select {
			case calls <- call:
			default: // a second call before the first one's answer
				closeFile(file)
				cancel(frame.Errorf(frame.Protocol, "a call before the answer to the one before"))
				return
			}
		}
	})
	return calls
}

func answer(ctx context.Context, c *frame.Conn, g *worker.Gradient, call gradientCall) error {
	defer closeFile(call.file)
	switch call.Op {
	case "cursor":
		records, last, err := g.Cursor(ctx)
		if err != nil {
			return err
		}
		return c.WriteJSON(frame.OK, cursorAnswer{Records: records, Last: last})
	case "pull":
		v, err := g.Pull(ctx)
		if err != nil {
			return err
		}
		defer v.Release()
		return c.WriteJSONFile(frame.OK, pullAnswer{Version: v.Number, Header: v.Header}, v.File())
	case "push":
		return push(ctx, c, g, call)
	}
	return frame.Errorf(frame.Protocol, "unknown call %q in a gradient stream", call.Op)
}

func push(ctx context.Context, c *frame.Conn, g *worker.Gradient, call gradientCall) error {
	if call.To < call.From {
		return frame.Errorf(frame.Protocol, "a push of the records [%d, %d)", call.From, call.To)
	}
	update, err := bundle.Map(call.file, call.Header)
	if err != nil {
		return frame.Errorf(frame.Protocol, "push: %w", err)
	}
	defer update.Close()
	result, err := g.Push(ctx, call.From, call.To, call.Last, update)
	if err != nil {
		return err
	}
	return c.WriteJSON(frame.OK, pushAnswer{Outcome: result.Outcome.String(), Version: result.Version})
}

func closeFile(file *os.File) {
	if file != nil {
		file.Close()
	}
}
