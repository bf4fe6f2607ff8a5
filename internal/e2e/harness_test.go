package e2e

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"go.uber.org/goleak"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
)

var (
	binaries   string // folder of the two programs
	buildFlags []string
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dd-e2e-")
	if err != nil {
		panic(err)
	}
	binaries = dir
	for name, source := range map[string]string{"psserver": "deepdist/psserver", "deepdist-sidecar": "deepdist/sidecar"} {
		build := append(append([]string{"build"}, buildFlags...), "-o", filepath.Join(dir, name), source)
		if out, err := exec.Command("go", build...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
			os.RemoveAll(dir)
			os.Exit(1)
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// process is one of the programs, killed at the test's end; its log is shown when the test has failed.
type process struct {
	*exec.Cmd
	log  *lockedBuffer
	done chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t testing.TB, name string, args ...string) (*process, *bufio.Reader) {
	t.Helper()
	p := &process{Cmd: exec.Command(filepath.Join(binaries, name), args...), log: &lockedBuffer{}, done: make(chan struct{})}
	p.Stderr = p.log
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = write
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	go func() {
		p.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.done
		read.Close()
		if strings.Contains(p.log.String(), "DATA RACE") {
			t.Errorf("%s has a data race", name)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, p.log)
		}
	})
	return p, bufio.NewReader(read)
}

// ended waits for the process's end.
func (p *process) ended(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		t.Fatalf("%s still runs after %s", filepath.Base(p.Path), within)
	}
}

// server is a psserver with the driver's connection to it.
type server struct {
	*process
	driver *frame.Conn
	hello  struct {
		SessionID         string `json:"session_id"`
		Port              int    `json:"port"`
		Token             string `json:"token"`
		CertificateSHA256 string `json:"certificate_sha256"`
		Control           string `json:"control"`
	}
}

