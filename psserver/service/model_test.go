package service_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// gradientOf is the header of a gradient of one partition that ends it.
func gradientOf(id, partition uint32, version uint64) *pb.PushRequest_Header {
	return &pb.PushRequest_Header{PushId: string(rune('a' + partition)), TrainingId: id, PulledVersion: version,
		Cursors: []*pb.Cursor{{Partition: partition, To: 10, Last: true}}}
}

func openModel(t *testing.T, s *server, o session.OpenModel) uint32 {
	t.Helper()
	id, err := s.OpenModel(o)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestARuleInTheServerDescendsOnTheDriversMapping(t *testing.T) {
	s := serve(t, session.Config{})
	w := s.share(t, "w", "float32", []int64{2, 2}, floats([]float32{1, 2, 3, 4}))
	s.share(t, "ids", "int64", []int64{1}, make([]byte, 8))
	id := openModel(t, s, session.OpenModel{Partitions: 3, Rule: json.RawMessage(`{"rule":"sgd","learning_rate":0.5}`), Numbers: map[string]float64{"n": 1}})
	p := s.join(t)
	v, err := p.pull(&pb.PullRequest{TrainingId: id})
	if err != nil || len(v.header.Tensors) != 2 || v.header.Tensors[0].Name != "w" || string(v.header.Numbers) != `{"n":1}` {
		t.Fatalf("pulled %v, %v", v.header, err)
	}
	h := gradientOf(id, 0, v.header.Version)
	h.Numbers = []byte(`{"n": 5}`)
	if a := p.push(h, dense("w", []uint64{2, 2}, 2, 2, 2, 2)); a.Outcome != pb.PushResponse_APPLIED {
		t.Fatal(a)
	}
	if a := p.push(gradientOf(id, 1, v.header.Version), sparse("w", 2, []uint32{1}, []float32{2, 4})); a.Outcome != pb.PushResponse_APPLIED {
		t.Fatal(a)
	}
	if got := asFloats(w); got[0] != 0 || got[1] != 1 || got[2] != 1 || got[3] != 1 {
		t.Errorf("the driver sees %v", got)
	}
	if old := asFloats(v.values[0]); old[0] != 1 {
		t.Error("the version that was pulled has changed")
	}
	v, _ = p.pull(&pb.PullRequest{TrainingId: id})
	if string(v.header.Numbers) != `{"n":6}` || asFloats(v.values[0])[3] != 1 {
		t.Errorf("the next version: %v %v", v.header, asFloats(v.values[0]))
	}
	for reason, d := range map[string]delta{
		"descends on": {"ids", "int64", []uint64{1}, nil, make([]byte, 8)},
		"partition 2": dense("x", []uint64{1}, 1),
		"float32":     {"w", "float64", []uint64{2, 1}, nil, make([]byte, 16)},
	} {
		if a := p.push(gradientOf(id, 2, 0), d); a.Outcome != pb.PushResponse_REFUSED || !strings.Contains(a.Reason, reason) {
			t.Errorf("%s: %v", reason, a)
		}
	}
	h = gradientOf(id, 2, 0)
	h.Numbers = []byte(`{"unknown": 5}`)
	if a := p.push(h); a.Outcome != pb.PushResponse_REFUSED {
		t.Errorf("an unknown number: %v", a)
	}
	if a := p.push(gradientOf(id, 2, 0)); a.Outcome != pb.PushResponse_APPLIED { // nothing but the cursor
		t.Error(a)
	}
	if status, _ := s.TrainingStatus(id); !status.Done {
		t.Errorf("status %+v", status)
	}
}

func TestAGradientByWhichARuleWouldReachInfinityIsRefusedAsAWhole(t *testing.T) {
	s := serve(t, session.Config{})
	a := s.share(t, "a", "float32", []int64{1}, floats([]float32{1}))
	b := s.share(t, "b", "float32", []int64{1}, floats([]float32{-3e38}))
	id := openModel(t, s, session.OpenModel{Partitions: 3, Rule: json.RawMessage(`{"rule":"sgd","learning_rate":1}`), Numbers: map[string]float64{"n": 1}})
	p := s.join(t)
	h := gradientOf(id, 2, 0)
	h.Numbers = []byte(`{"n": 5}`)
	got := p.push(h, dense("a", []uint64{1}, 1), dense("b", []uint64{1}, 3e38))
	if got.Outcome != pb.PushResponse_REFUSED || !strings.Contains(got.Reason, "partition 2") || !strings.Contains(got.Reason, `"b" would become -Inf`) {
		t.Error(got)
	}
	if asFloats(a)[0] != 1 || asFloats(b)[0] != -3e38 {
		t.Errorf("refused, but the model is %v %v", asFloats(a), asFloats(b))
	}
	if v, err := p.pull(&pb.PullRequest{TrainingId: id}); err != nil || string(v.header.Numbers) != `{"n":1}` {
		t.Errorf("the numbers are %s, %v", v.header.Numbers, err)
	}
	if got := p.push(gradientOf(id, 2, 0), dense("a", []uint64{1}, 1)); got.Outcome != pb.PushResponse_APPLIED || asFloats(a)[0] != 0 {
		t.Errorf("the next gradient: %v", got)
	}
}

func TestACallableDescentGetsOneUpdateAtATime(t *testing.T) {
	s := serve(t, session.Config{})
	w := s.share(t, "w", "float32", []int64{2}, floats([]float32{1, 1}))
	id := openModel(t, s, session.OpenModel{Partitions: 2})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	none, stop := context.WithTimeout(ctx, time.Millisecond)
	defer stop()
	if u, err := s.NextUpdate(none, id); err != nil || u.ID != 0 {
		t.Fatalf("an update out of nothing: %v, %v", u, err)
	}
	answers := make(chan *pb.PushResponse, 2)
	for i := range uint32(2) {
		p := s.join(t)
		go func() {
			a, _ := p.tryPush(gradientOf(id, i, 1), dense("w", []uint64{2}, 1, 2))
			answers <- a
		}()
	}
	u, err := s.NextUpdate(ctx, id)
	if err != nil || u.ID == 0 || u.Tensors[0].Float32s()[1] != 2 {
		t.Fatalf("update %+v, %v", u, err)
	}
	if other, _ := s.NextUpdate(none, id); other.ID != 0 {
		t.Fatal("a second update while one is out")
	}
	p := s.join(t)
	before, _ := p.pull(&pb.PullRequest{TrainingId: id})
	copy(w, floats([]float32{7, 7})) // the driver works on its mapping
	during, _ := p.pull(&pb.PullRequest{TrainingId: id})
	if asFloats(during.values[0])[0] != 1 || during.header.Version != before.header.Version {
		t.Error("a half-applied update was served")
	}
	version, err := s.UpdateApplied(u.ID, map[string]float64{"seen": 1})
	if err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.GetOutcome() != pb.PushResponse_APPLIED || a.Version != version {
		t.Errorf("the push was answered %v", a)
	}
	after, _ := p.pull(&pb.PullRequest{TrainingId: id})
	if asFloats(after.values[0])[0] != 7 || after.header.Version != version || string(after.header.Numbers) != `{"seen":1}` {
		t.Errorf("the next version: %v", after.header)
	}

	u, err = s.NextUpdate(ctx, id)
	if err != nil || u.ID == 0 {
		t.Fatal(u, err)
	}
	copy(w, floats([]float32{99, 99}))
	if err := s.UpdateFailed(u.ID, "ZeroDivisionError"); err != nil {
		t.Fatal(err)
	}
	if got := asFloats(w); got[0] != 7 {
		t.Errorf("the mapping holds %v, not the state before the update that failed", got)
	}
	if a := <-answers; a.GetOutcome() != pb.PushResponse_CLOSED {
		t.Errorf("the push was answered %v", a)
	}
	if f := s.Figures(); f.Phase != "failed" || !strings.Contains(f.Error, "ZeroDivisionError") {
		t.Errorf("figures %+v", f)
	}
}

func TestAGenerationIsServedUntilItsUpdatesAreIn(t *testing.T) {
	s := serve(t, session.Config{})
	s.share(t, "w", "float32", []int64{1}, floats([]float32{0}))
	id := openModel(t, s, session.OpenModel{Partitions: 9, MinUpdates: 2, Rule: json.RawMessage(`{"rule":"sgd"}`)})
	p := s.join(t)
	versions := []uint64{}
	for i := range uint32(5) {
		v, err := p.pull(&pb.PullRequest{TrainingId: id})
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, v.header.Version)
		p.push(gradientOf(id, i, v.header.Version), dense("w", []uint64{1}, 1))
	}
	if versions[0] != versions[1] || versions[1] == versions[2] || versions[2] != versions[3] || versions[3] == versions[4] {
		t.Errorf("versions %v: every second update must make a new one", versions)
	}
}

