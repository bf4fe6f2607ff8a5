package dashboard

import (
	"context"
	"reflect"
	"sync"
	"time"

	"deepdist/psserver/figures"
)

const (
	shortest = 250 * time.Millisecond // between two looks, however often the source changes
	longest  = time.Second            // between two looks, also when the source tells of nothing: rates and ETA age
)

// A recorder follows the source and keeps the last look and the curves. Readers never make it wait: they take what is there, and
// a channel that is closed when there is more.
type recorder struct {
	mu      sync.Mutex
	last    figures.Figures
	history history
	news    chan struct{} // closed, and replaced, with every new look
}

// A look is what a reader has not seen yet.
type look struct {
	Figures figures.Figures `json:"figures"`
	Tip     *point          `json:"tip"`    // nil before the first push
	Reset   bool            `json:"reset"`  // forget the points you have
	Points  []point         `json:"points"` // then add these
}

// A place is how far a reader has read; the zero place is the beginning.
type place struct {
	generation uint64
	points     int
}

func newRecorder() *recorder {
	// Generation 1, as readers start at 0: their first look always resets them.
	return &recorder{news: make(chan struct{}), history: history{generation: 1, spacing: firstSpacing}}
}

// run looks until ctx is done.
func (r *recorder) run(ctx context.Context, source figures.Source) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	var seen uint64
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		wait, cancel := context.WithTimeout(ctx, longest)
		f, now := source.Wait(wait, seen)
		cancel()
		if ctx.Err() != nil {
			return
		}
		seen = now
		r.record(finite(f), time.Now())
		pause.Reset(shortest)
	}
}

// record takes one look. Figures that have not changed are no news.
func (r *recorder) record(f figures.Figures, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tip := r.history.tip
	r.history.add(f, now)
	if reflect.DeepEqual(f, r.last) && r.history.tip == tip {
		return
	}
	r.last = f
	close(r.news)
	r.news = make(chan struct{})
}

// since returns what is new to a reader at that place, where it then stands, and what is closed when there is more.
func (r *recorder) since(at place) (look, place, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &r.history
	l := look{Figures: r.last, Points: []point{}}
	if !h.began.IsZero() {
		tip := h.tip
		l.Tip = &tip
	}
	if at.generation != h.generation {
		l.Reset, at = true, place{generation: h.generation}
	}
	// Points are only ever appended, or replaced by a new array: what is handed out here stays as it is.
	l.Points = append(l.Points, h.points[at.points:]...)
	at.points = len(h.points)
	return l, at, r.news
}
