package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deepdist/internal/frame"
)

// endless opens a training that lasts much longer than the test, and a stream that trains it.
func endless(t *testing.T) (ps *server, s *sidecar, id uint32, stream *frame.Conn) {
	t.Helper()
	ps, s = startServer(t), startSidecar(t)
	id = ps.openWords(t, 1, map[string]any{"epochs": 60_000, "vector_size": 200})
	if _, err := s.ingest(t, ps, id, 0, 1, topics(3000, 1)); err != nil {
		t.Fatal(err)
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	return ps, s, id, trainingStream(t, ps, s, id)
}

// trainingStream returns a train stream that has trained already.
func trainingStream(t *testing.T, ps *server, s *sidecar, id uint32) *frame.Conn {
	t.Helper()
	stream, err := s.stream(t, ps, "train", id, nil)
	if err != nil {
		t.Fatal(err)
	}
	for {
		var event struct {
			Words uint64 `json:"words"`
		}
		if _, err := stream.ReadJSON(frame.Event, &event); err != nil {
			t.Fatal(err)
		}
		if event.Words > 0 {
			return stream
		}
	}
}

// endOf reads a stream up to its end and returns the error that it ended with.
func endOf(t *testing.T, stream *frame.Conn, within time.Duration) error {
	t.Helper()
	stream.Socket().SetReadDeadline(time.Now().Add(within))
	_, err := stream.Answer(nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the task still waits after %s", within)
	}
	return err
}

func TestTasksHearThatPsserverIsGone(t *testing.T) {
	ps, s, id, stream := endless(t)
	ps.Process.Kill()
	err := endOf(t, stream, 20*time.Second)
	if frame.CodeOf(err) != frame.Lost || !strings.Contains(err.Error(), "psserver") {
		t.Errorf("got %s %v, want lost, naming psserver", frame.CodeOf(err), err)
	}
	if _, err := s.train(t, ps, id); frame.CodeOf(err) != frame.Lost {
		t.Errorf("a later task got %v, want lost", err)
	}
	left, _ := filepath.Glob(filepath.Join(s.spool, "*"))
	for deadline := time.Now().Add(5 * time.Second); len(left) > 0 && time.Now().Before(deadline); left, _ = filepath.Glob(filepath.Join(s.spool, "*")) {
		time.Sleep(20 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("spools are left of a session that is gone: %v", left)
	}
}

func TestTasksHearThatTheSidecarIsGone(t *testing.T) {
	_, s, _, stream := endless(t)
	s.Process.Kill()
	if err := endOf(t, stream, 5*time.Second); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the end of the stream without an answer", err)
	}
}

// The driver's part after an executor is lost: what is missing is ingested again elsewhere, and training goes on at the cursors.
func TestAnotherSidecarGoesOnWhereAKilledOneStopped(t *testing.T) {
	ps, lost, next := startServer(t, "--lease", "2s"), startSidecar(t), startSidecar(t)
	const epochs, lines = 300, 1000
	id := ps.openWords(t, 2, map[string]any{"epochs": epochs, "vector_size": 200})
	for p := range 2 {
		if _, err := lost.ingest(t, ps, id, p, int64(p), topics(lines, uint64(p))); err != nil {
			t.Fatal(err)
		}
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	stream, err := lost.stream(t, ps, "train", id, nil)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ps.applied(t) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	lost.Process.Kill()
	stream.Close()
	before := ps.applied(t)
	if before == 0 || before == 2*epochs*lines*12 {
		t.Fatalf("%d words were applied when the sidecar was killed: the test tests nothing", before)
	}
	missing := ps.waitForMissing(t, id)
	ask[map[string]any](t, ps, "reopen", map[string]any{"training_id": id, "partitions": missing}, nil)
	for _, p := range missing {
		if a, err := next.ingest(t, ps, id, int(p), 10+int64(p), topics(lines, uint64(p))); err != nil || !a.Accepted {
			t.Fatalf("ingest partition %d again: %+v, %v", p, a, err)
		}
	}
	a, err := next.train(t, ps, id)
	if err != nil {
		t.Fatal(err)
	}
	if total := ps.applied(t); total != 2*epochs*lines*12 || a.Words != total-before {
		t.Errorf("%d words are applied, %d of them by the second sidecar; want each of %d once, %d before", total, a.Words, 2*epochs*lines*12, before)
	}
	vocabulary, syn0, _ := ps.words(t, id)
	if s := separation(vocabulary, syn0); !(s > 0.5) {
		t.Errorf("cosines within topics exceed those between them by %.2f only", s)
	}
}

func TestAnotherOrderOfTheRecordsIsSaidWithItsFix(t *testing.T) {
	ps, first, next := startServer(t, "--lease", "2s"), startSidecar(t), startSidecar(t)
	const lines = 140_000 // an epoch of several slices, so that the first sidecar dies in the midst of it
	id := ps.openWords(t, 1, map[string]any{"epochs": 2, "vector_size": 2000})
	if _, err := first.ingest(t, ps, id, 0, 1, topics(lines, 1)); err != nil {
		t.Fatal(err)
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	stream, err := first.stream(t, ps, "train", id, nil)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ps.applied(t) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	first.Process.Kill()
	stream.Close()
	<-first.done
	if words := ps.applied(t); words == 0 || words >= lines*12 {
		t.Fatalf("%d words of an epoch of %d were applied: the test tests nothing", words, lines*12)
	}
	time.Sleep(3 * time.Second) // its lease
	ask[map[string]any](t, ps, "reopen", map[string]any{"training_id": id, "partitions": []int{0}}, nil)
	other := topics(lines, 1)
	slices.Reverse(other)
	if _, err := next.ingest(t, ps, id, 0, 2, other); err != nil {
		t.Fatal(err)
	}
	if stream, err = next.stream(t, ps, "train", id, nil); err != nil {
		t.Fatal(err)
	}
	if err := endOf(t, stream, 20*time.Second); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "order") {
		t.Errorf("got %s %v", frame.CodeOf(err), err)
	}
}

func TestSpoolsOfAKilledSidecarAreRemovedByTheNext(t *testing.T) {
	ps, s, _, _ := endless(t)
	s.Process.Kill()
	<-s.done
	if left, _ := filepath.Glob(filepath.Join(s.spool, "deepdist-spool-*")); len(left) != 1 {
		t.Fatalf("a killed sidecar leaves %v; the test tests nothing", left)
	}
	next := startSidecar(t)
	next.spool = s.spool
	id := ps.openWords(t, 1, nil)
	if _, err := next.ingest(t, ps, id, 0, 1, topics(10, 1)); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.spool, "deepdist-spool-*")); len(left) != 1 {
		t.Errorf("%v, want the new sidecar's own only", left)
	}
}

