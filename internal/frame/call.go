package frame

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"deepdist/internal/version"
)

// Greeting is what every HELLO has; a stream's own HELLO embeds it and adds what the stream is for.
type Greeting struct {
	Protocol int    `json:"protocol"`
	Build    string `json:"build"`
}

// NewGreeting returns the greeting of this build.
func NewGreeting() Greeting { return Greeting{Protocol: version.Protocol, Build: version.Build} }

// Check refuses an end that is of another release: even with one protocol the two have not been tested together.
func (g Greeting) Check(who string) error {
	if g == NewGreeting() {
		return nil
	}
	return Errorf(Build, "%s is build %s (protocol %d), %s is build %s (protocol %d): give driver and executors one release of DeepDist; "+
		"`make build` in the repository makes a matching set", who, g.Build, g.Protocol, filepath.Base(os.Args[0]), version.Build, version.Protocol)
}

// ReadHello reads the first frame of a stream into hello and refuses an end of another release.
func (c *Conn) ReadHello(hello any) error {
	f, err := c.Read()
	if err != nil {
		return err
	}
	if f.Kind != Hello || f.File != nil {
		closeFile(f.File)
		return Errorf(Protocol, "the stream begins with %s, not with HELLO", f.Kind)
	}
	var g Greeting
	if err := json.Unmarshal(f.Body, &g); err != nil {
		return Errorf(Protocol, "read HELLO: %w", err)
	}
	if err := g.Check("the Python package"); err != nil {
		return err
	}
	return f.Into(hello)
}

// Greet sends hello (which embeds a Greeting) and reads the answer into answer, which may be nil.
func (c *Conn) Greet(hello, answer any) error {
	if err := c.WriteJSON(Hello, hello); err != nil {
		return err
	}
	file, err := c.Answer(answer)
	closeFile(file)
	return err
}

// Call sends a request, with a descriptor unless file is nil, and reads its answer, whose descriptor is the caller's.
func (c *Conn) Call(request any, file *os.File, answer any) (*os.File, error) {
	if err := c.WriteJSONFile(Call, request, file); err != nil {
		return nil, err
	}
	return c.Answer(answer)
}

// Answer reads an OK into answer. An ERROR frame becomes an *Error; events in between are skipped.
func (c *Conn) Answer(answer any) (*os.File, error) {
	for {
		f, err := c.Read()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		switch f.Kind {
		case OK:
			if answer != nil {
				if err := f.Into(answer); err != nil {
					closeFile(f.File)
					return nil, err
				}
			}
			return f.File, nil
		case Event:
			closeFile(f.File)
		default:
			closeFile(f.File)
			return nil, f.AsError()
		}
	}
}

// ReadJSON reads the next frame, which must be of this kind, into v. An ERROR frame becomes an *Error.
func (c *Conn) ReadJSON(kind Kind, v any) (*os.File, error) {
	f, err := c.Read()
	if err != nil {
		return nil, err
	}
	if f.Kind != kind {
		closeFile(f.File)
		return nil, f.AsError()
	}
	if err := f.Into(v); err != nil {
		closeFile(f.File)
		return nil, err
	}
	return f.File, nil
}

// Into decodes the frame's JSON.
func (f Frame) Into(v any) error {
	if err := json.Unmarshal(f.Body, v); err != nil {
		return Errorf(Protocol, "read %s: %w", f.Kind, err)
	}
	return nil
}

// AsError is the error that an ERROR frame carries; any other kind was out of place, which is an error too.
func (f Frame) AsError() error {
	if f.Kind != Err {
		return Errorf(Protocol, "%s frame out of place", f.Kind)
	}
	e := &Error{}
	if err := f.Into(e); err != nil {
		return err
	}
	return e
}
