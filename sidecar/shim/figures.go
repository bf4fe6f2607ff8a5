package shim

import (
	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/sidecar/psclient"
)

// figures answers what the sidecar does and has done, over all its sessions.
func (s *Server) figures(c *frame.Conn) error {
	answer := struct {
		welcome
		psclient.Totals
		Sessions     int    `json:"sessions"`
		Threads      uint32 `json:"threads"`
		RSSBytes     uint64 `json:"rss_bytes"`
		ReplicaBytes uint64 `json:"replica_bytes"`
		SpoolBytes   uint64 `json:"spool_bytes"`
	}{welcome: newWelcome(""), Totals: s.sessions.tally.Totals()}
	answer.RSSBytes, _ = life.RSS()
	for _, w := range s.sessions.workers() {
		f := w.Figures()
		answer.Sessions++
		answer.Threads += f.Threads
		answer.ReplicaBytes += f.ReplicaBytes
		answer.SpoolBytes += f.SpoolBytes
	}
	return c.WriteJSON(frame.OK, answer)
}
