// Package control answers the driver, over a Unix socket in a directory that only its user can enter (proto/README.md, "Driver →
// psserver"). A connection is a HELLO and then calls, one answered after the other; a driver that wants to wait for updates and
// watch the run at once opens two. Each op is a small function in ops.go that translates JSON to the session and back.
//
// What shares memory with the driver, a callable descent, is for a driver whose bundles are descriptors; one whose bundles travel inline has the rest.
//
// An op that fails is answered with ERROR, and the connection stays: the driver decides what to do. Only a frame that can't be
// understood ends it.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/psserver/session"
)

// Server listens for the driver.
type Server struct {
	session  *session.Session
	log      *slog.Logger
	listener *net.UnixListener
	dir      string
	lock     *os.File // of the directory, held while it is there
	stages   stages

	ctx         context.Context
	stop        context.CancelCauseFunc
	mu          sync.Mutex // no connection begins once ctx has ended
	connections sync.WaitGroup
}

// Listen makes the socket, in a new private directory of the session's, and removes the directories of psservers that were killed.
func Listen(s *session.Session, log *slog.Logger) (*Server, error) {
	const socket, prefix = "control", "ps-"
	dir, err := life.RuntimeDir(prefix+s.ID, socket)
	if err != nil {
		return nil, err
	}
	c := &Server{session: s, log: log, dir: dir, stages: stages{named: map[string]*stage{}}}
	c.ctx, c.stop = context.WithCancelCause(context.Background())
	if c.lock, err = life.Own(dir); err != nil {
		os.Remove(dir)
		return nil, err
	}
	life.Sweep(filepath.Dir(dir), func(name string) bool { return strings.HasPrefix(name, prefix) }, life.LockName)
	if c.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, socket), Net: "unix"}); err != nil {
		c.leave()
		return nil, fmt.Errorf("listen for the driver: %w", err)
	}
	return c, nil
}

// leave removes the directory, which nobody else puts anything into; the socket's file has gone with the listener.
func (c *Server) leave() {
	os.Remove(filepath.Join(c.dir, life.LockName))
	os.Remove(c.dir)
	c.lock.Close()
}

// Path is where the driver finds the socket.
func (c *Server) Path() string { return c.listener.Addr().String() }

// Serve answers until ctx is done, and returns when every connection is closed and the socket is gone.
func (c *Server) Serve(ctx context.Context) error {
	defer c.leave()
	defer c.stages.close()
	defer c.connections.Wait()
	defer c.end(session.ErrStopped)
	stop := context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
	defer stop()
	for {
		socket, err := c.listener.AcceptUnix()
		if err != nil {
			if c.ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept the driver: %w", err)
		}
		c.connections.Go(func() { c.attend(socket, false) })
	}
}

// end takes no connection any more, and ends those there are.
func (c *Server) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop(why)
	c.listener.Close()
}

// attend serves one connection, and closes it.
func (c *Server) attend(socket *net.UnixConn, remote bool) {
	defer socket.Close()
	end := context.AfterFunc(c.ctx, func() { socket.SetReadDeadline(past) })
	defer end()
	if err := c.talk(socket, remote); err != nil && c.ctx.Err() == nil {
		c.log.Warn("driver's connection ended", "error", err)
	}
}

// talk is one connection, from HELLO to the end. remote: it has come through a tunnel.
func (c *Server) talk(socket *net.UnixConn, remote bool) error {
	if !remote {
		if err := life.CheckPeer(socket); err != nil {
			return err
		}
	}
	conn := frame.NewConn(socket)
	var hello struct {
		frame.Greeting
		Bundles string `json:"bundles"`
	}
	if err := conn.ReadHello(&hello); err != nil {
		if !errors.Is(err, io.EOF) {
			conn.WriteError(err)
		}
		return err
	}
	if hello.Bundles != "inline" && (hello.Bundles != "" || remote) {
		err := frame.Errorf(frame.Protocol, `bundles are "inline" or descriptors, not %q`, hello.Bundles)
		conn.WriteError(err)
		return err
	}
	greeting := struct {
		frame.Greeting
		SessionID string `json:"session_id"`
		PID       int    `json:"pid"`
	}{frame.NewGreeting(), c.session.ID, os.Getpid()}
	if err := conn.WriteJSON(frame.OK, greeting); err != nil {
		return err
	}
	if hello.Bundles == "inline" {
		conn.Inline(life.AvailableMemory)
	}
	for {
		f, err := conn.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			conn.WriteError(err)
			return err
		}
		if f.Kind != frame.Call {
			if f.File != nil {
				f.File.Close()
			}
			err := frame.Errorf(frame.Protocol, "%s where a CALL was due", f.Kind)
			conn.WriteError(err)
			return err
		}
		if err := c.answer(conn, f, remote); err != nil {
			return err
		}
	}
}

