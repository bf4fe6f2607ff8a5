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
	ip, first, err := Address(addr)
	if err != nil {
		return nil, err
	}
	for p := int(first); ; p++ {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(ip, uint16(p)).String())
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen for the page on %s port %d: %w", ip, p, err)
		}
		if p == int(first)+tries || p == 65535 {
			return nil, fmt.Errorf("listen for the page: the ports %d to %d of %s are all taken; free one or choose another port", first, p, ip)
		}
	}
}

// Address reads host:port, where the page may be served.
func Address(addr string) (ip netip.Addr, port uint16, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return ip, 0, fmt.Errorf("listen for the page on %q: %w; write it as 127.0.0.1:5000", addr, err)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return ip, 0, fmt.Errorf("listen for the page on %q: %q is not a port; write it as 127.0.0.1:5000", addr, text)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err = netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return ip, 0, fmt.Errorf("listen for the page on %q: it is served on loopback only, as it knows no password; "+
			"listen on 127.0.0.1:%s and forward the port: ssh -L %s:127.0.0.1:%s <this machine>", addr, text, text, text)
	}
	return ip, uint16(number), nil
}
