package shim

import (
	"context"

	"deepdist/internal/frame"
)

// control makes the rest of the stream a tunnel to psserver, for a driver that can't reach it by itself: its calls come in a task.
func (s *Server) control(c *frame.Conn, h *hello) error {
	w, err := s.sessions.enter(s.ctx, h.server())
	if err != nil {
		return err
	}
	if err := c.WriteJSON(frame.OK, newWelcome(w.ID())); err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stop := context.AfterFunc(w.Context(), cancel)
	defer stop()
	answers := &frame.Tracker{UnixConn: c.Socket()}
	err = w.Control(ctx, answers)
	if err != nil && answers.Inside() {
		s.log.Warn("a driver's tunnel broke inside an answer", "error", err) // the task sees that by itself; an ERROR would be taken for the answer's bytes
		return nil
	}
	return err
}
