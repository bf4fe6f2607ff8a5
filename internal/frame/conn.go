package frame

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"sync"
)

// Frame is one received frame.
type Frame struct {
	Kind Kind
	Rows uint32   // of a BATCH
	Body []byte   // valid until the next Read
	File *os.File // the descriptor that came along, or the memfd that an inline bundle was put into, or nil; the receiver closes it
}

// Conn carries frames over a Unix socket. One goroutine may read while any number write.
type Conn struct {
	// JSONLimit is the longest JSON body that Read takes: MaxJSON, or MaxAnswer on the side that asks a psserver.
	JSONLimit uint32

	socket *net.UnixConn
	body   []byte                 // reused by Read
	room   func() (uint64, error) // how long a received inline bundle may be; nil: bundles are descriptors

	mu sync.Mutex // one frame is written at a time
}

// NewConn takes the socket over: closing the Conn closes it.
func NewConn(socket *net.UnixConn) *Conn { return &Conn{socket: socket, JSONLimit: MaxJSON} }

// Dial connects to the socket at path.
func Dial(path string) (*Conn, error) {
	socket, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", path, err)
	}
	return NewConn(socket), nil
}

// Socket returns the connection underneath, for deadlines and peer credentials.
func (c *Conn) Socket() *net.UnixConn { return c.socket }

// Close ends the stream; a Read or Write under way returns an error.
func (c *Conn) Close() error { return c.socket.Close() }

// Read returns the next frame. It is io.EOF only between frames; a stream cut inside one is io.ErrUnexpectedEOF.
func (c *Conn) Read() (Frame, error) {
	h, file, err := c.readHeader()
	if err != nil {
		return Frame{}, err
	}
	body, err := c.readBody(h, &c.body)
	if err == nil && h.bundle == inline {
		file, err = c.readChunks(body)
	}
	if err != nil {
		closeFile(file)
		return Frame{}, err
	}
	return Frame{Kind: h.kind, Rows: h.rows, Body: body, File: file}, nil
}

// readBody lets the buffer grow as bytes arrive, so that a length alone costs nothing.
func (c *Conn) readBody(h header, buffer *[]byte) ([]byte, error) {
	n := int(h.length)
	have := 0
	for have < n {
		if have == cap(*buffer) {
			grown := make([]byte, min(n, max(firstBodyBytes, 2*have)))
			copy(grown, (*buffer)[:have])
			*buffer = grown
		}
		m, err := io.ReadFull(c.socket, (*buffer)[have:min(n, cap(*buffer))])
		have += m
		if err != nil {
			return nil, cut(err)
		}
		*buffer = (*buffer)[:cap(*buffer)]
	}
	body := (*buffer)[:n]
	if crc32.ChecksumIEEE(body) != h.crc {
		return nil, Errorf(Protocol, "%s frame of %d bytes arrived damaged (checksum differs)", h.kind, h.length)
	}
	return body, nil
}

// Write sends one frame. fd is a descriptor to pass along, or -1; it stays the caller's.
func (c *Conn) Write(kind Kind, body []byte, rows uint32, fd int) error {
	h := header{kind: kind, rows: rows}
	if fd >= 0 {
		h.bundle = descriptor
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.write(h, body, fd)
}

// write sends one frame. Callers hold mu.
func (c *Conn) write(h header, body []byte, fd int) error {
	kind, limit := h.kind, MaxAnswer
	if kind == Batch {
		limit = MaxBatch
	}
	if len(body) > limit {
		return Errorf(Internal, "%s frame of %d bytes; at most %d are allowed", kind, len(body), limit)
	}
	h.length, h.crc = uint32(len(body)), crc32.ChecksumIEEE(body)
	var head [HeaderSize]byte
	h.encode(&head)
	if fd >= 0 {
		if err := c.writeWithFD(head[:], fd); err != nil {
			return fmt.Errorf("write %s frame: %w", kind, err)
		}
		if _, err := c.socket.Write(body); err != nil {
			return fmt.Errorf("write %s frame: %w", kind, err)
		}
		return nil
	}
	buffers := net.Buffers{head[:], body}
	if _, err := buffers.WriteTo(c.socket); err != nil {
		return fmt.Errorf("write %s frame: %w", kind, err)
	}
	return nil
}

// WriteJSON sends v as the body of a frame, without a descriptor.
func (c *Conn) WriteJSON(kind Kind, v any) error { return c.WriteJSONFile(kind, v, nil) }

// WriteJSONFile sends v with a bundle's file beside it, or what is in it; file may be nil and stays the caller's.
func (c *Conn) WriteJSONFile(kind Kind, v any, file *os.File) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s frame: %w", kind, err)
	}
	if file == nil {
		return c.Write(kind, body, 0, -1)
	}
	if c.room != nil {
		return c.writeInline(kind, body, file)
	}
	raw, err := file.SyscallConn() // not Fd(): that would make the file blocking for everyone
	if err != nil {
		return fmt.Errorf("write %s frame: %w", kind, err)
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = c.Write(kind, body, 0, int(fd)) }); err != nil {
		return fmt.Errorf("write %s frame: %w", kind, err)
	}
	return sent
}

// WriteError answers with err, in the shape of the wire, as the last frame of the stream.
func (c *Conn) WriteError(err error) error { return c.WriteJSON(Err, asError(err)) }

// cut makes the end of a stream inside a frame an error of its own.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
