package dashboard

import (
	"net"
	"strings"
	"testing"
)

func TestATakenPortGivesTheNextFreeOne(t *testing.T) {
	first, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := Listen(first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	a, b := first.Addr().(*net.TCPAddr), second.Addr().(*net.TCPAddr)
	if b.Port <= a.Port || b.Port > a.Port+tries || !b.IP.IsLoopback() {
		t.Errorf("%v was taken, and Listen took %v", a, b)
	}
}

func TestThePageListensOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "example.org:5000"} {
		listener, err := Listen(addr)
		if err == nil {
			listener.Close()
			t.Errorf("%s was opened", addr)
			continue
		}
		if !strings.Contains(err.Error(), "ssh -L") {
			t.Errorf("%s: the error names no other way: %v", addr, err)
		}
	}
}

func TestAnAddressThatIsNoneIsExplained(t *testing.T) {
	for _, addr := range []string{"", "5000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000", "127.0.0.1:-1"} {
		listener, err := Listen(addr)
		if err == nil {
			listener.Close()
			t.Errorf("%q was opened", addr)
			continue
		}
		if !strings.Contains(err.Error(), "127.0.0.1:5000") {
			t.Errorf("%q: the error shows no good address: %v", addr, err)
		}
	}
}

func TestURLIsWhatABrowserCanOpen(t *testing.T) {
	for addr, prefix := range map[string]string{"localhost:0": "http://127.0.0.1:", "127.0.0.1:0": "http://127.0.0.1:", "[::1]:0": "http://[::1]:"} {
		listener, err := Listen(addr)
		if err != nil {
			if strings.HasPrefix(addr, "[") {
				continue // a machine without IPv6
			}
			t.Fatal(err)
		}
		if got := URL(listener); !strings.HasPrefix(got, prefix) {
			t.Errorf("%s: %s", addr, got)
		}
		listener.Close()
	}
}
