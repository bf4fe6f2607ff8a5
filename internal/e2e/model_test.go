package e2e

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
)

// openModel defines one tensor w of four float32 zeros, shared as the driver shares it, and opens a training with plain SGD at rate 1.
func (s *server) openModel(t *testing.T, partitions int, fields map[string]any) uint32 {
	t.Helper()
	fd, err := unix.MemfdCreate("w", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "w")
	defer file.Close()
	if err := file.Truncate(64); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		t.Fatal(err)
	}
	ask[map[string]any](t, s, "define_tensor", map[string]any{"name": "w", "dtype": "float32", "shape": []int{4}}, file)
	open := map[string]any{"kind": "model", "partitions": partitions, "descent": map[string]any{"rule": "sgd", "learning_rate": 1.0}, "numbers": map[string]float64{}}
	for k, v := range fields {
		open[k] = v
	}
	o, _ := ask[opened](t, s, "open_training", open, nil)
	return o.TrainingID
}

// task is a gradient stream, as a task of any model's training has it.
type task struct {
	*testing.T
	*frame.Conn
}

func (s *sidecar) gradient(t *testing.T, ps *server, id uint32, partition int) task {
	t.Helper()
	c, err := s.stream(t, ps, "gradient", id, map[string]any{"partition": partition, "attempt": 1})
	if err != nil {
		t.Fatal(err)
	}
	return task{t, c}
}

func (t task) cursor() (records uint64, last bool) {
	t.Helper()
	var a struct {
		Records uint64 `json:"records"`
		Last    bool   `json:"last"`
	}
	if _, err := t.Call(map[string]string{"op": "cursor"}, nil, &a); err != nil {
		t.Fatal(err)
	}
	return a.Records, a.Last
}

// pull returns the version's number, the values of w, and the memfd.
func (t task) pull() (version uint64, w []float32, file *os.File) {
	t.Helper()
	var a struct {
		Version uint64 `json:"version"`
		bundle.Header
	}
	file, err := t.Call(map[string]string{"op": "pull"}, nil, &a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	m, err := bundle.Map(file, a.Header)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return a.Version, tensor(t, m, "w").Float32s(), file
}

func (t task) push(from, to uint64, last bool, w []float32) (outcome string, err error) {
	t.Helper()
	call := map[string]any{"op": "push", "from": from, "to": to, "last": last}
	var file *os.File
	if w != nil {
		f, h, err := bundle.Write([]bundle.Tensor{{Name: "w", DType: "float32", Shape: []int{len(w)}, Data: bundle.Bytes(w)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		file = f
		call["tensors"], call["bytes"] = h.Tensors, h.Bytes
	}
	var a struct {
		Outcome string `json:"outcome"`
	}
	_, err = t.Call(call, file, &a)
	return a.Outcome, err
}

func TestGradientsAreAppliedOnceAndSeenByTheNextPull(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openModel(t, 2, nil)
	first := s.gradient(t, ps, id, 0)
	if records, last := first.cursor(); records != 0 || last {
		t.Fatalf("a new partition's cursor stands at %d, %v", records, last)
	}
	v1, before, _ := first.pull()
	if outcome, err := first.push(0, 10, false, []float32{1, 2, 3, 4}); err != nil || outcome != "applied" {
		t.Fatalf("%s, %v", outcome, err)
	}
	if outcome, err := first.push(0, 10, false, []float32{1, 2, 3, 4}); err != nil || outcome != "moved" {
		t.Fatalf("the same records again: %s, %v; want moved", outcome, err)
	}
	v2, after, _ := first.pull()
	if v2 <= v1 || before[3] != 0 || (after[3] != -4 && after[3] != 4) {
		t.Errorf("version %d has %v, version %d has %v", v1, before, v2, after)
	}
	if outcome, err := first.push(10, 12, true, nil); err != nil || outcome != "applied" {
		t.Fatalf("%s, %v", outcome, err)
	}
	again := s.gradient(t, ps, id, 0)
	if records, last := again.cursor(); records != 12 || !last {
		t.Errorf("a retried task finds its cursor at %d, %v; want 12, all", records, last)
	}
}

func TestTasksShareOneSealedVersion(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openModel(t, 2, nil)
	inodes := map[uint64]bool{}
	for p := range 2 {
		_, _, file := s.gradient(t, ps, id, p).pull()
		var stat unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
			t.Fatal(err)
		}
		inodes[stat.Ino] = true
		seals, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
		if err != nil || seals&unix.F_SEAL_WRITE == 0 {
			t.Errorf("seals %x, %v: not sealed against writing", seals, err)
		}
	}
	if len(inodes) != 1 {
		t.Errorf("two tasks got %d copies of one version", len(inodes))
	}
}

func TestABadGradientIsRefusedAsAWhole(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openModel(t, 1, nil)
	_, err := s.gradient(t, ps, id, 0).push(0, 5, false, []float32{1, 2, 3})
	if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "shape") {
		t.Errorf("another shape: %s %v", frame.CodeOf(err), err)
	}
	zero := float32(0)
	_, err = s.gradient(t, ps, id, 0).push(0, 5, false, []float32{1, 2, zero / zero, 4})
	if frame.CodeOf(err) != frame.BadInput {
		t.Errorf("NaN: %s %v", frame.CodeOf(err), err)
	}
	if records, _ := s.gradient(t, ps, id, 0).cursor(); records != 0 {
		t.Errorf("refused records count: %d", records)
	}
}

func TestATaskThatDiesGivesItsPullBack(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openModel(t, 3, map[string]any{"max_updates": 1})
	dead := s.gradient(t, ps, id, 0)
	dead.pull()
	dead.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.gradient(t, ps, id, 1).pull() // waits for the other one's push, or its end
	}()
	select {
	case <-done:
	case <-time.After(15 * time.Second): // much less than the lease
		t.Error("a task waits for one that is dead")
	}
}

func TestACallThatIsNoJSONIsAnsweredWithWhatIsWrong(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openModel(t, 1, nil)
	for name, write := range map[string]func(task) error{
		"no JSON":       func(c task) error { return c.Write(frame.Call, []byte("pull"), 0, -1) },
		"no call":       func(c task) error { return c.WriteJSON(frame.End, map[string]int{"rows": 1}) },
		"an unknown op": func(c task) error { return c.WriteJSON(frame.Call, map[string]string{"op": "guess"}) },
	} {
		c := s.gradient(t, ps, id, 0)
		if err := write(c); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Answer(nil); frame.CodeOf(err) != frame.Protocol {
			t.Errorf("%s: got %s %v, want an answer that says what is wrong", name, frame.CodeOf(err), err)
		}
	}
}

func TestManyTasksPushAtOnce(t *testing.T) {
	ps, s := startServer(t), startSidecar(t)
	id := ps.openModel(t, 8, nil)
	var group sync.WaitGroup
	for p := range 8 {
		group.Go(func() {
			c := s.gradient(t, ps, id, p)
			for i := range uint64(20) {
				c.pull()
				if outcome, err := c.push(i, i+1, i == 19, []float32{1, 0, 0, 0}); err != nil || outcome != "applied" {
					t.Errorf("%s, %v", outcome, err)
					return
				}
			}
		})
	}
	group.Wait()
	_, w, _ := s.gradient(t, ps, id, 0).pull()
	if w[0] != -160 && w[0] != 160 {
		t.Errorf("160 gradients of 1 add up to %v", w[0])
	}
}
