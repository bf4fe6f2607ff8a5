package dashboard

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever request arrives, the answer is the page's or a refusal, never a failure; and only GET and HEAD under our own name get
// anything but a refusal.
func FuzzEveryRequestGetsAnAnswerOrARefusal(f *testing.F) {
	for _, address := range addresses {
		f.Add("GET " + address + " HTTP/1.1\r\nHost: localhost:5000\r\n\r\n")
	}
	f.Add("DELETE /figures HTTP/1.1\r\nHost: localhost:5000\r\n\r\n")
	f.Add("GET /figures HTTP/1.1\r\nHost: rebound.example\r\n\r\n")
	f.Add("GET /neighbours?word=king&topn=-1 HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n")
	f.Add("GET /page.css HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nRange: bytes=1-2,5-3\r\n\r\n")
	f.Add("GET http://127.0.0.1:5000/../metrics;a=%2e%2e HTTP/1.0\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 5\r\n\r\nhello")
	hosts := []string{"127.0.0.1:5000", "localhost:5000", "[::1]:5000"}
	handler := guard(hosts, New(newScripted(training(3)), slog.New(slog.DiscardHandler)).routes())
	gone, leave := context.WithCancel(context.Background())
	leave() // /events ends as soon as its browser has gone
	f.Fuzz(func(t *testing.T, raw string) {
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		answer := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		handler.ServeHTTP(answer, request.WithContext(gone))
		if answer.Code >= 500 {
			t.Errorf("%d: %s", answer.Code, answer.Body)
		}
		if answer.Header().Get("Content-Security-Policy") != policy {
			t.Error("an answer without the policy")
		}
		ours := false
		for _, host := range hosts {
			ours = ours || strings.EqualFold(host, request.Host)
		}
		if read := request.Method == "GET" || request.Method == "HEAD"; answer.Code < 400 && !(read && ours) {
			t.Errorf("%s for %s was answered %d", request.Method, request.Host, answer.Code)
		}
	})
}

// deadlines is a recorder on which http.ResponseController can set deadlines, as it can on a connection.
type deadlines struct{ *httptest.ResponseRecorder }

func (*deadlines) SetReadDeadline(time.Time) error  { return nil }
func (*deadlines) SetWriteDeadline(time.Time) error { return nil }
