package dashboard

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// policy lets the page load its own files and nothing else: no inline script or style, no frame around it, no form that leaves,
// and (where browsers know Trusted Types) no string that becomes HTML.
const policy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// guard stands before every address. A web page the user happens to visit can make the browser send requests here, so:
//
//  1. GET and HEAD only. Nothing here writes, and nothing ever will by accident.
//  2. The Host must be this listener on loopback, else 421. That ends DNS rebinding, where a foreign name is made to resolve to
//     127.0.0.1 so that its page may read our answers.
//  3. What browsers mark as asked by another site (Sec-Fetch-Site) is refused, unless it is a person following a link to the page:
//     other sites can't read our answers, but they could use up the streams and searches.
//  4. No bodies.
func guard(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "the page is read-only: GET and HEAD", http.StatusMethodNotAllowed)
		case !slices.Contains(hosts, strings.ToLower(r.Host)):
			http.Error(w, fmt.Sprintf("open http://%s; a forwarded port must keep its number: ssh -L %[2]s:127.0.0.1:%[2]s <this machine>",
				hosts[0], portOf(hosts[0])), http.StatusMisdirectedRequest)
		case foreign(r):
			http.Error(w, "asked by another site", http.StatusForbidden)
		case r.ContentLength != 0:
			h.Set("Connection", "close")
			http.Error(w, "a request here has no body", http.StatusRequestEntityTooLarge)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// foreign says whether a browser asks on behalf of another site. Other clients don't send the header.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return !(r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.URL.Path == "/")
}

// hostsOf lists what browsers may call the listener, first the one to tell people.
func hostsOf(listener net.Listener) []string {
	port := portOf(listener.Addr().String())
	hosts := []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}
	if strings.HasPrefix(listener.Addr().String(), "[") {
		hosts = []string{hosts[2], hosts[1], hosts[0]}
	}
	return hosts
}

// URL is the address of the page, for people.
func URL(listener net.Listener) string { return "http://" + hostsOf(listener)[0] }

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
