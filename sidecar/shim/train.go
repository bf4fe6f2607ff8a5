package shim

import (
	"time"

	"deepdist/internal/frame"
)

// trained answers a train stream.
type trained struct {
	Exhausted bool   `json:"exhausted"`
	Words     uint64 `json:"words"`
}

// train seats a task at the native training until nothing more can be claimed, or the task goes.
func (s *Server) train(c *frame.Conn, h *hello) error {
	w, err := s.sessions.enter(s.ctx, h.server())
	if err != nil {
		return err
	}
	seat, err := w.Attach(h.TrainingID)
	if err != nil {
		return err
	}
	defer seat.Leave()
	if err := c.WriteJSON(frame.OK, newWelcome(w.ID())); err != nil {
		return nil // the task has gone
	}
	gone := s.whenGone(c)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-seat.Done():
			if err := seat.Err(); err != nil {
				return err
			}
			return c.WriteJSON(frame.OK, trained{Exhausted: true, Words: seat.Progress().Words})
		case <-ticker.C:
			if err := c.WriteJSON(frame.Event, seat.Progress()); err != nil {
				return nil
			}
		case <-gone:
			return nil
		}
	}
}

// whenGone returns a channel that is closed when the task has closed its end, for streams on which it has nothing more to say.
// The goroutine ends with the connection.
func (s *Server) whenGone(c *frame.Conn) <-chan struct{} {
	gone := make(chan struct{})
	s.streams.Go(func() {
		defer close(gone)
		for {
			if f, err := c.Read(); err != nil {
				return
			} else if f.File != nil {
				f.File.Close()
			}
		}
	})
	return gone
}
