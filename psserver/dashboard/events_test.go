package dashboard

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deepdist/internal/version"
	"deepdist/psserver/figures"
)

// listener reads /events as a browser does.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	body  io.Closer
}

func listen(t *testing.T, url string) *listener {
	t.Helper()
	answer, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("/events: %s, %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	t.Cleanup(func() { answer.Body.Close() })
	return &listener{t, lines, answer.Body}
}

// next returns the next event; "" when the stream has ended.
func (l *listener) next() (event, data string) {
	for l.lines.Scan() {
		switch line := l.lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			event = line[7:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		case line == "":
			return event, data
		}
	}
	return "", ""
}

// told is a look as a reader decodes it.
type told struct {
	Figures figures.Figures
	Tip     []float64
	Reset   bool
	Points  [][]float64
}

// look returns the next look; other events may come before it.
func (l *listener) look() (seen told) {
	l.t.Helper()
	for {
		event, data := l.next()
		switch event {
		case "look":
			if err := json.Unmarshal([]byte(data), &seen); err != nil {
				l.t.Fatal(err)
			}
			return seen
		case "":
			l.t.Fatal("the stream has ended before a look")
		}
	}
}

// until reads looks up to one that fits.
func (l *listener) until(fits func(told) bool) told {
	l.t.Helper()
	for {
		if seen := l.look(); fits(seen) {
			return seen
		}
	}
}

func TestABrowserIsGreetedWithTheBuildAndTheFigures(t *testing.T) {
	url, _ := start(t, newScripted(training(3)))
	browser := listen(t, url)
	event, data := browser.next()
	if event != "hello" || data != `{"build":"`+version.Build+`"}` {
		t.Errorf("%s %s", event, data)
	}
	seen := browser.until(func(seen told) bool { return seen.Figures.Phase == figures.PhaseTraining })
	if seen.Figures.Pushes != 3 || len(seen.Tip) != 8 || len(seen.Points) != 1 || seen.Points[0][1] != 3000 {
		t.Errorf("%+v", seen)
	}
}

func TestNewsReachEveryBrowser(t *testing.T) {
	source := newScripted(training(1))
	url, _ := start(t, source)
	browsers := []*listener{listen(t, url), listen(t, url)}
	for _, browser := range browsers {
		browser.until(func(seen told) bool { return seen.Figures.Pushes == 1 })
	}
	failed := training(2)
	failed.Phase, failed.Error = figures.PhaseFailed, "gradient raised\nValueError: <b>\n\ndata: forged\n\nevent: end"
	source.set(failed)
	for _, browser := range browsers {
		if seen := browser.until(func(seen told) bool { return seen.Figures.Pushes == 2 }); seen.Figures.Error != failed.Error {
			t.Errorf("the error arrives as %q", seen.Figures.Error)
		}
	}
}

func TestCurvesSurviveAReload(t *testing.T) {
	source := newScripted(training(1))
	url, _ := start(t, source)
	before := listen(t, url)
	var points [][]float64
	for pushes := uint64(2); len(points) < 3; pushes++ {
		seen := before.look()
		if seen.Reset {
			points = nil
		}
		points = append(points, seen.Points...)
		source.set(training(pushes))
	}
	before.body.Close()
	seen := listen(t, url).look()
	if !seen.Reset || len(seen.Points) < 3 {
		t.Fatalf("after a reload: reset %v, %d points", seen.Reset, len(seen.Points))
	}
	for i := range points {
		if seen.Points[i][0] != points[i][0] || seen.Points[i][2] != points[i][2] {
			t.Errorf("point %d was %v, and is %v after the reload", i, points[i], seen.Points[i])
		}
	}
}

func TestTheEndOfTheSessionIsToldAsAnEnd(t *testing.T) {
	url, stop := start(t, newScripted(training(1)))
	browser := listen(t, url)
	browser.look()
	go stop()
	for {
		switch event, _ := browser.next(); event {
		case "end":
			if event, _ := browser.next(); event != "" {
				t.Errorf("%s came after the end", event)
			}
			return
		case "":
			t.Fatal("the stream broke off without an end")
		}
	}
}

func TestThereIsAPlaceForSoManyBrowsersAndNoMore(t *testing.T) {
	url, _ := start(t, newScripted(training(1)))
	var browsers []*listener
	for range maxStreams {
		browser := listen(t, url)
		browser.look()
		browsers = append(browsers, browser)
	}
	answer, body := get(t, url+"/events")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "close one") {
		t.Errorf("one too many: %s %s", answer.Status, body)
	}
	if answer, _ := get(t, url+"/figures"); answer.StatusCode != http.StatusOK {
		t.Errorf("listeners keep others out: %s", answer.Status)
	}
	browsers[0].body.Close()
	for deadline := time.Now().Add(time.Minute); ; { // the server notices within its own time
		if time.Now().After(deadline) {
			t.Fatal("the place of a browser that has gone is not given to another")
		}
		answer, err := http.Get(url + "/events")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
}

// In a bubble of testing/synctest, time passes as soon as everybody waits: the heartbeats of a minute take none.
func TestAQuietStreamShowsThatItIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := training(5)
		done.Phase = figures.PhaseDone
		source := newScripted(figures.Figures{})
		source.now = done
		page := New(source, slog.New(slog.DiscardHandler))
		page.recorder.record(done, time.Now())
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		defer here.Close()
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			page.events(&pipeWriter{Conn: there, header: http.Header{}}, request)
		}()
		browser := &listener{t: t, lines: bufio.NewScanner(here)}
		browser.lines.Buffer(nil, 1<<20)
		browser.look()
		began := time.Now()
		for range 3 {
			if event, _ := browser.next(); event != "alive" {
				t.Errorf("%q instead of a sign of life", event)
			}
		}
		if quiet := time.Since(began); quiet != 3*heartbeat {
			t.Errorf("three signs of life took %v", quiet)
		}
		// From here on nothing is read, though the connection stands.
		time.Sleep(heartbeat + requestTimeout + time.Second)
		select {
		case <-returned:
		default:
			t.Error("a browser that reads no more keeps its place")
		}
	})
}

// pipeWriter is an answer that goes straight into a pipe, which keeps deadlines as a socket does.
type pipeWriter struct {
	net.Conn
	header http.Header
}

func (w *pipeWriter) Header() http.Header { return w.header }
func (w *pipeWriter) WriteHeader(int)     {}
func (w *pipeWriter) Flush()              {}
