package arrowguard

import (
	"bytes"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"deepdist/internal/frame"
)

// Layout names the one column of a stream's batches.
type Layout string

// The layouts of proto/README.md.
const (
	Lines Layout = "utf8"       // lines of text, to be split at whitespace
	Lists Layout = "list<utf8>" // lists of tokens, taken as they are
)

// ParseLayout refuses what HELLO may not name.
func ParseLayout(name string) (Layout, error) {
	if l := Layout(name); l == Lines || l == Lists {
		return l, nil
	}
	return "", frame.Errorf(frame.Protocol, "unknown layout %q: it is %q or %q", name, Lines, Lists)
}

func (l Layout) nodes() int { // field nodes, depth first
	if l == Lists {
		return 2
	}
	return 1
}

func (l Layout) buffers() int { // validity, offsets, data; a list adds its validity and offsets
	if l == Lists {
		return 5
	}
	return 3
}

// schema returns the schema of the layout. Names and nullability mean nothing for how a batch is read.
func (l Layout) schema() *arrow.Schema {
	var t arrow.DataType = arrow.BinaryTypes.String
	if l == Lists {
		t = arrow.ListOf(t)
	}
	return arrow.NewSchema([]arrow.Field{{Name: "text", Type: t, Nullable: true}}, nil)
}

// schemaMessage is the message that begins a stream of this layout, written by ourselves: no foreign one is ever parsed.
func (l Layout) schemaMessage() ([]byte, error) {
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(l.schema()))
	if err := w.Close(); err != nil {
		return nil, err
	}
	return stream.Bytes(), nil
}
