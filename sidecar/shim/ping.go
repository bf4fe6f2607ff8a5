package shim

import "deepdist/internal/frame"

// ping answers that the sidecar is there.
func (s *Server) ping(c *frame.Conn) error {
	return c.WriteJSON(frame.OK, newWelcome(""))
}
