package frame

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readHeader reads exactly one header with recvmsg, since a descriptor is bound to the bytes that it was sent with: a plain
// read of those bytes would drop it.
func (c *Conn) readHeader() (h header, file *os.File, err error) {
	defer func() {
		if err != nil {
			closeFile(file)
			file = nil
		}
	}()
	var head [HeaderSize]byte
	var control [64]byte // room for a few descriptors: more than one is refused below, and the kernel closes what does not fit
	for have := 0; have < HeaderSize; {
		n, controlBytes, _, _, err := c.socket.ReadMsgUnix(head[have:], control[:])
		if controlBytes > 0 {
			if file, err = takeFile(control[:controlBytes], file); err != nil {
				return h, file, err
			}
		}
		switch ended := n == 0 && (err == nil || errors.Is(err, io.EOF)); {
		case ended && have == 0:
			return h, file, io.EOF // bare, as readers compare it
		case ended:
			return h, file, io.ErrUnexpectedEOF
		case err != nil:
			return h, file, err
		}
		have += n
	}
	h, err = decodeHeader(&head, c.JSONLimit)
	switch {
	case err != nil:
	case (file != nil) != (h.bundle == descriptor):
		err = Errorf(Protocol, "%s frame announces another number of descriptors than it brings", h.kind)
	case h.bundle == inline && c.room == nil, h.bundle == descriptor && c.room != nil:
		err = Errorf(Protocol, "%s frame brings its bundle in the other way than HELLO has said", h.kind)
	}
	return h, file, err
}

// takeFile returns the one descriptor in a control message. Every descriptor that arrives is closed, unless it is returned.
func takeFile(control []byte, already *os.File) (*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return already, Errorf(Protocol, "read descriptors: %w", err)
	}
	var fds []int
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	if len(fds) == 1 && already == nil {
		return os.NewFile(uintptr(fds[0]), "received"), nil
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	if len(fds) == 0 {
		return already, nil
	}
	return already, Errorf(Protocol, "more than one descriptor on a frame")
}

func (c *Conn) writeWithFD(head []byte, fd int) error {
	n, _, err := c.socket.WriteMsgUnix(head, unix.UnixRights(fd), nil)
	if err != nil {
		return fmt.Errorf("pass descriptor: %w", err)
	}
	_, err = c.socket.Write(head[n:]) // the descriptor went with the first byte
	return err
}

func closeFile(file *os.File) {
	if file != nil {
		file.Close()
	}
}