func TestAVersionIsServedAtMostSoOftenAndNobodyWaitsForTheDead(t *testing.T) {
	s := serve(t, session.Config{})
	s.share(t, "w", "float32", []int64{1}, floats([]float32{0}))
	id := openModel(t, s, session.OpenModel{Partitions: 9, MinUpdates: 3, MaxUpdates: 2, Rule: json.RawMessage(`{"rule":"sgd"}`)})
	a, b, c := s.join(t), s.join(t), s.join(t)
	va, _ := a.pull(&pb.PullRequest{TrainingId: id})
	b.pull(&pb.PullRequest{TrainingId: id})
	third := make(chan uint64)
	pull := func() {
		v, err := c.pull(&pb.PullRequest{TrainingId: id})
		if err != nil {
			t.Error(err)
		}
		third <- v.header.GetVersion()
	}
	go pull()
	select {
	case v := <-third:
		t.Fatalf("version %d was served three times", v)
	case <-time.After(20 * time.Millisecond): // it may only ever come too late, never too early
	}
	a.push(gradientOf(id, 0, va.header.Version), dense("w", []uint64{1}, 1)) // 1 of 3 updates, and b may still push
	b.api.Leave(b.ctx, &pb.LeaveRequest{WorkerId: b.id})                     // no: now nobody can, and the generation ends early
	if v := <-third; v <= va.header.Version {
		t.Errorf("version %d after %d", v, va.header.Version)
	}

	v, _ := a.pull(&pb.PullRequest{TrainingId: id})
	go pull()
	c.push(&pb.PushRequest_Header{TrainingId: id, PulledVersion: v.header.Version}) // c's task died without a gradient: its pull is given back
	a.push(&pb.PushRequest_Header{TrainingId: id, PulledVersion: v.header.Version}) // so did a's
	if again := <-third; again != v.header.Version {
		t.Errorf("without an update the version served can't change, but it went from %d to %d", v.header.Version, again)
	}
}

func TestAModelTooLargeForTheMemoryIsRefusedWithTheEstimate(t *testing.T) {
	s := serve(t, session.Config{Available: func() (uint64, error) { return 1000, nil }})
	s.share(t, "w", "float32", []int64{300}, make([]byte, 1200))
	if _, err := s.OpenModel(session.OpenModel{Partitions: 1}); err == nil || !strings.Contains(err.Error(), "more memory") {
		t.Errorf("model: %v", err)
	}
	id, err := s.OpenWords(session.OpenWords{Partitions: 1, Settings: settings()})
	if err != nil {
		t.Fatal(err)
	}
	p := s.join(t)
	counts := map[string]uint64{}
	for _, w := range strings.Split("a b c d e f g h i j k l m n o p", " ") {
		counts[w] = 1
	}
	p.commit(id, 0, counts)
	if _, err := s.SettleVocabulary(id); err == nil || !strings.Contains(err.Error(), "min_count") {
		t.Errorf("words: %v", err)
	}
}