func TestAPartitionWhoseSpoolIsDamagedIsMissingUntilItIsIngestedAgain(t *testing.T) {
	const lines, epochs = 500, 3
	for name, damage := range map[string]func(dir string) error{
		"records that end early": func(dir string) error { return os.Truncate(filepath.Join(dir, "records"), 5000) },
		"a dictionary of others": func(dir string) error { return os.WriteFile(filepath.Join(dir, "words"), []byte("\x03abc"), 0o600) },
		"no files any more":      os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			ps, s := startServer(t), startSidecar(t)
			id := ps.openWords(t, 3, map[string]any{"epochs": epochs})
			for p := range 3 {
				if _, err := s.ingest(t, ps, id, p, int64(p), topics(lines, uint64(p))); err != nil {
					t.Fatal(err)
				}
			}
			ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
			dirs, _ := filepath.Glob(filepath.Join(s.spool, "*", "training-*", "partition-1-*"))
			if len(dirs) != 1 {
				t.Fatalf("spools of partition 1: %v", dirs)
			}
			if err := damage(dirs[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := s.train(t, ps, id); err != nil {
				t.Fatalf("the other partitions: %v", err)
			}
			if missing := ps.waitForMissing(t, id); !slices.Equal(missing, []uint32{1}) {
				t.Fatalf("missing: %v, want partition 1 alone", missing)
			}
			if before := ps.applied(t); before < 2*epochs*lines*12 {
				t.Errorf("%d words are in the model: the other partitions have waited", before)
			}
			ask[map[string]any](t, ps, "reopen", map[string]any{"training_id": id, "partitions": []int{1}}, nil)
			if a, err := s.ingest(t, ps, id, 1, 10, topics(lines, 1)); err != nil || !a.Accepted {
				t.Fatalf("ingest again: %+v, %v", a, err)
			}
			if _, err := s.train(t, ps, id); err != nil {
				t.Fatal(err)
			}
			if total := ps.applied(t); total != 3*epochs*lines*12 {
				t.Errorf("%d words are in the model, want each of %d once", total, 3*epochs*lines*12)
			}
		})
	}
}

