package dashboard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deepdist/psserver/figures"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a session whose figures the test sets.
type scripted struct {
	mu      sync.Mutex
	now     figures.Figures
	number  uint64
	changed chan struct{}
}

func newScripted(f figures.Figures) *scripted {
	return &scripted{now: f, number: 1, changed: make(chan struct{})}
}

func (s *scripted) set(f figures.Figures) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = f
	s.number++
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *scripted) Figures() figures.Figures {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *scripted) Wait(ctx context.Context, seen uint64) (figures.Figures, uint64) {
	for {
		s.mu.Lock()
		f, number, changed := s.now, s.number, s.changed
		s.mu.Unlock()
		if number > seen {
			return f, number
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return f, number
		}
	}
}

func (s *scripted) MostSimilar(word string, topn int) ([]figures.Neighbour, error) {
	if word != "king" {
		return nil, fmt.Errorf("%q is not in the vocabulary", word)
	}
	near := []figures.Neighbour{{Word: "queen", Cosine: 0.75}, {Word: "</script>", Cosine: 0.5}, {Word: "prince", Cosine: 0.25}}
	return near[:min(topn, len(near))], nil
}

// training is a word2vec training under way, after so many pushes.
func training(pushes uint64) figures.Figures {
	return figures.Figures{
		Phase: figures.PhaseTraining, TrainingID: 1, Kind: "word2vec", Epochs: 2, Words: pushes * 1000, TotalWords: 100000,
		WordsPerSecond: 1500.5, Alpha: 0.025, Loss: 0.3, Pushes: pushes, Version: pushes + 1, Moved: 2, Refused: 1, RSSBytes: 64 << 20,
		Partitions: 4, PartitionsDone: 1, Passes: 5, OwnPasses: 3, IngestedWords: 50000, VocabularySize: 700,
		EpochsDone: []figures.Epoch{{Words: 50000, Seconds: 3, Loss: 0.4, Pushes: 50}},
		Workers: []figures.Worker{
			{WorkerID: "w1", Host: "one", PID: 11, Kernel: "avx512", Threads: 2, Words: 600, Pushes: 3, Staleness: 1.5, RSSBytes: 1 << 20, ReplicaBytes: 2 << 20,
				PulledBytes: 3 << 20, PushedBytes: 4 << 20, State: "training"},
			{WorkerID: "w2", Host: "two", PID: 12, Kernel: "generic", Threads: 1, Words: 400, Pushes: 2, Staleness: 0.5, State: "left"},
		},
	}
}

// start serves the page of a session until the test is over, or stop is called. It returns the page's address.
func start(t *testing.T, source figures.Source) (url string, stop func()) {
	t.Helper()
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- New(source, slog.New(slog.DiscardHandler)).Serve(ctx, listener) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(stop)
	return URL(listener), stop
}

// get asks for one address and returns the answer with its whole body.
func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(request.Context(), time.Minute) // a stream that should have been refused has no end
	defer cancel()
	answer, err := http.DefaultClient.Do(request.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s (%s): %v", request.Method, request.URL, answer.Status, err)
	}
	return answer, string(body)
}

func TestServeReturnsWhenTheSessionEndsAndFreesThePort(t *testing.T) {
	url, stop := start(t, newScripted(figures.Figures{}))
	get(t, url+"/figures")
	stop()
	if _, err := http.Get(url); err == nil {
		t.Error("the page still answers after Serve has returned")
	}
}

func TestServeSaysWhyItCanNotGoOn(t *testing.T) {
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = New(newScripted(figures.Figures{}), slog.New(slog.DiscardHandler)).Serve(ctx, listener)
	if err == nil || errors.Is(err, http.ErrServerClosed) || ctx.Err() != nil {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}
