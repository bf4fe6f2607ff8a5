package dashboard

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"deepdist/psserver/figures"
)

var addresses = []string{"/", "/page.js", "/page.css", "/figures", "/metrics", "/neighbours?word=king", "/events", "/nothing"}

func TestEveryMethodButGetAndHeadIsRefusedEverywhere(t *testing.T) {
	url, _ := start(t, newScripted(training(1)))
	methods := []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "STOP"}
	for _, address := range addresses {
		for _, method := range methods {
			request, err := http.NewRequest(method, url+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := do(t, request)
			if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s, Allow %q", method, address, answer.Status, answer.Header.Get("Allow"))
			}
		}
	}
}

func TestHeadAnswersAsGetDoesWithoutABody(t *testing.T) {
	url, _ := start(t, newScripted(training(1)))
	for address, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/page.js": "text/javascript; charset=utf-8", "/figures": "application/json",
		"/neighbours?word=king": "application/json", "/events": "text/event-stream", "/metrics": "text/plain",
	} {
		answer, err := http.Head(url + address)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), contentType) {
			t.Errorf("HEAD %s: %s, %s", address, answer.Status, answer.Header.Get("Content-Type"))
		}
	}
}

func TestOnlyNamesOfLoopbackWithThePortAreTaken(t *testing.T) {
	url, _ := start(t, newScripted(training(1)))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	for host, status := range map[string]int{
		"127.0.0.1:" + port: 200, "localhost:" + port: 200, "LocalHost:" + port: 200, "[::1]:" + port: 200,
		"127.0.0.1": 421, "localhost": 421, "127.0.0.1:1": 421, "127.0.0.2:" + port: 421, "0.0.0.0:" + port: 421,
		"rebound.example:" + port: 421, "127.0.0.1.example:" + port: 421, "localhost.example:" + port: 421, "localhost.:" + port: 421,
	} {
		for _, address := range addresses[:6] {
			request, err := http.NewRequest(http.MethodGet, url+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			answer, body := do(t, request)
			if answer.StatusCode != status {
				t.Errorf("%s as %s: %s", address, host, answer.Status)
			}
			if status == http.StatusMisdirectedRequest && !strings.Contains(body, url) {
				t.Errorf("%s as %s does not say what to open: %s", address, host, body)
			}
		}
	}
}

func TestARequestWithoutAHostIsRefused(t *testing.T) {
	url, _ := start(t, newScripted(training(1)))
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /figures HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	if err != nil || !strings.Contains(string(answer[:n]), " 421 ") {
		t.Errorf("%q, %v", answer[:n], err)
	}
}

func TestOtherSitesMayLinkToThePageAndNothingElse(t *testing.T) {
	url, _ := start(t, newScripted(training(1)))
	for _, c := range []struct {
		address, site, mode string
		status              int
	}{
		{"/", "cross-site", "navigate", 200}, {"/", "none", "navigate", 200}, {"/page.js", "same-origin", "cors", 200}, {"/figures", "none", "navigate", 200},
		{"/", "cross-site", "no-cors", 403}, {"/figures", "cross-site", "navigate", 403}, {"/figures", "cross-site", "no-cors", 403},
		{"/events", "cross-site", "cors", 403}, {"/events", "same-site", "cors", 403}, {"/neighbours?word=king", "cross-site", "no-cors", 403},
	} {
		request, err := http.NewRequest(http.MethodGet, url+c.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", c.site)
		request.Header.Set("Sec-Fetch-Mode", c.mode)
		if answer, _ := do(t, request); answer.StatusCode != c.status {
			t.Errorf("%s asked by %s (%s): %s, want %d", c.address, c.site, c.mode, answer.Status, c.status)
		}
	}
}

func TestABodyIsRefused(t *testing.T) {
	url, _ := start(t, newScripted(training(1)))
	request, err := http.NewRequest(http.MethodGet, url+"/figures", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if answer, _ := do(t, request); answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("GET with a body: %s", answer.Status)
	}
}

func TestEveryAnswerCarriesThePolicyAlsoRefusals(t *testing.T) {
	url, _ := start(t, newScripted(figures.Figures{}))
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": policy,
	}
	if !strings.HasPrefix(policy, "default-src 'self';") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
	for _, method := range []string{"HEAD", "POST"} {
		for _, address := range addresses {
			request, err := http.NewRequest(method, url+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := do(t, request)
			for name, value := range want {
				if got := answer.Header.Get(name); got != value {
					t.Errorf("%s %s: %s is %q", method, address, name, got)
				}
			}
			if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s %s lets %s read it", method, address, got)
			}
		}
	}
}

func TestAClientThatDribblesItsRequestIsCutOff(t *testing.T) {
	t.Parallel() // it takes headerTimeout
	url, _ := start(t, newScripted(training(1)))
	for _, begun := range []string{"", "GET /figures HTTP/1.1\r\nHost: localhost"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(begun)); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Errorf("after %q the connection stays open: %v", begun, err)
		}
		if strings.Contains(string(answer), " 200 ") {
			t.Errorf("%q was answered: %s", begun, answer)
		}
	}
}
