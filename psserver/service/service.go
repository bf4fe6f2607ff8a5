// Package service serves the session to the sidecars: the gRPC API of proto/deepdist/v1, one call per file. It translates and
// checks sizes; what a call means is decided in session. Generated types stop here.
//
// What arrives is foreign until it has been checked here: lengths before anything is allocated for them, every key against its
// tensor, every number for being finite. What a push may take of the memory is reserved before it is read, so many workers that
// push at once wait in their streams (HTTP/2's flow control holds them there) and not in ours.
//
// How errors travel, for the sidecar to decide by:
//
//	InvalidArgument     the user's data or settings: no retry helps
//	Unimplemented       a sidecar of another release
//	FailedPrecondition  the training or the session has ended
//	Aborted             this worker is not, or no longer, part of the session: join again
//	NotFound            no such training or tensor
//	Unauthenticated     package auth: wrong token
package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/netutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/cursor"
	"deepdist/psserver/session"
)

const (
	maxMessage = 16 << 20 // either way
	maxChunk   = 4 << 20  // of values in one message
	maxStreams = 256      // calls at once on one connection: a gradient's Push waits for the driver, one for each task of an executor
	maxWait    = time.Minute
)

// Service answers for one session.
type Service struct {
	pb.UnimplementedParameterServerServer
	session *session.Session
	tunnel  func() (*net.UnixConn, error)
}

// NewServer makes the gRPC server of a session; tunnel makes connections to whoever answers drivers; options are the ones of package auth.
func NewServer(s *session.Session, tunnel func() (*net.UnixConn, error), options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(append([]grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(16 << 10),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}),
		// A slice is megabytes; with the default windows of 64 KiB a round trip would be waited for at every 64 KiB.
		grpc.InitialWindowSize(4 << 20),
		grpc.InitialConnWindowSize(16 << 20),
		grpc.StatsHandler(hangUps{s}),
	}, options...)...)
	pb.RegisterParameterServerServer(server, &Service{session: s, tunnel: tunnel})
	return server
}

// maxConnections bounds the workers, which have two each: one for reports, one for everything else.
const maxConnections = 2048

// ErrListen means that the address is none of this machine's, or that its port is taken.
var ErrListen = errors.New("listen for workers")

// Listen opens the port that workers dial.
func Listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w on %s: %w; choose an address of this machine that the executors can reach", ErrListen, address, err)
	}
	return netutil.LimitListener(listener, maxConnections), nil
}

// statusOf gives an error of the session its code.
func statusOf(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	code := codes.Internal
	switch {
	case errors.Is(err, session.ErrBuild):
		code = codes.Unimplemented
	case errors.Is(err, session.ErrBadInput):
		code = codes.InvalidArgument
	case errors.Is(err, session.ErrStopped):
		code = codes.FailedPrecondition
	case errors.Is(err, session.ErrLeft):
		code = codes.Aborted
	case errors.Is(err, session.ErrUnknown):
		code = codes.NotFound
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	}
	return status.Error(code, err.Error())
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// cursors writes where cursors stand.
func cursors(list []cursor.At) []*pb.Cursor {
	out := make([]*pb.Cursor, len(list))
	for i, c := range list {
		out[i] = &pb.Cursor{Epoch: c.Epoch, Partition: c.Partition, From: c.Records, To: c.Records, Words: 0,
			PrefixHash: c.Hash, Hash: c.Hash, Last: c.Last}
	}
	return out
}
