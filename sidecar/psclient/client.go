package psclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"

	"deepdist/internal/auth"
	pb "deepdist/proto/deepdist/v1"
)

// Limits of the wire.
const (
	maxMessage = 16 << 20
	chunkBytes = 4 << 20
)

// Server says where a psserver is and how to know it.
type Server struct {
	SessionID         string
	Address           string // host:port
	Token             string
	CertificateSHA256 string
}

// Client is what one worker has of its psserver: two connections and a name.
type Client struct {
	server Server
	conns  [2]*grpc.ClientConn
	tally  *Tally
	api    pb.ParameterServerClient
	pulse  pb.ParameterServerClient // a connection of its own for the calls that keep the lease: pushes may fill the other one
	worker string                   // assigned by Join

	// ReportInterval and Lease come with Join.
	ReportInterval, Lease time.Duration
}

// Dial prepares the connections; they are made by the first calls. What travels is counted in tally.
func Dial(server Server, tally *Tally) (*Client, error) {
	options, err := auth.DialOptions(server.Token, server.CertificateSHA256)
	if err != nil {
		return nil, fmt.Errorf("connect to psserver at %s: %w", server.Address, err)
	}
	options = append(options,
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 12 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
		grpc.WithInitialWindowSize(4<<20), grpc.WithInitialConnWindowSize(16<<20), // rows come in chunks of 4 MiB
		grpc.WithReadBufferSize(256<<10), grpc.WithWriteBufferSize(256<<10),
	)
	c := &Client{server: server, tally: tally}
	for i := range c.conns {
		if c.conns[i], err = grpc.NewClient("passthrough:///"+server.Address, options...); err != nil {
			c.Close()
			return nil, fmt.Errorf("connect to psserver at %s: %w", server.Address, err)
		}
	}
	c.api, c.pulse = pb.NewParameterServerClient(c.conns[0]), pb.NewParameterServerClient(c.conns[1])
	return c, nil
}

// WorkerID is the name that the server has given to this worker.
func (c *Client) WorkerID() string { return c.worker }

// Address is the server's.
func (c *Client) Address() string { return c.server.Address }

// Close ends the connections; calls under way fail.
func (c *Client) Close() (err error) {
	for _, conn := range c.conns {
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	return err
}

// answerTime is how long a call may take that asks for little. A server that holds its lock for a large model is slow, and alive; one that
// hangs is told by the keepalive, which ends its connections after 17 seconds, whatever call waits on them.
const answerTime = 30 * time.Second

// patience is for how long a server that can't be reached is asked again.
const patience = 5 * time.Second

// retry repeats a call until the server has answered, ctx has ended or patience is over. Each try has its own deadline.
func (c *Client) retry(ctx context.Context, what string, deadline time.Duration, call func(context.Context) error) error {
	var since time.Time
	pause := 50 * time.Millisecond
	for {
		try, cancel := context.WithTimeout(ctx, deadline)
		err := call(try)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
		if !unreachable(err) {
			return c.answered(what, err)
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) > patience {
			return c.lost(what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}
