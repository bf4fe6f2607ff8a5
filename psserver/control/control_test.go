package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/internal/version"
	"deepdist/psserver/session"
	"deepdist/psserver/vocabulary"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// driver plays the Python side on a real socket.
type driver struct {
	*frame.Conn
	t       testing.TB
	session *session.Session
	path    string
}

func connect(t testing.TB) *driver {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := session.New(session.Config{Log: log})
	server, err := Listen(s, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	d := &driver{t: t, session: s, path: server.Path()}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Close()
		if _, err := os.Stat(filepath.Dir(d.path)); !os.IsNotExist(err) {
			t.Errorf("the socket's directory is left behind: %v", err)
		}
	})
	d.Conn = d.dial()
	if err := d.Greet(frame.NewGreeting(), nil); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *driver) dial() *frame.Conn {
	d.t.Helper()
	conn, err := frame.Dial(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	conn.JSONLimit = frame.MaxAnswer
	return conn
}

// ask is one call; the descriptor of the answer is dropped.
func (d *driver) ask(request map[string]any, answer any) error {
	file, err := d.Call(request, nil, answer)
	if file != nil {
		file.Close()
	}
	return err
}

func (d *driver) must(request map[string]any, answer any) {
	d.t.Helper()
	if err := d.ask(request, answer); err != nil {
		d.t.Fatalf("%v: %v", request["op"], err)
	}
}

func word2vec(partitions int) map[string]any {
	return map[string]any{"op": "open_training", "kind": "word2vec", "partitions": partitions, "min_count": 1, "settings": map[string]any{
		"vector_size": 2, "window": 5, "sg": true, "negative": 5, "sample": 0.001, "ns_exponent": 0.75, "alpha": 0.025, "min_alpha": 0.0001, "epochs": 1,
		"seed": 1, "shrink_windows": true}}
}

func TestADriverBringsAVocabularyWithVectorsAndGetsThemBack(t *testing.T) {
	d := connect(t)
	syn0 := []float32{1, 0, 1, 0.1, 0, 1}
	file, header, err := bundle.Write([]bundle.Tensor{
		{Name: "words", DType: "uint8", Shape: []int{4}, Data: []byte("abä")},
		{Name: "lengths", DType: "uint32", Shape: []int{3}, Data: bundle.Bytes([]uint32{1, 1, 2})},
		{Name: "counts", DType: "uint64", Shape: []int{3}, Data: bundle.Bytes([]uint64{5, 3, 2})},
		{Name: "syn0", DType: "float32", Shape: []int{3, 2}, Data: bundle.Bytes(syn0)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	request := word2vec(1)
	request["tensors"], request["bytes"] = header.Tensors, header.Bytes
	var opened struct {
		TrainingID uint32 `json:"training_id"`
	}
	if _, err := d.Call(request, file, &opened); err != nil {
		t.Fatal(err)
	}
	var ingest session.IngestStatus
	d.must(map[string]any{"op": "ingest_status", "training_id": opened.TrainingID}, &ingest)
	if len(ingest.Missing) != 1 {
		t.Errorf("ingest %+v", ingest)
	}
	worker, err := d.session.Join(session.Newcomer{Protocol: version.Protocol, Build: version.Build, SessionID: d.session.ID})
	if err != nil {
		t.Fatal(err)
	}
	counts := []vocabulary.Entry{{Word: "b", Count: 4}, {Word: "new", Count: 1}}
	if _, err := d.session.Commit(worker, opened.TrainingID, 0, vocabulary.Partition{Records: 1, Words: 5, Distinct: 2}, counts); err != nil {
		t.Fatal(err)
	}
	var settled session.Settlement
	d.must(map[string]any{"op": "settle_vocabulary", "training_id": opened.TrainingID}, &settled)
	if settled.Size != 3 || settled.Words != 4 || settled.Dropped != 1 {
		t.Errorf("settled %+v", settled)
	}

	var fetched bundle.Header
	got, err := d.Call(map[string]any{"op": "fetch", "training_id": opened.TrainingID}, nil, &fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	vectors, err := bundle.Map(got, fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer vectors.Close()
	for _, tensor := range vectors.Tensors {
		if tensor.Name == "syn0" && !bytes.Equal(tensor.Data, bundle.Bytes(syn0)) {
			t.Errorf("syn0 came back as %v", tensor.Float32s())
		}
	}
	got, err = d.Call(map[string]any{"op": "fetch_vocabulary", "training_id": opened.TrainingID}, nil, &fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	list, err := bundle.Map(got, fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	if entries, err := entriesOf(&list.Tensors[0], &list.Tensors[1], &list.Tensors[2]); err != nil || len(entries) != 3 || entries[2] != (vocabulary.Entry{Word: "ä", Count: 2}) {
		t.Errorf("vocabulary %v, %v", entries, err)
	}
	var near [][2]any
	d.must(map[string]any{"op": "most_similar", "word": "a", "topn": 1}, &near)
	if len(near) != 1 || near[0][0] != "b" {
		t.Errorf("nearest to a: %v", near)
	}
	d.must(map[string]any{"op": "most_similar", "vector": []float32{0, 2}, "topn": 1}, &near)
	if near[0][0] != "ä" || near[0][1].(float64) < 0.999 {
		t.Errorf("nearest to (0, 2): %v", near)
	}
	if err := d.ask(map[string]any{"op": "most_similar", "word": "nowhere"}, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("a word that is not there: %v", err)
	}
	next := word2vec(1)
	next["continue"] = true
	d.must(next, &opened)
	d.must(map[string]any{"op": "close_training", "training_id": opened.TrainingID, "reason": "enough"}, nil)
	if err := d.ask(map[string]any{"op": "ingest_status", "training_id": opened.TrainingID}, nil); frame.CodeOf(err) != frame.Stopped {
		t.Errorf("after the end: %v", err)
	}
}

func TestAModelsUpdatesReachTheDriverAndItsTensorsAreShared(t *testing.T) {
	d := connect(t)
	fd, err := unix.MemfdCreate("w", unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	memfd := os.NewFile(uintptr(fd), "w")
	defer memfd.Close()
	memfd.Truncate(8)
	define := map[string]any{"op": "define_tensor", "name": "w", "dtype": "float32", "shape": []int{2}}
	if _, err := d.Call(define, memfd, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("an unsealed memfd: %v", err)
	}
	unix.FcntlInt(memfd.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	if _, err := d.Call(define, memfd, nil); err != nil {
		t.Fatal(err)
	}
	var opened struct {
		TrainingID uint32 `json:"training_id"`
	}
	d.must(map[string]any{"op": "open_training", "kind": "model", "partitions": 1, "descent": "callable", "min_updates": 0, "max_updates": 0,
		"numbers": map[string]float64{"n": 1}}, &opened)
	worker, err := d.session.Join(session.Newcomer{Protocol: version.Protocol, Build: version.Build, SessionID: d.session.ID})
	if err != nil {
		t.Fatal(err)
	}
	pushed := make(chan session.Outcome, 1)
	go func() {
		p := &session.Push{ID: "1", WorkerID: worker, TrainingID: opened.TrainingID, Numbers: map[string]float64{"n": 2},
			Deltas: []bundle.Tensor{{Name: "w", DType: "float32", Shape: []int{1}, Keys: []uint32{1}, Data: bundle.Bytes([]float32{5})}}}
		p.Moves = append(p.Moves, moveTo(3))
		outcome, err := d.session.Push(context.Background(), p)
		if err != nil {
			t.Error(err)
		}
		pushed <- outcome
	}()
	var update struct {
		UpdateID  uint64 `json:"update_id"`
		Partition uint32 `json:"partition"`
		bundle.Header
	}
	got, err := d.Call(map[string]any{"op": "next_update", "training_id": opened.TrainingID, "wait_ms": 30_000}, nil, &update)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	m, err := bundle.Map(got, update.Header)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if update.UpdateID == 0 || m.Tensors[0].Keys[0] != 1 || m.Tensors[0].Float32s()[0] != 5 || m.Numbers["n"] != 2 {
		t.Errorf("update %+v", update)
	}
	memfd.WriteAt(bundle.Bytes([]float32{0, 5}), 0) // the driver's mapping is the same memory
	var applied struct{ Version uint64 }
	d.must(map[string]any{"op": "update_applied", "update_id": update.UpdateID, "numbers": map[string]float64{"n": 3}}, &applied)
	if o := <-pushed; o.Kind != session.Applied || o.Version != applied.Version {
		t.Errorf("outcome %+v", o)
	}
	if err := d.ask(map[string]any{"op": "update_failed", "update_id": update.UpdateID, "reason": "late"}, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("an update that is not out has failed: %v", err)
	}
	d.must(map[string]any{"op": "next_update", "training_id": opened.TrainingID, "wait_ms": 1}, &update)
	if update.UpdateID != 0 || update.Tensors == nil {
		t.Errorf("no update is %+v", update)
	}
	var status session.Status
	d.must(map[string]any{"op": "training_status", "training_id": opened.TrainingID}, &status)
	var figures struct {
		Phase   string
		Updates uint64
	}
	d.must(map[string]any{"op": "watch", "wait_ms": 0}, &figures)
	if !status.Done || figures.Phase != "done" || figures.Updates != 1 {
		t.Errorf("status %+v, figures %+v", status, figures)
	}
	rule := map[string]any{"op": "open_training", "kind": "model", "partitions": 1, "descent": map[string]any{"rule": "adam", "beta1": 0.8}}
	d.must(rule, &opened)
	rule["descent"] = map[string]any{"rule": "adam", "beta": 0.8}
	if err := d.ask(rule, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("an unknown parameter: %v", err)
	}
}

// inline is a second connection, whose bundles travel inline.
func (d *driver) inline() *driver {
	d.t.Helper()
	other := *d
	other.Conn = d.dial()
	hello := struct {
		frame.Greeting
		Bundles string `json:"bundles"`
	}{frame.NewGreeting(), "inline"}
	if err := other.Greet(hello, nil); err != nil {
		d.t.Fatal(err)
	}
	other.Inline(life.AvailableMemory)
	return &other
}

func TestADriverThatCannotPassDescriptorsTrainsTheSameModel(t *testing.T) {
	d := connect(t).inline()
	start := make([]float32, 600_000) // several chunks
	for i := range start {
		start[i] = float32(i)
	}
	file, header, err := bundle.Write([]bundle.Tensor{{Name: "w", DType: "float32", Shape: []int{300_000, 2}, Data: bundle.Bytes(start)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := d.Call(map[string]any{"op": "define_tensor", "name": "w", "dtype": "float32", "shape": []int{300_000, 2}, "bytes": header.Bytes}, file, nil); err != nil {
		t.Fatal(err)
	}
	open := map[string]any{"op": "open_training", "kind": "model", "partitions": 1, "numbers": map[string]float64{"n": 1}}
	for _, descent := range []any{"callable", nil, "sgd"} {
		open["descent"] = descent
		if err := d.ask(open, nil); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "named rule") {
			t.Errorf("descent %v: %v", descent, err)
		}
	}
	for _, op := range []string{"next_update", "update_applied", "update_failed"} {
		if err := d.ask(map[string]any{"op": op}, nil); frame.CodeOf(err) != frame.BadInput {
			t.Errorf("%s: %v", op, err)
		}
	}
	open["descent"] = map[string]any{"rule": "sgd", "learning_rate": 1}
	var opened struct {
		TrainingID uint32 `json:"training_id"`
	}
	d.must(open, &opened)
	worker, err := d.session.Join(session.Newcomer{Protocol: version.Protocol, Build: version.Build, SessionID: d.session.ID})
	if err != nil {
		t.Fatal(err)
	}
	push := &session.Push{ID: "1", WorkerID: worker, TrainingID: opened.TrainingID,
		Deltas: []bundle.Tensor{{Name: "w", DType: "float32", Shape: []int{1, 2}, Keys: []uint32{7}, Data: bundle.Bytes([]float32{1, 2})}}}
	push.Moves = append(push.Moves, moveTo(3))
	if _, err := d.session.Push(context.Background(), push); err != nil {
		t.Fatal(err)
	}
	var fetched bundle.Header
	got, err := d.Call(map[string]any{"op": "fetch", "training_id": opened.TrainingID}, nil, &fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	m, err := bundle.Map(got, fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	after := m.Tensors[0].Float32s()
	changed := 0
	for i := range start {
		if after[i] != start[i] {
			changed++
		}
	}
	if changed != 2 || after[14] == start[14] || after[15] == start[15] || m.Numbers["n"] != 1 {
		t.Errorf("%d numbers changed, those of row 7 to %v; numbers %v", changed, after[14:16], m.Numbers)
	}
}

func TestAnInlineVocabularyIsReadAsOneInAMemfd(t *testing.T) {
	d := connect(t).inline()
	file, header, err := bundle.Write([]bundle.Tensor{
		{Name: "words", DType: "uint8", Shape: []int{4}, Data: []byte("ab\xc3\xa4")},
		{Name: "lengths", DType: "uint32", Shape: []int{3}, Data: bundle.Bytes([]uint32{1, 1, 2})},
		{Name: "counts", DType: "uint64", Shape: []int{3}, Data: bundle.Bytes([]uint64{5, 3, 2})},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	request := word2vec(1)
	request["tensors"], request["bytes"] = header.Tensors, header.Bytes
	if _, err := d.Call(request, file, nil); err != nil {
		t.Fatal(err)
	}
	request["bytes"] = header.Bytes - bundle.Align // what follows is more than that
	if _, err := d.Call(request, file, nil); frame.CodeOf(err) != frame.Protocol {
		t.Errorf("a bundle longer than announced: %v", err)
	}
}

func TestBundlesOfAnUnknownWayAreRefused(t *testing.T) {
	d := connect(t)
	conn := d.dial()
	err := conn.Greet(map[string]any{"protocol": version.Protocol, "build": version.Build, "bundles": "pigeon"}, nil)
	if frame.CodeOf(err) != frame.Protocol || !strings.Contains(err.Error(), "pigeon") {
		t.Errorf("got %v", err)
	}
}

func TestADriverOfAnotherProtocolIsToldSo(t *testing.T) {
	d := connect(t)
	conn := d.dial()
	err := conn.Greet(frame.Greeting{Protocol: 99, Build: "9.9"}, nil)
	if frame.CodeOf(err) != frame.Build || !strings.Contains(err.Error(), "9.9") || !strings.Contains(err.Error(), version.Build) {
		t.Errorf("protocol 99: %v", err)
	}
}

func TestACallThatFailsLeavesTheConnectionUsable(t *testing.T) {
	d := connect(t)
	for name, request := range map[string]map[string]any{
		"unknown op":       {"op": "dance"},
		"no op":            {},
		"unknown training": {"op": "training_status", "training_id": 5},
		"wrong type":       {"op": "training_status", "training_id": "five"},
		"negative":         {"op": "reopen", "training_id": 1, "partitions": []int{-1}},
		"no partitions":    {"op": "open_training", "kind": "model", "partitions": 0, "descent": "callable"},
		"no kind":          {"op": "open_training", "kind": "forest", "partitions": 1},
		"vector_size 0":    {"op": "open_training", "kind": "word2vec", "partitions": 1},
		"nothing settled":  {"op": "fetch_vocabulary", "training_id": 1},
		"no update":        {"op": "update_applied", "update_id": 3},
		"continue nothing": func() map[string]any { r := word2vec(1); r["continue"] = true; return r }(),
	} {
		if err := d.ask(request, nil); err == nil {
			t.Errorf("%s: answered", name)
		}
	}
	d.must(map[string]any{"op": "watch", "wait_ms": 0}, nil)
}

func TestStopIsAnsweredBeforeTheSessionEnds(t *testing.T) {
	d := connect(t)
	d.must(map[string]any{"op": "stop"}, nil)
	d.ask(map[string]any{"op": "watch", "wait_ms": 0}, nil) // stopping follows the answer; this comes behind it, on the same connection
	if _, err := d.session.Join(session.Newcomer{Protocol: version.Protocol, Build: version.Build, SessionID: d.session.ID}); err == nil {
		t.Error("a stopped session takes workers")
	}
}

// FuzzCall sends foreign JSON (and a vocabulary of foreign bytes) through every op of a real session.
func FuzzCall(f *testing.F) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := session.New(session.Config{Log: log})
	f.Cleanup(func() { s.Close() })
	memory, _, err := bundle.Write([]bundle.Tensor{{Name: "words", DType: "uint8", Shape: []int{8}, Data: []byte("abc\xffdefg")}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { memory.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nothing waits
	f.Fuzz(func(t *testing.T, body []byte) {
		var call struct {
			Op string `json:"op"`
		}
		if json.Unmarshal(body, &call) != nil {
			return
		}
		run, ok := ops[call.Op]
		if !ok {
			return
		}
		for _, file := range []*os.File{nil, memory} {
			reply, answer, err := run(ctx, s, body, file)
			if answer != nil {
				answer.Close()
			}
			if err == nil {
				if _, err := json.Marshal(reply); err != nil {
					t.Errorf("an answer that can't be written: %v", err)
				}
			}
		}
	})
}
