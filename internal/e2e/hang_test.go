package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"deepdist/internal/frame"
)

// A process that hangs keeps its connections open: nothing but its silence tells.
func TestTasksHearThatPsserverHangsWhateverTheyWaitFor(t *testing.T) {
	t.Parallel()
	words, _, _, training := endless(t)
	model, s := startServer(t), startSidecar(t)
	id := model.openModel(t, 2, map[string]any{"max_updates": 1})
	s.gradient(t, model, id, 0).pull()
	waiting := s.gradient(t, model, id, 1) // for the other one's push
	if err := waiting.WriteJSON(frame.Call, map[string]string{"op": "pull"}); err != nil {
		t.Fatal(err)
	}
	for _, ps := range []*server{words, model} {
		ps.Process.Signal(syscall.SIGSTOP)
	}
	for _, stream := range []*frame.Conn{training, waiting.Conn} {
		if err := endOf(t, stream, time.Minute); frame.CodeOf(err) != frame.Lost || !strings.Contains(err.Error(), "psserver") {
			t.Errorf("got %s %v, want lost, naming psserver", frame.CodeOf(err), err)
		}
	}
}

// When it goes on, its work is another one's already: what it still pushes must change nothing.
func TestASidecarThatHungAndGoesOnDoesNoHarm(t *testing.T) {
	t.Parallel()
	ps, hung, next := startServer(t, "--lease", "2s"), startSidecar(t), startSidecar(t)
	const epochs, lines = 300, 1000
	id := ps.openWords(t, 2, map[string]any{"epochs": epochs, "vector_size": 200})
	for p := range 2 {
		if _, err := hung.ingest(t, ps, id, p, int64(p), topics(lines, uint64(p))); err != nil {
			t.Fatal(err)
		}
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	stream := trainingStream(t, ps, hung, id)
	hung.Process.Signal(syscall.SIGSTOP)
	before := ps.applied(t)
	missing := ps.waitForMissing(t, id)
	ask[map[string]any](t, ps, "reopen", map[string]any{"training_id": id, "partitions": missing}, nil)
	for _, p := range missing {
		if _, err := next.ingest(t, ps, id, int(p), 10+int64(p), topics(lines, uint64(p))); err != nil {
			t.Fatal(err)
		}
	}
	hung.Process.Signal(syscall.SIGCONT)
	a, err := next.train(t, ps, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := endOf(t, stream, 20*time.Second); frame.CodeOf(err) != frame.Lost {
		t.Errorf("the task of the one that hung got %s %v, want lost", frame.CodeOf(err), err)
	}
	const total = 2 * epochs * lines * 12
	if applied := ps.applied(t); before == 0 || before == total || applied != total || a.Words != total-before {
		t.Errorf("%d words are applied, %d before the stop, %d by the second sidecar; want each of %d once", applied, before, a.Words, total)
	}
	vocabulary, syn0, _ := ps.words(t, id)
	if s := separation(vocabulary, syn0); !(s > 0.5) {
		t.Errorf("cosines within topics exceed those between them by %.2f only", s)
	}
}
