//go:build race

package word2vec

import "sync"

// hogwild is a lock in builds with the race detector.
type hogwild struct{ mu sync.Mutex }

func (h *hogwild) lock()   { h.mu.Lock() }
func (h *hogwild) unlock() { h.mu.Unlock() }
