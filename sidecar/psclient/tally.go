package psclient

import "sync/atomic"

// Tally counts what a sidecar has done for all its sessions, from its start on.
type Tally struct {
	words, pushes, pulledBytes, pushedBytes, behind atomic.Uint64
}

// Totals are the counts at one time.
type Totals struct {
	Words       uint64  `json:"words"`        // of the slices and gradients that were applied
	Pushes      uint64  `json:"pushes"`       // that were applied
	PulledBytes uint64  `json:"pulled_bytes"` // of rows
	PushedBytes uint64  `json:"pushed_bytes"` // of deltas that were applied
	Staleness   float64 `json:"staleness"`    // mean number of versions between pull and push
}

// Totals takes a look now.
func (t *Tally) Totals() Totals {
	totals := Totals{Words: t.words.Load(), Pushes: t.pushes.Load(), PulledBytes: t.pulledBytes.Load(), PushedBytes: t.pushedBytes.Load()}
	if totals.Pushes > 0 {
		totals.Staleness = float64(t.behind.Load()) / float64(totals.Pushes)
	}
	return totals
}

// applied counts a push after which the server had this version.
func (t *Tally) applied(p *Push, bytes, version uint64) {
	if len(p.Deltas) == 0 && len(p.Numbers) == 0 {
		return // it asked where a cursor stands, or moved one
	}
	for i := range p.Cursors {
		t.words.Add(p.Cursors[i].Words)
	}
	t.pushes.Add(1)
	t.pushedBytes.Add(bytes)
	if p.PulledVersion != 0 && p.PulledVersion < version {
		t.behind.Add(version - 1 - p.PulledVersion)
	}
}
