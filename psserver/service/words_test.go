package service_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"deepdist/internal/version"
	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// opened is a word2vec training of two partitions with the words a (6), b (4), c (1).
func opened(t *testing.T, config session.Config) (*server, uint32) {
	t.Helper()
	s := serve(t, config)
	id, err := s.OpenWords(session.OpenWords{Partitions: 2, Settings: settings(), MinCount: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s, id
}

func settle(t *testing.T, s *server, id uint32) session.Settlement {
	t.Helper()
	settlement, err := s.SettleVocabulary(id)
	if err != nil {
		t.Fatal(err)
	}
	return settlement
}

var (
	first  = map[string]uint64{"b": 3, "a": 4}
	second = map[string]uint64{"a": 2, "b": 1, "c": 1}
)

func TestAWordTrainingGoesFromJoinToVectors(t *testing.T) {
	s, id := opened(t, session.Config{})
	w := s.join(t)
	if !w.commit(id, 0, first) || !w.commit(id, 0, first) {
		t.Fatal("a commit whose answer was lost must be accepted when it is repeated")
	}
	w.attempt = 7
	if w.commit(id, 0, first) {
		t.Fatal("of two attempts the first one must win")
	}
	if status, _ := s.IngestStatus(id); status.Committed != 1 || len(status.Missing) != 1 || status.Missing[0] != 1 {
		t.Fatalf("ingest status %+v", status)
	}
	if _, err := s.SettleVocabulary(id); err == nil {
		t.Fatal("settled without partition 1")
	}
	w.commit(id, 1, second)
	if v := settle(t, s, id); v.Size != 2 || v.Words != 10 || v.Dropped != 1 || v.Distinct != 3 || v.Bytes == 0 {
		t.Fatalf("settlement %+v", v)
	}

	stream, err := w.api.Vocabulary(w.ctx, &pb.VocabularyRequest{WorkerId: w.id, TrainingId: id})
	if err != nil {
		t.Fatal(err)
	}
	v, err := stream.Recv()
	if err != nil || string(v.Counts.Words) != "ab" || v.Counts.Counts[0] != 6 || v.TotalWords != 10 || v.Size != 2 || v.Settings.VectorSize != 4 || v.Settings.Epochs != 2 {
		t.Fatalf("vocabulary %v, %v", v, err)
	}

	c := w.claim(id, 3, true)
	if len(c.Claims) != 3 || c.SliceWords != 10_010 || c.TotalWords != 20 || c.Exhausted {
		t.Fatalf("claim %v", c)
	}
	for i, want := range [][2]uint32{{0, 0}, {0, 1}, {1, 0}} {
		if c.Claims[i].Epoch != want[0] || c.Claims[i].Partition != want[1] || c.Claims[i].From != 0 {
			t.Errorf("claim %d is %v, not epoch %d, partition %d", i, c.Claims[i], want[0], want[1])
		}
	}

	got, err := w.pull(&pb.PullRequest{TrainingId: id, Rows: []*pb.PullRequest_Rows{{Tensor: "syn0", Keys: keys([]uint32{1})}, {Tensor: "syn1neg"}}})
	if err != nil {
		t.Fatal(err)
	}
	before := asFloats(got.values[0])
	if len(before) != 4 || len(got.values[1]) != 2*4*4 || before[0] == 0 {
		t.Fatalf("pulled %v", got.values)
	}
	again, _ := w.pull(&pb.PullRequest{TrainingId: id, IfNotVersion: got.header.Version})
	if !again.header.Unchanged || len(again.values) != 0 {
		t.Errorf("nothing was pushed, yet the version is another one: %v", again.header)
	}

	h := func(push string, e, p uint32, from, to uint64, last bool) *pb.PushRequest_Header {
		return &pb.PushRequest_Header{PushId: push, TrainingId: id, PulledVersion: got.header.Version, Loss: 2, LossPairs: 1, Alpha: .02,
			Cursors: []*pb.Cursor{{Epoch: e, Partition: p, From: from, To: to, Words: to - from, PrefixHash: from, Hash: to, Last: last}}}
	}
	answer := w.push(h("s1", 0, 0, 0, 7, true), sparse("syn0", 4, []uint32{1}, []float32{1, 2, 3, 4}))
	if answer.Outcome != pb.PushResponse_APPLIED || answer.Version != got.header.Version+1 {
		t.Fatalf("push: %v", answer)
	}
	got, _ = w.pull(&pb.PullRequest{TrainingId: id, Rows: []*pb.PullRequest_Rows{{Tensor: "syn0", Keys: keys([]uint32{1})}}})
	for i, x := range asFloats(got.values[0]) {
		if x != before[i]+float32(i+1) {
			t.Errorf("row is %v, was %v", asFloats(got.values[0]), before)
		}
	}
	if a := w.push(h("s1", 0, 0, 0, 7, true), sparse("syn0", 4, []uint32{1}, []float32{1, 2, 3, 4})); a.Outcome != pb.PushResponse_APPLIED || a.Version != answer.Version {
		t.Errorf("the same push again is %v: it must be told that it was applied, and change nothing", a)
	}
	if a := w.push(h("s2", 0, 0, 0, 5, false), sparse("syn0", 4, []uint32{1}, []float32{1, 2, 3, 4})); a.Outcome != pb.PushResponse_MOVED || len(a.Moved) != 1 || a.Moved[0].From != 7 {
		t.Errorf("a late push is %v", a)
	}
	two := h("s3", 0, 1, 0, 3, true)
	two.Cursors = append(two.Cursors, &pb.Cursor{Epoch: 0, Partition: 0, From: 3, To: 7})
	if a := w.push(two, sparse("syn0", 4, []uint32{1}, []float32{9, 9, 9, 9})); a.Outcome != pb.PushResponse_MOVED || len(a.Moved) != 1 {
		t.Errorf("a push with one cursor in place and one not is %v", a)
	}
	same, _ := w.pull(&pb.PullRequest{TrainingId: id, Rows: []*pb.PullRequest_Rows{{Tensor: "syn0", Keys: keys([]uint32{1})}}, IfNotVersion: got.header.Version})
	if !same.header.Unchanged {
		t.Error("a push that was not applied has changed the version")
	}

	w.push(h("s4", 0, 1, 0, 3, true))
	if f := s.Figures(); f.Epoch != 1 || len(f.EpochsDone) != 1 || f.EpochsDone[0].Words != 10 || f.Words != 10 || f.Moved != 2 {
		t.Errorf("figures %+v", f)
	}
	w.push(h("s5", 1, 0, 0, 7, true))
	w.push(h("s6", 1, 1, 0, 3, true))
	if c := w.claim(id, 5, true); !c.Exhausted || c.SliceWords != 0 || len(c.Claims) != 0 || c.AppliedWords != 20 {
		t.Errorf("after the end: %v", c)
	}
	if status, _ := s.TrainingStatus(id); !status.Done || len(status.Incomplete) != 0 {
		t.Errorf("status %+v", status)
	}
	if f := s.Figures(); f.Passes != 4 || f.OwnPasses != 4 {
		t.Errorf("%d of %d passes were its own", f.OwnPasses, f.Passes)
	}
	if near, err := s.MostSimilar("a", 5); err != nil || len(near) != 1 || near[0].Word != "b" {
		t.Errorf("nearest to a: %v, %v", near, err)
	}
	s.CloseTraining(id, "enough")
	if a := w.push(h("s7", 1, 1, 3, 3, true)); a.Outcome != pb.PushResponse_CLOSED {
		t.Errorf("push after the end: %v", a)
	}
	r, err := w.api.Report(w.ctx, &pb.ReportRequest{WorkerId: w.id})
	if err != nil || len(r.ClosedTrainings) != 1 || r.ClosedTrainings[0] != id || r.Stop != "" {
		t.Errorf("report: %v, %v", r, err)
	}
	s.Stop("the session ends")
	if r, err := w.api.Report(w.ctx, &pb.ReportRequest{WorkerId: w.id}); err != nil || r.Stop != "the session ends" {
		t.Errorf("report: %v, %v", r, err)
	}
}

func TestAPushThatIsWrongIsRefusedAsAWhole(t *testing.T) {
	s, id := opened(t, session.Config{})
	w := s.join(t)
	w.commit(id, 0, first)
	w.commit(id, 1, second)
	settle(t, s, id)
	before, _ := w.pull(&pb.PullRequest{TrainingId: id})
	nan, inf := float32(0), float32(0)
	nan /= nan
	inf = 1 / inf
	good := dense("syn0", []uint64{2, 4}, 1, 1, 1, 1, 1, 1, 1, 1)
	for name, deltas := range map[string][]delta{
		"not a number":      {good, dense("syn1neg", []uint64{2, 4}, 1, 1, 1, 1, 1, 1, 1, nan)},
		"infinite":          {sparse("syn0", 4, []uint32{1}, []float32{inf, 0, 0, 0})},
		"an unknown name":   {good, dense("syn2", []uint64{2, 4}, 1, 1, 1, 1, 1, 1, 1, 1)},
		"another shape":     {dense("syn0", []uint64{4, 2}, 1, 1, 1, 1, 1, 1, 1, 1)},
		"another row":       {sparse("syn0", 4, []uint32{2}, []float32{1, 1, 1, 1})},
		"a short row":       {sparse("syn0", 3, []uint32{1}, []float32{1, 1, 1})},
		"another dtype":     {{"syn0", "float64", []uint64{2, 2}, nil, floats([]float32{1, 1, 1, 1, 1, 1, 1, 1})}},
		"twice":             {sparse("syn0", 4, []uint32{0}, []float32{1, 1, 1, 1}), sparse("syn0", 4, []uint32{1}, []float32{1, 1, 1, 1})},
		"a key twice":       {sparse("syn0", 4, []uint32{1, 1}, []float32{1, 1, 1, 1, 1, 1, 1, 1})},
		"too few values":    {{"syn0", "float32", []uint64{2, 4}, nil, floats([]float32{1})}},
		"too many values":   {{"syn0", "float32", []uint64{1, 4}, []uint32{1}, floats([]float32{1, 1, 1, 1, 1})}},
		"more than a model": {{"syn0", "float32", []uint64{2, 4}, nil, make([]byte, 4096)}},
	} {
		a := w.push(&pb.PushRequest_Header{PushId: name, TrainingId: id, Cursors: []*pb.Cursor{{To: 1}}}, deltas...)
		if a.Outcome != pb.PushResponse_REFUSED || a.Reason == "" {
			t.Errorf("%s: %v", name, a)
		}
	}
	a := w.push(&pb.PushRequest_Header{PushId: "c", TrainingId: id, Cursors: []*pb.Cursor{{Epoch: 7, To: 1}}}, good)
	if a.Outcome != pb.PushResponse_REFUSED {
		t.Errorf("a cursor of epoch 7: %v", a)
	}
	after, _ := w.pull(&pb.PullRequest{TrainingId: id, IfNotVersion: before.header.Version})
	if !after.header.Unchanged || s.Figures().Refused != 13 {
		t.Errorf("the model changed, or a refusal was not counted: %+v", s.Figures())
	}
}

func TestAWorkerThatFallsSilentLosesItsClaimsAndItsPushesAreClosed(t *testing.T) {
	s, id := opened(t, session.Config{Lease: 50 * time.Millisecond})
	w := s.join(t)
	w.commit(id, 0, first)
	w.commit(id, 1, second)
	settle(t, s, id)
	w.claim(id, 9, true)
	for { // until the server has noticed; the test's own deadline ends a server that never does
		status, err := s.TrainingStatus(id)
		if err != nil {
			t.Fatal(err)
		}
		if status.Workers == 0 {
			if len(status.Missing) != 2 {
				t.Errorf("its spools are gone, yet %v are missing", status.Missing)
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
	a := w.push(&pb.PushRequest_Header{PushId: "late", TrainingId: id, Cursors: []*pb.Cursor{{To: 1}}})
	if a.Outcome != pb.PushResponse_CLOSED {
		t.Errorf("its push: %v", a)
	}
	if _, err := w.api.Claim(w.ctx, &pb.ClaimRequest{WorkerId: w.id, TrainingId: id}); status.Code(err) != codes.Aborted {
		t.Errorf("its claim: %v", err)
	}
}

func TestALostSpoolIsIngestedAgainAndTrainingGoesOnAtTheCursor(t *testing.T) {
	s, id := opened(t, session.Config{})
	a, b := s.join(t), s.join(t)
	a.commit(id, 0, first)
	b.commit(id, 1, second)
	settle(t, s, id)
	a.claim(id, 9, false)
	a.push(&pb.PushRequest_Header{PushId: "1", TrainingId: id, Cursors: []*pb.Cursor{{To: 5, Words: 5, Hash: 99}}})
	if _, err := a.api.Leave(a.ctx, &pb.LeaveRequest{WorkerId: a.id, Reason: "killed"}); err != nil {
		t.Fatal(err)
	}
	status, _ := s.TrainingStatus(id)
	if len(status.Missing) != 1 || status.Missing[0] != 0 {
		t.Fatalf("status %+v", status)
	}
	if b.commit(id, 0, first) {
		t.Fatal("a partition that nobody reopened was committed again")
	}
	if err := s.Reopen(id, status.Missing); err != nil {
		t.Fatal(err)
	}
	if _, err := b.tryCommit(id, 0, second); err == nil {
		t.Fatal("other counts were accepted the second time")
	}
	if !b.commit(id, 0, first) {
		t.Fatal("the partition was not taken again")
	}
	if v := settle(t, s, id); v.Words != 10 {
		t.Errorf("words were counted twice: %+v", v)
	}
	c := b.claim(id, 1, false)
	if len(c.Claims) != 1 || c.Claims[0].From != 5 || c.Claims[0].PrefixHash != 99 {
		t.Errorf("the new owner resumes at %v", c.Claims)
	}
	b.push(&pb.PushRequest_Header{PushId: "2", TrainingId: id, Cursors: []*pb.Cursor{{From: 5, PrefixHash: 99, To: 7, Words: 2, Hash: 9, Last: true}}})
	b.push(&pb.PushRequest_Header{PushId: "3", TrainingId: id, Cursors: []*pb.Cursor{{Partition: 1, To: 3, Words: 3, Hash: 9, Last: true}}})
	if f := s.Figures(); f.Passes != 2 || f.OwnPasses != 1 {
		t.Errorf("%d of %d passes were trained where they were ingested first", f.OwnPasses, f.Passes)
	}
}

func TestOnlyTheOwnerOfASpoolGivesItsPartitionUp(t *testing.T) {
	s, id := opened(t, session.Config{})
	owner, other := s.join(t), s.join(t)
	owner.commit(id, 0, first)
	owner.commit(id, 1, first)
	settle(t, s, id)
	owner.claim(id, 10, true)
	for _, step := range []struct {
		by      *peer
		missing int
	}{{other, 0}, {owner, 1}, {owner, 1}} {
		if _, err := step.by.api.Disown(step.by.ctx, &pb.DisownRequest{WorkerId: step.by.id, TrainingId: id, Partition: 1, Reason: "it is damaged"}); err != nil {
			t.Fatal(err)
		}
		if status, err := s.TrainingStatus(id); err != nil || len(status.Missing) != step.missing {
			t.Errorf("after worker %s gave it up: %v missing, %v; want %d", step.by.id, status.Missing, err, step.missing)
		}
	}
	if again := owner.claim(id, 10, true).Claims; len(again) > 0 {
		t.Errorf("it is given %v of a spool that it has given up", again)
	}
}

func TestAJoiningWorkerWaitsUntilLargerSlicesAreIn(t *testing.T) {
	s, id := opened(t, session.Config{})
	a, b := s.join(t), s.join(t)
	a.commit(id, 0, first)
	b.commit(id, 1, second)
	settle(t, s, id)
	if c := a.claim(id, 1, true); c.SliceWords != 10_010 {
		t.Fatalf("alone: %v", c)
	}
	if c := b.claim(id, 1, true); c.SliceWords != 0 || len(c.Claims) != 1 {
		t.Fatalf("with 10,010 in flight: %v", c)
	}
	answer := make(chan *pb.ClaimResponse)
	go func() {
		r, _ := b.api.Claim(b.ctx, &pb.ClaimRequest{WorkerId: b.id, TrainingId: id, Slice: true, WaitMs: 60_000})
		answer <- r
	}()
	a.push(&pb.PushRequest_Header{PushId: "1", TrainingId: id, Cursors: []*pb.Cursor{{To: 5, Words: 5}}})
	if c := <-answer; c.GetSliceWords() != 4000 {
		t.Errorf("after it: %v", c)
	}
	if c := a.claim(id, 0, true); c.SliceWords != 4000 {
		t.Errorf("the other one: %v", c)
	}
}

func TestVersionsOfTheProtocolAndSessionsMustAgree(t *testing.T) {
	s := serve(t, session.Config{})
	api := s.dial(t)
	p := s.join(t)
	for _, protocol := range []uint32{version.Protocol, 99} {
		_, err := api.Join(p.ctx, &pb.JoinRequest{Protocol: protocol, Build: "9.9", SessionId: s.ID})
		if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "9.9") || !strings.Contains(err.Error(), version.Build) {
			t.Errorf("protocol %d: %v", protocol, err)
		}
	}
	if _, err := api.Join(p.ctx, &pb.JoinRequest{Protocol: 1, Build: version.Build, SessionId: "other"}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("another session: %v", err)
	}
	if _, err := api.Report(p.ctx, &pb.ReportRequest{WorkerId: "w99"}); status.Code(err) != codes.Aborted {
		t.Errorf("an unknown worker: %v", err)
	}
	if _, err := p.pull(&pb.PullRequest{TrainingId: 5}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown training: %v", err)
	}
}
