package frame

import (
	"encoding/binary"
	"net"
)

// Tracker is a connection on which somebody else's frames are passed on unread. It knows whether what was written ends between two frames:
// only there may a frame of one's own follow.
type Tracker struct {
	*net.UnixConn
	head [HeaderSize]byte
	have int    // bytes of the header
	left uint64 // bytes of the body
}

// Write passes bytes on.
func (t *Tracker) Write(p []byte) (int, error) {
	n, err := t.UnixConn.Write(p)
	t.follow(p[:n])
	return n, err
}

func (t *Tracker) follow(p []byte) {
	for len(p) > 0 {
		if t.left > 0 {
			n := min(t.left, uint64(len(p)))
			t.left, p = t.left-n, p[n:]
			continue
		}
		n := copy(t.head[t.have:], p)
		t.have, p = t.have+n, p[n:]
		if t.have == HeaderSize {
			t.have, t.left = 0, uint64(binary.LittleEndian.Uint32(t.head[:]))
		}
	}
}

// Inside tells whether a frame has been begun and not ended. One whose chunks are still to come is not seen.
func (t *Tracker) Inside() bool { return t.have > 0 || t.left > 0 }
