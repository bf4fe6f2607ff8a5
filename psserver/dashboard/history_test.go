package dashboard

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deepdist/psserver/figures"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// looks takes n looks, `every` apart, at a training that pushes once between two of them.
func looks(r *recorder, n int, every time.Duration) {
	for i := range n {
		r.record(training(uint64(i+1)), noon.Add(time.Duration(i)*every))
	}
}

func TestALongTrainingKeepsItsWholeShapeInBoundedMemory(t *testing.T) {
	r := newRecorder()
	const n = 20 * maxPoints
	looks(r, n, time.Second)
	h := r.history
	if len(h.points) > maxPoints || len(h.points) < maxPoints/2-1 {
		t.Errorf("%d points of %d looks", len(h.points), n)
	}
	if first := h.points[0]; first.Seconds != 0 || first.Pushes != 1 {
		t.Errorf("the first point is %+v", first)
	}
	if last := h.points[len(h.points)-1]; n-last.Pushes > uint64(h.spacing.Seconds()) {
		t.Errorf("the last point is of push %d of %d, points are %v apart", last.Pushes, n, h.spacing)
	}
	if h.tip.Pushes != n {
		t.Errorf("the tip is of push %d of %d", h.tip.Pushes, n)
	}
	for i := 1; i < len(h.points); i++ {
		if apart := h.points[i].Seconds - h.points[i-1].Seconds; apart < h.spacing.Seconds() || apart > 2*h.spacing.Seconds() {
			t.Errorf("points %d and %d are %v s apart, spacing is %v", i-1, i, apart, h.spacing)
		}
	}
}

func TestANewTrainingBeginsNewCurves(t *testing.T) {
	r := newRecorder()
	looks(r, 10, time.Second)
	next := training(1)
	next.TrainingID = 2
	r.record(next, noon.Add(time.Hour))
	if l, _, _ := r.since(place{}); len(l.Points) != 1 || l.Tip.Seconds != 0 {
		t.Errorf("the second training begins with %d points, %v s in", len(l.Points), l.Tip.Seconds)
	}
}

func TestCurvesStandStillOutsideOfTraining(t *testing.T) {
	r := newRecorder()
	f := training(0)
	f.Phase = figures.PhaseIngest
	f.Words = 0
	r.record(f, noon)
	if l, _, _ := r.since(place{}); len(l.Points) != 0 || l.Tip != nil {
		t.Errorf("ingest drew %d points", len(l.Points))
	}
	looks(r, 10, time.Second)
	f = training(11) // the last push and the end of the training are seen in one look
	f.Phase = figures.PhaseDone
	r.record(f, noon.Add(10*time.Second))
	r.record(f, noon.Add(time.Hour))
	idle := figures.Figures{Phase: figures.PhaseIdle}
	r.record(idle, noon.Add(2*time.Hour))
	l, _, _ := r.since(place{})
	if len(l.Points) != 11 || l.Tip.Pushes != 11 || l.Tip.Seconds != 10 {
		t.Errorf("%d points, the tip is %+v", len(l.Points), *l.Tip)
	}
}

func TestStalenessIsTheMeanOfTheWorkersThatPushed(t *testing.T) {
	f := training(5)
	f.Workers = append(f.Workers, figures.Worker{WorkerID: "w3"})
	if p := pointOf(f, 1); p.Staleness != 1 {
		t.Errorf("staleness is %v", p.Staleness)
	}
}

func TestAPointTravelsAsAnArrayInTheOrderThatThePageReads(t *testing.T) {
	body, err := json.Marshal(point{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil || string(body) != "[1,2,3,4,5,6,7,8]" {
		t.Errorf("%s, %v", body, err)
	}
}

func TestUnchangedFiguresAreNoNews(t *testing.T) {
	r := newRecorder()
	f := training(5)
	f.Phase = figures.PhaseDone
	r.record(f, noon)
	_, _, news := r.since(place{})
	r.record(f, noon.Add(time.Second))
	select {
	case <-news:
		t.Error("the same figures were told twice")
	default:
	}
	f.Pushes++
	r.record(f, noon.Add(2*time.Second))
	select {
	case <-news:
	default:
		t.Error("new figures were not told")
	}
}

// A reader who takes the looks as page.js does has the server's curves, however the two interleave, over thinnings and new trainings.
func TestAReaderHasTheServersCurvesAfterEveryLook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRecorder()
		now, id, pushes := noon, uint32(1), uint64(0)
		var at place
		var have []point
		for range rapid.IntRange(1, 8).Draw(t, "reads") {
			for range rapid.IntRange(0, 700).Draw(t, "looks") {
				now = now.Add(time.Duration(rapid.IntRange(100, 5000).Draw(t, "ms")) * time.Millisecond)
				pushes++
				f := training(pushes)
				f.TrainingID = id
				r.record(f, now)
			}
			var l look
			l, at, _ = r.since(at)
			if l.Reset {
				have = nil
			}
			have = append(have, l.Points...)
			if !slices.Equal(have, r.history.points) {
				t.Fatalf("the reader has %d points, the server %d", len(have), len(r.history.points))
			}
			if rapid.IntRange(0, 4).Draw(t, "new training") == 0 {
				id, pushes = id+1, 0
			}
		}
	})
}
