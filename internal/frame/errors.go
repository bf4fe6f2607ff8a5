package frame

import (
	"errors"
	"fmt"
	"strings"
)

// Code tells the receiver of an ERROR what may be done about it.
type Code string

// The codes of the protocol.
const (
	Protocol Code = "protocol"  // the ends do not understand each other
	Build    Code = "build"     // the ends are of different releases
	Denied   Code = "denied"    // wrong token, wrong user
	BadInput Code = "bad_input" // the user's data or code: not worth a retry
	Lost     Code = "lost"      // worth a retry elsewhere or later
	Stopped  Code = "stopped"   // the session or the training has ended
	Internal Code = "internal"  // a defect of DeepDist
)

// Error is the body of an ERROR frame, on both ends: what WriteError sends is what the other end's calls return.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	cause   error
}

// Errorf makes an Error; %w keeps its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Error returns the message; the code is for programs.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause on the end where the error arose.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf finds the code in err's chain. An error without one is Internal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// asError gives err the shape of the wire: the code from its chain, the message of the whole chain.
func asError(err error) *Error {
	message := strings.ToValidUTF8(err.Error(), "�")
	if len(message) > 64<<10 { // a Python traceback may be long; a frame may not
		message = strings.ToValidUTF8(message[:32<<10], "") + "\n…\n" + strings.ToValidUTF8(message[len(message)-32<<10:], "")
	}
	return &Error{Code: CodeOf(err), Message: message}
}
