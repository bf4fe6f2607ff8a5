package e2e

import (
	"path/filepath"
	"testing"

	"deepdist/internal/frame"
)

// Who scrapes the driver and who scrapes an executor must see the same run.
func TestServerAndSidecarCountTheSameTraffic(t *testing.T) {
	ps := startServer(t)
	s := startSidecar(t)
	id := ps.openWords(t, 1, map[string]any{"epochs": 2})
	if _, err := s.ingest(t, ps, id, 0, 0, topics(1000, 1)); err != nil {
		t.Fatal(err)
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	if _, err := s.train(t, ps, id); err != nil {
		t.Fatal(err)
	}
	type counts struct {
		Words       uint64  `json:"words"`
		Pushes      uint64  `json:"pushes"`
		PulledBytes uint64  `json:"pulled_bytes"`
		PushedBytes uint64  `json:"pushed_bytes"`
		Staleness   float64 `json:"staleness"`
	}
	c, err := frame.Dial(filepath.Join(s.dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var side struct {
		counts
		Sessions   int    `json:"sessions"`
		SpoolBytes uint64 `json:"spool_bytes"`
	}
	greeting := frame.NewGreeting()
	if err := c.Greet(map[string]any{"protocol": greeting.Protocol, "build": greeting.Build, "op": "figures"}, &side); err != nil {
		t.Fatal(err)
	}
	run, _ := ask[struct {
		Workers []counts `json:"workers"`
	}](t, ps, "watch", map[string]any{"wait_ms": 0}, nil)
	if len(run.Workers) != 1 || run.Workers[0] != side.counts {
		t.Errorf("psserver counts %+v, the sidecar %+v", run.Workers, side.counts)
	}
	if side.Words != 24_000 || side.Pushes == 0 || side.PulledBytes == 0 || side.PushedBytes == 0 || side.Sessions != 1 || side.SpoolBytes == 0 {
		t.Errorf("the sidecar counts %+v after two epochs of 12,000 words", side)
	}
}