func TestATaskThatLeavesDoesNotEndTheOthersTraining(t *testing.T) {
	ps, s, id, first := endless(t)
	second := trainingStream(t, ps, s, id)
	first.Close()
	before := words(t, second)
	for range 100 {
		if words(t, second) > before {
			return
		}
	}
	t.Error("the other task's training stands still")
}

func TestTrainingGoesOnWhenATaskComesAfterTheLastOneLeft(t *testing.T) {
	ps, s, id, first := endless(t)
	first.Close()
	second := trainingStream(t, ps, s, id)
	before := words(t, second)
	for range 100 {
		if words(t, second) > before {
			return
		}
	}
	t.Error("training stands still")
}

func words(t *testing.T, stream *frame.Conn) uint64 {
	t.Helper()
	var event struct {
		Words uint64 `json:"words"`
	}
	if _, err := stream.ReadJSON(frame.Event, &event); err != nil {
		t.Fatal(err)
	}
	return event.Words
}

func TestAClosedTrainingEndsItsTasks(t *testing.T) {
	ps, s, id, stream := endless(t)
	ask[map[string]any](t, ps, "close_training", map[string]any{"training_id": id, "reason": "the driver has seen enough"}, nil)
	if err := endOf(t, stream, 10*time.Second); frame.CodeOf(err) != frame.Stopped {
		t.Errorf("got %s %v, want stopped", frame.CodeOf(err), err)
	}
	again := ps.openWords(t, 1, map[string]any{"epochs": 1})
	if _, err := s.ingest(t, ps, again, 0, 2, topics(100, 2)); err != nil {
		t.Errorf("the next training of the session: %v", err)
	}
}

