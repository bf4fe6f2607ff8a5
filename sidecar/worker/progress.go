package worker

import (
	"sync"
	"time"
)

// Progress is what a task tells Spark's log about once a second.
type Progress struct {
	Words          uint64  `json:"words"`         // trained by this sidecar
	AppliedWords   uint64  `json:"applied_words"` // by all workers, as of the last claim
	TotalWords     uint64  `json:"total_words"`
	WordsPerSecond float64 `json:"words_per_second"` // of this sidecar, in its last slice
	Alpha          float32 `json:"alpha"`
	Threads        int     `json:"threads"`
}

type progress struct {
	mu  sync.Mutex
	now Progress
}

func (p *progress) set(applied, total uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.AppliedWords, p.now.TotalWords = applied, total
}

func (p *progress) trained(words uint64, took time.Duration, alpha float32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Alpha = alpha
	p.now.WordsPerSecond = float64(words) / max(took.Seconds(), 1e-9)
}

// Progress is how far the seat's training is.
func (s *Seat) Progress() Progress {
	t := s.training
	t.progress.mu.Lock()
	now := t.progress.now
	t.progress.mu.Unlock()
	now.Words, now.Threads = t.words.Load(), t.seats.count()
	return now
}
