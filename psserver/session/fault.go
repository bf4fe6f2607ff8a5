package session

import (
	"errors"
	"fmt"
)

// Sentinels that tell a caller what may be done about an error; test with errors.Is.
var (
	ErrBadInput = errors.New("bad input") // the user's data, settings or code: a retry will not help
	ErrStopped  = errors.New("stopped")   // the training or the session has ended
	ErrLeft     = errors.New("left")      // the worker is not, or no longer, part of the session
	ErrBuild    = errors.New("build")     // the sidecar is of another release
	ErrUnknown  = errors.New("unknown")   // no such training, tensor, word, update
)

// fault is a sentence for people with a sentinel for programs.
type fault struct {
	kind error
	err  error
}

func (f *fault) Error() string   { return f.err.Error() }
func (f *fault) Unwrap() []error { return []error{f.kind, f.err} }

func faultf(kind error, format string, args ...any) error {
	return &fault{kind, fmt.Errorf(format, args...)}
}
