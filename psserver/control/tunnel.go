package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// remotely are the ops that a driver may call who comes through a tunnel. Not among them: to read the names of this machine's files, and
// to end psserver, which belongs to whoever has started it.
var remotely = map[string]bool{
	"define_tensor": true, "open_training": true, "ingest_status": true, "settle_vocabulary": true, "training_status": true, "watch": true,
	"reopen": true, "fetch": true, "fetch_vocabulary": true, "most_similar": true, "close_training": true, "stage": true, "part": true, "drop": true,
	"next_update": true, "update_applied": true, "update_failed": true, // to be told that a descent can't be a function
}

// Tunnel returns one end of a connection whose other end is answered as a driver's, with inline bundles only. The caller closes it. It has
// been let in by the session's token, so no peer is checked.
func (c *Server) Tunnel() (*net.UnixConn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a tunnel for the driver: %w", err)
	}
	near, err := connOf(fds[0])
	far, err2 := connOf(fds[1])
	if err := errors.Join(err, err2); err != nil {
		for _, conn := range []*net.UnixConn{near, far} {
			if conn != nil {
				conn.Close()
			}
		}
		return nil, fmt.Errorf("make a tunnel for the driver: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		near.Close()
		far.Close()
		return nil, context.Cause(c.ctx)
	}
	c.connections.Go(func() { c.attend(far, true) })
	return near, nil
}

func connOf(fd int) (*net.UnixConn, error) {
	file := os.NewFile(uintptr(fd), "tunnel")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}
