package psclient

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"deepdist/internal/frame"
)

// unreachable tells whether the server has perhaps not got the call.
func unreachable(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

// answered turns the server's refusal into an error with the code that the task will get.
func (c *Client) answered(what string, err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return fmt.Errorf("%s: %w", what, err)
	}
	code := frame.Internal
	switch s.Code() {
	case codes.Unauthenticated, codes.PermissionDenied:
		code = frame.Denied
	case codes.Unimplemented:
		code = frame.Build
	case codes.InvalidArgument, codes.ResourceExhausted:
		code = frame.BadInput
	case codes.FailedPrecondition, codes.Canceled, codes.NotFound:
		code = frame.Stopped
	case codes.Aborted:
		code = frame.Lost
	}
	return frame.Errorf(code, "%s: psserver at %s says: %s", what, c.server.Address, s.Message())
}

// broken is the end of a stream that is not begun again: what the server has said, or that it is gone.
func (c *Client) broken(what string, err error) error {
	if unreachable(err) {
		return frame.Errorf(frame.Lost, "%s: psserver at %s is gone: %s", what, c.server.Address, status.Convert(err).Message())
	}
	return c.answered(what, err)
}

// lost is the end of the session here: the server does not answer any more.
func (c *Client) lost(what string, err error) error {
	return frame.Errorf(frame.Lost, "%s: psserver at %s has not answered for %s (%s). It runs beside the Spark driver: look there whether it "+
		"has ended, and whether the executors may reach that address", what, c.server.Address, patience, status.Convert(err).Message())
}