func TestTheEndOfASessionRemovesItsSpools(t *testing.T) {
	ps, s, _, stream := endless(t)
	c, err := s.stream(t, ps, "end", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if left, _ := filepath.Glob(filepath.Join(s.spool, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := endOf(t, stream, 5*time.Second); frame.CodeOf(err) != frame.Stopped {
		t.Errorf("got %s %v, want stopped", frame.CodeOf(err), err)
	}
}

func TestAStreamWithoutItsEndLeavesNothing(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openWords(t, 1, nil)
	c, err := s.stream(t, ps, "ingest", id, map[string]any{"partition": 0, "attempt": 1, "layout": "utf8"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(frame.Batch, message(t, topics(10, 1)), 10, -1); err != nil {
		t.Fatal(err)
	}
	c.Close()
	partition := filepath.Join(s.spool, "*", "training-*", "*")
	left, _ := filepath.Glob(partition)
	for deadline := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(deadline); left, _ = filepath.Glob(partition) {
		time.Sleep(5 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if a, err := s.ingest(t, ps, id, 0, 2, topics(10, 1)); err != nil || !a.Accepted {
		t.Errorf("the next attempt: %+v, %v", a, err)
	}
}

func TestBadStreamsAreRefusedAndTheSidecarLives(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openWords(t, 1, nil)
	for name, c := range map[string]struct {
		do   func(c *frame.Conn)
		code frame.Code
		says string
	}{
		"rows that don't add up":   {func(c *frame.Conn) { c.WriteJSON(frame.End, map[string]int{"rows": 3}) }, frame.Lost, "3 rows"},
		"not Arrow":                {func(c *frame.Conn) { c.Write(frame.Batch, []byte("no arrow"), 1, -1) }, frame.Protocol, "IPC"},
		"invalid UTF-8":            {func(c *frame.Conn) { c.Write(frame.Batch, message(t, []string{"good", "b\xffd"}), 2, -1) }, frame.BadInput, "partition 0: row 1 "},
		"more pieces than rows":    {func(c *frame.Conn) { c.WriteJSON(frame.End, map[string]int{"cut_rows": 1, "extra_rows": 1}) }, frame.Protocol, "extra_rows"},
		"a call in between":        {func(c *frame.Conn) { c.WriteJSON(frame.Call, map[string]string{"op": "pull"}) }, frame.Protocol, "CALL"},
		"another number of rows":   {func(c *frame.Conn) { c.Write(frame.Batch, message(t, []string{"a"}), 2, -1) }, frame.Protocol, "announces 2"},
		"batches that are missing": {func(c *frame.Conn) { c.WriteJSON(frame.End, map[string]int{"batches": 1}) }, frame.Lost, "1 batches"},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := s.stream(t, ps, "ingest", id, map[string]any{"partition": 0, "attempt": 1, "layout": "utf8"})
			if err != nil {
				t.Fatal(err)
			}
			c.do(stream)
			if err := endOf(t, stream, 10*time.Second); frame.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s %v, want %s with %q", frame.CodeOf(err), err, c.code, c.says)
			}
		})
	}
	if a, err := s.ingest(t, ps, id, 0, 2, topics(10, 1)); err != nil || !a.Accepted {
		t.Errorf("after all that: %+v, %v", a, err)
	}
}

func TestAWrongTokenIsDenied(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openWords(t, 1, nil)
	good := ps.hello.Token
	ps.hello.Token = strings.Repeat("0", len(good))
	if _, err := s.stream(t, ps, "ingest", id, map[string]any{"layout": "utf8"}); frame.CodeOf(err) != frame.Denied {
		t.Errorf("before the session is known: %v, want denied", err)
	}
	ps.hello.Token = good
	if _, err := s.stream(t, ps, "ingest", id, map[string]any{"layout": "utf8"}); err != nil {
		t.Fatal(err)
	}
	ps.hello.Token = strings.Repeat("0", len(good))
	for _, op := range []string{"ingest", "train", "gradient", "end"} {
		if _, err := s.stream(t, ps, op, id, map[string]any{"layout": "utf8"}); frame.CodeOf(err) != frame.Denied {
			t.Errorf("%s: %v, want denied", op, err)
		}
	}
	if log := s.log.String(); strings.Contains(log, good) {
		t.Error("the token is in the log")
	}
}

func TestASecondSidecarOfOneDirectoryEndsAndSaysThatOneMayTryAgain(t *testing.T) {
	s := startSidecar(t)
	second := exec.Command(filepath.Join(binaries, "deepdist-sidecar"), "--dir", s.dir)
	if out, err := second.CombinedOutput(); second.ProcessState.ExitCode() != 75 || !bytes.Contains(out, []byte("already")) {
		t.Errorf("%v\n%s", err, out)
	}
	c, err := frame.Dial(filepath.Join(s.dir, "s"))
	if err != nil {
		t.Fatalf("the first one is gone: %v", err)
	}
	c.Close()
}

func TestTheSidecarEndsWithItsJVM(t *testing.T) {
	jvm := exec.Command("sleep", "1000")
	if err := jvm.Start(); err != nil {
		t.Fatal(err)
	}
	s := startSidecar(t, "--jvm-pid", fmt.Sprint(jvm.Process.Pid))
	jvm.Process.Kill()
	jvm.Wait()
	s.ended(t, 10*time.Second)
	if _, err := os.Stat(filepath.Join(s.dir, "s")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its socket is left: %v", err)
	}
}

func TestTheSidecarEndsWhenNobodyNeedsIt(t *testing.T) {
	s := startSidecar(t, "--idle-seconds", "1")
	s.ended(t, 15*time.Second)
}

func TestASignalEndsTheSidecarInOrder(t *testing.T) {
	_, s, _, stream := endless(t)
	s.terminate()
	// Lost, not stopped: the session goes on, and another sidecar may do the work.
	if err := endOf(t, stream, 10*time.Second); frame.CodeOf(err) != frame.Lost {
		t.Errorf("got %s %v, want lost", frame.CodeOf(err), err)
	}
	s.ended(t, 10*time.Second)
	if code := s.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if left, _ := filepath.Glob(filepath.Join(s.spool, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestASessionsSpoolsKeepToItsCap(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	s.spoolMaxBytes = 100
	id := ps.openWords(t, 1, nil)
	_, err := s.ingest(t, ps, id, 0, 1, topics(1000, 1))
	if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "100 bytes that spool_max_bytes (spark.deepdist.spoolMaxBytes) allows") {
		t.Errorf("got %s %v", frame.CodeOf(err), err)
	}
	other := startServer(t)
	s.spoolMaxBytes = 0
	if _, err := s.ingest(t, other, other.openWords(t, 1, nil), 0, 1, topics(1000, 1)); err != nil {
		t.Errorf("the cap of one session holds for another: %v", err)
	}
}
