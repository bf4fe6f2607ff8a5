package dashboard

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// tries is how many ports above the wanted one are tried: so many sessions can show a page on one machine.
const tries = 100

// Listen opens the page's port, or the next free one above it when that is taken: compare the listener's address with addr, and
// tell the user. Port 0 is any free port. Other machines can't be let in: the page knows no password.
func Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the page on %q: %w; write it as 127.0.0.1:5000", addr, err)
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen for the page on %q: %q is not a port; write it as 127.0.0.1:5000", addr, port)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen for the page on %q: it is served on loopback only, as it knows no password; "+
			"listen on 127.0.0.1:%s and forward the port: ssh -L %s:127.0.0.1:%s <this machine>", addr, port, port, port)
	}
	for p := first; ; p++ {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(ip, uint16(p)).String())
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen for the page on %s port %d: %w", host, p, err)
		}
		if p == first+tries || p == 65535 {
			return nil, fmt.Errorf("listen for the page: the ports %d to %d of %s are all taken; free one or choose another port", first, p, host)
		}
	}
}
