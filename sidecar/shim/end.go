package shim

import "deepdist/internal/frame"

// end ends a session: its spools are gone when the answer comes. A session that is not known has ended already.
func (s *Server) end(c *frame.Conn, h *hello) error {
	if err := s.sessions.end(h.server(), frame.Errorf(frame.Stopped, "the session has ended: its driver said so")); err != nil {
		return err
	}
	return c.WriteJSON(frame.OK, newWelcome(""))
}