// answer runs one op. The descriptor that came along is closed here; what the op answers with is closed when it has been sent.
func (c *Server) answer(conn *frame.Conn, f frame.Frame, remote bool) error {
	if f.File != nil {
		defer f.File.Close()
	}
	var call struct {
		Op    string `json:"op"`
		Stage string `json:"stage"`
		Hold  string `json:"hold"`
	}
	if err := json.Unmarshal(f.Body, &call); err != nil {
		return conn.WriteError(frame.Errorf(frame.Protocol, "read CALL: %w", err))
	}
	if remote && !remotely[call.Op] {
		return conn.WriteError(frame.Errorf(frame.Denied, "%q is for a driver on psserver's own machine", call.Op))
	}
	if conn.IsInline() {
		switch call.Op {
		case "stage":
			if err := c.stages.put(f.Body, f.File); err != nil {
				return conn.WriteError(err)
			}
			return conn.WriteJSON(frame.OK, empty{})
		case "part":
			return c.stages.part(conn, f.Body)
		case "drop":
			c.stages.drop(call.Hold)
			return conn.WriteJSON(frame.OK, empty{})
		}
	}
	if call.Stage != "" && f.File == nil {
		staged, err := c.stages.take(call.Stage)
		if err != nil {
			return conn.WriteError(err)
		}
		defer staged.Close()
		f.File = staged
	}
	run, ok := ops[call.Op]
	if !ok {
		return conn.WriteError(frame.Errorf(frame.Protocol, "there is no op %q: are driver and psserver of one version?", call.Op))
	}
	if conn.IsInline() && needsSharedMemory(call.Op, f.Body) {
		return conn.WriteError(frame.Errorf(frame.BadInput, "descent can't be a function here: it would change the model in memory that the driver shares with psserver, "+
			"and this driver shares none; give a named rule, e.g. AdaGrad(learning_rate=0.1), which psserver applies by itself"))
	}
	reply, file, err := run(c.ctx, c.session, f.Body, f.File)
	if call.Hold != "" && file != nil {
		c.stages.keep(call.Hold, file)
		file = nil
	}
	if file != nil {
		defer file.Close()
	}
	if err != nil {
		c.log.Debug("op failed", "op", call.Op, "error", err)
		return conn.WriteError(coded(err))
	}
	if err := conn.WriteJSONFile(frame.OK, reply, file); err != nil {
		return err
	}
	if call.Op == "stop" {
		c.session.Stop("the driver has ended the session") // after its answer: stopping closes this connection
	}
	return nil
}

// needsSharedMemory tells whether a call is for a descent that is a function of the driver's: what open_training takes for one, and its updates.
func needsSharedMemory(op string, request []byte) bool {
	switch op {
	case "next_update", "update_applied", "update_failed":
		return true
	case "open_training":
		var open struct {
			Kind    string          `json:"kind"`
			Descent json.RawMessage `json:"descent"`
		}
		err := json.Unmarshal(request, &open)
		return err == nil && open.Kind == session.KindModel && !bytes.HasPrefix(open.Descent, []byte("{"))
	}
	return false
}

// coded gives an error of the session the code of the wire.
func coded(err error) error {
	var e *frame.Error
	if errors.As(err, &e) {
		return err
	}
	code := frame.Internal
	switch {
	case errors.Is(err, session.ErrBadInput), errors.Is(err, session.ErrUnknown):
		code = frame.BadInput
	case errors.Is(err, session.ErrStopped):
		code = frame.Stopped
	case errors.Is(err, session.ErrLeft):
		code = frame.Lost
	}
	return frame.Errorf(code, "%w", err)
}
