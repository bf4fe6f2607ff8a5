package dashboard

import (
	"encoding/json"
	"math"
	"time"

	"deepdist/psserver/figures"
)

const (
	maxPoints    = 512                    // of one training; a curve on a screen is hardly wider
	firstSpacing = 500 * time.Millisecond // between points, until the history is full for the first time
)

// A point is what the curves show of one moment.
type point struct {
	Seconds        float64 // since the first point
	Words          uint64
	Pushes         uint64
	Updates        uint64
	WordsPerSecond float64
	Alpha          float64
	Loss           float64 // 0: none reported
	Staleness      float64 // mean of the workers
}

// MarshalJSON writes the point as an array: a curve is mostly names otherwise. page/page.js reads the same order.
func (p point) MarshalJSON() ([]byte, error) {
	return json.Marshal([...]any{p.Seconds, p.Words, p.Pushes, p.Updates, p.WordsPerSecond, p.Alpha, p.Loss, p.Staleness})
}

// A history is the curves of the present training: points in order of time, at least `spacing` apart. When there are maxPoints,
// every second one goes and the spacing doubles: a training of any length keeps its whole shape in bounded memory.
//
// A reader who has seen n points of a generation lacks points[n:] if that is still the generation, else all of them.
type history struct {
	training   uint32
	generation uint64 // rises when points change that readers may have seen: a new training, a thinning
	began      time.Time
	spacing    time.Duration
	points     []point
	tip        point // the newest, which may be nearer than `spacing` to the last of points
}

// add takes the figures into the curves. Outside of training they stand still.
func (h *history) add(f figures.Figures, now time.Time) {
	if f.TrainingID != h.training && f.TrainingID != 0 {
		*h = history{training: f.TrainingID, generation: h.generation + 1, spacing: firstSpacing}
	}
	if f.Phase != figures.PhaseTraining && !h.behind(f) {
		return
	}
	if h.began.IsZero() {
		h.began = now
	}
	since := now.Sub(h.began)
	h.tip = pointOf(f, since.Seconds())
	if n := len(h.points); n > 0 && h.tip.Seconds-h.points[n-1].Seconds < h.spacing.Seconds() {
		return
	}
	if len(h.points) == maxPoints {
		h.thin()
	}
	h.points = append(h.points, h.tip)
}

// behind says whether the figures, of a training that is over, tell of progress that no point shows yet.
func (h *history) behind(f figures.Figures) bool {
	return f.TrainingID != 0 && (f.Words > h.tip.Words || f.Pushes > h.tip.Pushes || f.Updates > h.tip.Updates)
}

// thin keeps the points 0, 2, 4, …, into a new array, as looks taken before may still be read by others.
func (h *history) thin() {
	kept := make([]point, 0, maxPoints)
	for i := 0; i < len(h.points); i += 2 {
		kept = append(kept, h.points[i])
	}
	h.points = kept
	h.spacing *= 2
	h.generation++
}

func pointOf(f figures.Figures, seconds float64) point {
	p := point{
		Seconds: math.Round(seconds*1000) / 1000, Words: f.Words, Pushes: f.Pushes, Updates: f.Updates,
		WordsPerSecond: f.WordsPerSecond, Alpha: float64(f.Alpha), Loss: f.Loss,
	}
	var pushing float64
	for _, w := range f.Workers {
		if w.Pushes > 0 {
			p.Staleness += w.Staleness
			pushing++
		}
	}
	if pushing > 0 {
		p.Staleness /= pushing
	}
	return p
}

// finite replaces what JSON can't carry, and no figure should be, by 0, which all viewers read as "not known". The slices are copied.
func finite(f figures.Figures) figures.Figures {
	for _, v := range []*float64{&f.WordsPerSecond, &f.Loss, &f.ETASeconds} {
		zeroUnlessFinite(v)
	}
	f.Alpha = finite32(f.Alpha)
	f.EpochsDone = append([]figures.Epoch{}, f.EpochsDone...)
	for i := range f.EpochsDone {
		e := &f.EpochsDone[i]
		zeroUnlessFinite(&e.Seconds)
		zeroUnlessFinite(&e.WordsPerSecond)
		zeroUnlessFinite(&e.Loss)
		e.Alpha = finite32(e.Alpha)
	}
	f.Workers = append([]figures.Worker{}, f.Workers...)
	for i := range f.Workers {
		zeroUnlessFinite(&f.Workers[i].WordsPerSecond)
		zeroUnlessFinite(&f.Workers[i].Staleness)
	}
	return f
}

func zeroUnlessFinite(v *float64) {
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		*v = 0
	}
}

func finite32(v float32) float32 {
	wide := float64(v)
	zeroUnlessFinite(&wide)
	return float32(wide)
}