func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{}
	p, out := start(t, "psserver", append([]string{"--parent-pid", fmt.Sprint(os.Getpid()), "--page", "off"}, args...)...)
	s.process = p
	line, err := out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("psserver said nothing: %v\n%s", err, p.log)
	}
	if err := json.Unmarshal(line, &s.hello); err != nil {
		t.Fatal(err)
	}
	if s.driver, err = frame.Dial(s.hello.Control); err != nil {
		t.Fatal(err)
	}
	s.driver.JSONLimit = frame.MaxAnswer
	t.Cleanup(func() { s.driver.Close() })
	if err := s.driver.Greet(frame.NewGreeting(), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask calls an op of the driver's socket.
func ask[T any](t testing.TB, s *server, op string, fields map[string]any, file *os.File) (answer T, got *os.File) {
	t.Helper()
	call := map[string]any{"op": op}
	for k, v := range fields {
		call[k] = v
	}
	got, err := s.driver.Call(call, file, &answer)
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	return answer, got
}

type opened struct {
	TrainingID uint32 `json:"training_id"`
}

// openWords opens a word2vec training.
func (s *server) openWords(t testing.TB, partitions int, settings map[string]any) uint32 {
	t.Helper()
	all := map[string]any{"vector_size": 32, "window": 5, "sg": true, "cbow_mean": true, "negative": 5, "sample": 0.0, "ns_exponent": 0.75, "alpha": 0.025, "min_alpha": 0.0001,
		"epochs": 5, "seed": 1, "shrink_windows": true}
	for k, v := range settings {
		all[k] = v
	}
	o, _ := ask[opened](t, s, "open_training", map[string]any{"kind": "word2vec", "partitions": partitions, "settings": all, "min_count": 1}, nil)
	return o.TrainingID
}

// words are the vectors of a training, by word, and its output vectors.
func (s *server) words(t testing.TB, training uint32) (vocabulary []string, syn0, outputs []float32) {
	t.Helper()
	fields := map[string]any{"training_id": training}
	h, file := ask[bundle.Header](t, s, "fetch_vocabulary", fields, nil)
	m, err := bundle.Map(file, h)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	text, lengths := tensor(t, m, "words").Data, bundle.View[uint32](tensor(t, m, "lengths").Data)
	for _, n := range lengths {
		vocabulary, text = append(vocabulary, string(text[:n])), text[n:]
	}
	m.Close()
	h, file = ask[bundle.Header](t, s, "fetch", fields, nil)
	m, err = bundle.Map(file, h)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	syn0 = append(syn0, tensor(t, m, "syn0").Float32s()...)
	for i := range m.Tensors {
		if m.Tensors[i].Name != "syn0" {
			outputs = append(outputs, m.Tensors[i].Float32s()...)
		}
	}
	m.Close()
	return vocabulary, syn0, outputs
}

func tensor(t testing.TB, m *bundle.Mapped, name string) *bundle.Tensor {
	t.Helper()
	for i := range m.Tensors {
		if m.Tensors[i].Name == name {
			return &m.Tensors[i]
		}
	}
	t.Fatalf("the bundle has no tensor %q", name)
	return nil
}

// applied is how many words of the newest training are in the model.
func (s *server) applied(t testing.TB) uint64 {
	t.Helper()
	w, _ := ask[struct {
		Words uint64 `json:"words"`
	}](t, s, "watch", map[string]any{"wait_ms": 0}, nil)
	return w.Words
}

// waitForMissing waits until partitions are missing, and returns them.
func (s *server) waitForMissing(t testing.TB, training uint32) []uint32 {
	t.Helper()
	for range 1000 {
		status, _ := ask[struct {
			Missing []uint32 `json:"missing"`
		}](t, s, "training_status", map[string]any{"training_id": training}, nil)
		if len(status.Missing) > 0 {
			return status.Missing
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("no partition is missing")
	return nil
}

// sidecar is a running deepdist-sidecar and where it is reached.
type sidecar struct {
	*process
	dir           string
	spool         string
	spoolMaxBytes uint64
}

func startSidecar(t testing.TB, args ...string) *sidecar {
	t.Helper()
	dir, err := os.MkdirTemp("", "dd-s-") // t.TempDir's path may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return startSidecarIn(t, dir, args...)
}

func startSidecarIn(t testing.TB, dir string, args ...string) *sidecar {
	t.Helper()
	s := &sidecar{dir: dir, spool: t.TempDir()}
	s.process, _ = start(t, "deepdist-sidecar", append([]string{"--dir", dir, "--jvm-pid", fmt.Sprint(os.Getpid())}, args...)...)
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := frame.Dial(filepath.Join(dir, "s"))
		if err == nil {
			c.Close()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the sidecar does not listen: %v\n%s", err, s.log)
		}
		select {
		case <-s.done:
			t.Fatalf("the sidecar has ended:\n%s", s.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// stream opens a stream of an op for a session.
func (s *sidecar) stream(t testing.TB, ps *server, op string, training uint32, fields map[string]any) (*frame.Conn, error) {
	t.Helper()
	c, err := frame.Dial(filepath.Join(s.dir, "s"))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	g := frame.NewGreeting()
	hello := map[string]any{"protocol": g.Protocol, "build": g.Build, "op": op, "training_id": training, "spool_dir": s.spool, "spool_max_bytes": s.spoolMaxBytes,
		"session": map[string]any{"id": ps.hello.SessionID, "address": fmt.Sprintf("127.0.0.1:%d", ps.hello.Port), "token": ps.hello.Token,
			"certificate_sha256": ps.hello.CertificateSHA256}}
	for k, v := range fields {
		hello[k] = v
	}
	return c, c.Greet(hello, nil)
}

type ingested struct {
	Accepted       bool   `json:"accepted"`
	Rows           uint64 `json:"rows"`
	Records        uint64 `json:"records"`
	Words          uint64 `json:"words"`
	SplitSentences uint64 `json:"split_sentences"`
	Distinct       uint64 `json:"distinct"`
}

// ingest streams lines as one partition, in batches of 100.
func (s *sidecar) ingest(t testing.TB, ps *server, training uint32, partition int, attempt int64, lines []string) (answer ingested, err error) {
	t.Helper()
	c, err := s.stream(t, ps, "ingest", training, map[string]any{"partition": partition, "attempt": attempt, "layout": "utf8"})
	if err != nil {
		return answer, err
	}
	defer c.Close()
	batches := 0
	for rest := lines; len(rest) > 0; batches++ {
		n := min(100, len(rest))
		if err := c.Write(frame.Batch, message(t, rest[:n]), uint32(n), -1); err != nil {
			_, err := c.Answer(nil)
			return answer, err
		}
		rest = rest[n:]
	}
	if err := c.WriteJSON(frame.End, map[string]int{"rows": len(lines), "batches": batches}); err != nil {
		return answer, err
	}
	_, err = c.Answer(&answer)
	return answer, err
}

// message is the Arrow message of some lines.
func message(t testing.TB, lines []string) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(lines, nil)
	record := b.NewRecord()
	defer record.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	stream := out.Bytes()
	return stream[8+binary.LittleEndian.Uint32(stream[4:]):] // without the schema's message
}

type trained struct {
	Exhausted bool   `json:"exhausted"`
	Words     uint64 `json:"words"`
}

// train lends one core until nothing is left.
func (s *sidecar) train(t testing.TB, ps *server, training uint32) (answer trained, err error) {
	t.Helper()
	c, err := s.stream(t, ps, "train", training, nil)
	if err != nil {
		return answer, err
	}
	defer c.Close()
	_, err = c.Answer(&answer)
	return answer, err
}

func (s *sidecar) terminate() { s.Process.Signal(syscall.SIGTERM) }

// topics is text of two topics that never share a sentence: words of one topic must end up near each other.
func topics(lines int, seed uint64) []string {
	out := make([]string, lines)
	state := seed*2654435761 + 1
	next := func(n uint64) uint64 {
		state = state*6364136223846793005 + 1442695040888963407
		return state >> 33 % n
	}
	for i := range out {
		topic := "ab"[i%2]
		words := make([]string, 12)
		for j := range words {
			words[j] = fmt.Sprintf("%c%d", topic, next(20))
		}
		out[i] = strings.Join(words, " ")
	}
	return out
}
