package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"deepdist/internal/version"
)

const (
	maxStreams = 32               // browsers that listen at a time
	heartbeat  = 10 * time.Second // page.js takes 25 s of silence for a lost connection
)

// events streams looks to one browser as server-sent events:
//
//	hello  {"build"}: once; a page of another build loads itself again
//	look   {"figures", "tip", "reset", "points"}: at once, then whenever there is news
//	alive  {}: when there has been none for a while
//	end    {}: the session is over, nothing is wrong
//
// Nothing is queued: a browser that reads slowly gets the newest look when it is ready for one, and is cut off if it doesn't read
// at all for requestTimeout.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%d pages listen already: close one", maxStreams), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	// The request has been read; from now on the connection may be quiet for as long as it likes.
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		p.log.Error("page: stream events", "error", err)
		return
	}
	send := func(event string, data any) bool {
		body, err := json.Marshal(data)
		if err != nil {
			p.log.Error("page: encode an event", "event", event, "error", err)
			return false
		}
		if control.SetWriteDeadline(time.Now().Add(requestTimeout)) != nil {
			return false
		}
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, body)
		return err == nil && control.Flush() == nil
	}

	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if !send("hello", map[string]string{"build": version.Build}) {
		return
	}
	l, at, news := p.recorder.since(place{})
	for ok := send("look", l); ok; {
		select {
		case <-news:
			l, at, news = p.recorder.since(at)
			ok = send("look", l)
		case <-beat.C:
			ok = send("alive", struct{}{})
		case <-r.Context().Done():
			// Either the browser has gone, and this is written to nobody, or Serve ends.
			send("end", struct{}{})
			return
		}
	}
}
