// Package dashboard shows a run to people and to Prometheus, on a loopback port.
//
// It is read-only by construction: nothing here can change a session, it only holds a figures.Source. The way of a figure:
//
//	figures.Source → recorder (recorder.go) → history (history.go) → /events (events.go) → page/page.js → a curve
//	figures.Source → collector (metrics.go) → /metrics
//	figures.Source → /neighbours, /figures (answers.go)
//
// One goroutine, the recorder, follows the source, however often that changes, and takes a look at most four times a second. All
// browsers are served from its looks, so a page more costs a training nothing. The recorder also keeps the curves, bounded, and
// hands them to every browser that connects: they survive a reload.
//
// Loopback is not private: other users of the machine and, through the browser, any web page can reach it. guard.go says what
// keeps those out.
package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"deepdist/psserver/figures"
)

const (
	maxConnections = 128              // of browsers and scrapers together
	headerTimeout  = 5 * time.Second  // a client that dribbles its request is cut off
	requestTimeout = 10 * time.Second // reading a request, writing an answer, writing one event
	idleTimeout    = 60 * time.Second
	closeTimeout   = 2 * time.Second // for answers under way when the session ends
	maxHeaderBytes = 16 << 10
)

// Page serves the figures of one session.
type Page struct {
	source   figures.Source
	log      *slog.Logger
	recorder *recorder
	streams  chan struct{} // a place per browser that listens to /events
	searches chan struct{} // a place per search for neighbours, which costs a core
}

// New makes the page of a session. Nothing runs before Serve.
func New(source figures.Source, log *slog.Logger) *Page {
	return &Page{
		source:   source,
		log:      log,
		recorder: newRecorder(),
		streams:  make(chan struct{}, maxStreams),
		searches: make(chan struct{}, 1),
	}
}

// Serve answers on the listener (from Listen) until ctx is done; then it tells the browsers that the session has ended, closes
// the listener and returns nil. It owns every goroutine it starts, and none outlives it.
func (p *Page) Serve(ctx context.Context, listener net.Listener) error {
	p.recorder.record(finite(p.source.Figures()), time.Now()) // so that the first browser finds a look
	ctx, cancel := context.WithCancel(ctx)
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		p.recorder.run(ctx, p.source)
	}()
	defer func() { cancel(); <-recorded }()

	server := &http.Server{
		Handler:           guard(hostsOf(listener), p.routes()),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(netutil.LimitListener(listener, maxConnections)) }()

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	deadline, stop := context.WithTimeout(context.Background(), closeTimeout)
	defer stop()
	if err := server.Shutdown(deadline); err != nil {
		server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// routes is every address there is; the guard has already turned away all methods but GET and HEAD.
func (p *Page) routes() http.Handler {
	mux := http.NewServeMux()
	for path, file := range assets() {
		mux.Handle(path, file)
	}
	mux.HandleFunc("/events", p.events)
	mux.HandleFunc("/figures", p.figures)
	mux.HandleFunc("/neighbours", p.neighbours)
	mux.Handle("/metrics", p.metrics())
	return mux
}
