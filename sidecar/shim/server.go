package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/internal/vec"
	"deepdist/internal/version"
)

// Server serves the socket of one executor.
type Server struct {
	socket   *net.UnixListener
	sessions *sessions
	log      *slog.Logger

	ctx     context.Context
	stop    context.CancelFunc
	streams sync.WaitGroup

	mu    sync.Mutex
	conns map[*frame.Conn]bool // open streams, to be closed when the server stops
}

// SocketName is the socket's name in the sidecar's directory.
const SocketName = "s"

// Listen opens the socket in a private directory. The caller holds the directory's lock, so a socket that lies there is of a process
// that has died.
func Listen(dir string, log *slog.Logger) (*Server, error) {
	path := filepath.Join(dir, SocketName)
	if len(path) > life.MaxSocketPath {
		return nil, fmt.Errorf("the socket's path %s has %d bytes; at most %d are possible: choose a shorter --dir", path, len(path), life.MaxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{socket: socket, sessions: newSessions(log), log: log, conns: map[*frame.Conn]bool{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Idle is for how long the server has had neither a session nor a stream.
func (s *Server) Idle() time.Duration {
	s.mu.Lock()
	streams := len(s.conns)
	s.mu.Unlock()
	if streams > 0 {
		return 0
	}
	return s.sessions.idle()
}

// Serve answers streams until Close. It returns nil then, else why it can't go on.
func (s *Server) Serve() error {
	for {
		conn, err := s.socket.AcceptUnix()
		if err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept: %w", err)
		}
		c := frame.NewConn(conn)
		if !s.register(c) {
			c.Close()
			return nil
		}
		s.streams.Go(func() {
			defer s.unregister(c)
			s.stream(c)
		})
	}
}

// Close ends all sessions and streams, for this reason, and waits for them.
func (s *Server) Close(reason error) {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.socket.Close() // removes the socket's file
	s.sessions.close(reason)
	s.mu.Lock()
	for c := range s.conns {
		c.Socket().SetReadDeadline(time.Now()) // handlers answer, then end
		c.Socket().SetWriteDeadline(time.Now().Add(time.Second))
	}
	s.mu.Unlock()
	s.streams.Wait()
}

func (s *Server) register(c *frame.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.conns[c] = true
	return true
}

func (s *Server) unregister(c *frame.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	c.Close()
}

// helloPatience is how long a new connection may take to say what it wants.
const helloPatience = 30 * time.Second

// stream answers one connection.
func (s *Server) stream(c *frame.Conn) {
	if err := life.CheckPeer(c.Socket()); err != nil {
		c.WriteError(frame.Errorf(frame.Denied, "%w", err))
		return
	}
	var h hello
	c.Socket().SetReadDeadline(time.Now().Add(helloPatience))
	if err := c.ReadHello(&h); err != nil {
		if !errors.Is(err, io.EOF) {
			s.refuse(c, &h, err)
		}
		return
	}
	c.Socket().SetReadDeadline(time.Time{})
	if s.ctx.Err() != nil {
		s.refuse(c, &h, frame.Errorf(frame.Lost, "the sidecar stops"))
		return
	}
	if err := s.serve(c, &h); err != nil {
		s.refuse(c, &h, err)
	}
}

func (s *Server) serve(c *frame.Conn, h *hello) error {
	switch h.Op {
	case "ingest":
		return s.ingest(c, h)
	case "read":
		return s.read(c, h)
	case "train":
		return s.train(c, h)
	case "gradient":
		return s.gradient(c, h)
	case "control":
		return s.control(c, h)
	case "end":
		return s.end(c, h)
	case "ping":
		return s.ping(c)
	case "figures":
		return s.figures(c)
	}
	return frame.Errorf(frame.Protocol, "unknown op %q", h.Op)
}

func (s *Server) refuse(c *frame.Conn, h *hello, err error) {
	s.log.Warn("stream ended with an error", "hello", h, "error", err)
	c.WriteError(err) // if the task has gone there is nobody to tell
}

// welcome is the answer to a HELLO.
type welcome struct {
	Build  string `json:"build"`
	PID    int    `json:"pid"`
	Kernel string `json:"kernel"`
	Worker string `json:"worker_id,omitempty"`
}

func newWelcome(worker string) welcome {
	return welcome{Build: version.Build, PID: os.Getpid(), Kernel: vec.Name(), Worker: worker}
}
