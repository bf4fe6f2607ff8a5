package psclient

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	pb "deepdist/proto/deepdist/v1"
)

// Driver is a driver's connection, as Control needs it.
type Driver interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
}

// Control carries what a driver asks to psserver, and the answers back, until either of them has said its last. It looks at nothing.
func (c *Client) Control(ctx context.Context, driver Driver) error {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer driver.SetReadDeadline(time.Unix(1, 0)) // wakes it
	defer cancel()
	stream, err := c.api.Control(ctx)
	if err != nil {
		return c.broken("control", err)
	}
	asking.Go(func() {
		buffer := make([]byte, 256<<10)
		for {
			n, err := driver.Read(buffer)
			if n > 0 && stream.Send(&pb.ControlBytes{Bytes: buffer[:n]}) != nil {
				return // Recv knows why
			}
			switch {
			case errors.Is(err, io.EOF):
				stream.CloseSend()
				return
			case err != nil:
				cancel()
				return
			}
		}
	})
	for {
		message, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.broken("control", err)
		}
		if _, err := driver.Write(message.Bytes); err != nil {
			return nil // the task has gone
		}
	}
}
