package arrowguard

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"deepdist/internal/frame"
)

// Guard reads the batches of one stream. It is not safe for concurrent use.
type Guard struct {
	layout Layout
	feed   *feed
	reader *ipc.Reader
	rows   Rows
}

// New returns a guard for a stream of this layout.
func New(layout Layout) (*Guard, error) {
	schema, err := layout.schemaMessage()
	if err != nil {
		return nil, fmt.Errorf("write schema of layout %s: %w", layout, err)
	}
	allocator := &cappedAllocator{left: 2 * MaxBody} // a batch, and the one before it until Next has released it
	feed := &feed{}
	first := ipc.NewMessageReader(bytes.NewReader(schema), ipc.WithAllocator(allocator))
	defer first.Release()
	if feed.next, err = first.Message(); err != nil {
		return nil, fmt.Errorf("read schema of layout %s: %w", layout, err)
	}
	reader, err := ipc.NewReaderFromMessageReader(feed, ipc.WithAllocator(allocator), ipc.WithSchema(layout.schema()))
	if err != nil {
		return nil, fmt.Errorf("read schema of layout %s: %w", layout, err)
	}
	feed.next = nil
	return &Guard{layout: layout, feed: feed, reader: reader}, nil
}

// Close frees the last batch.
func (g *Guard) Close() { g.reader.Release() }

// Decode takes the body of a BATCH frame through the gates. The rows are valid until the next Decode, and do not depend on
// message any more. first is the number of the batch's first row in its partition, for the error message.
func (g *Guard) Decode(message []byte, announced uint32, first uint64) (rows *Rows, err error) {
	shape, err := checkShape(message, g.layout)
	if err != nil {
		return nil, err
	}
	if shape.rows != int64(announced) {
		return nil, refuse("it has %d rows, its frame announces %d", shape.rows, announced)
	}
	defer func() { // the gates leave no panic that we know of; this is for those that we don't
		if p := recover(); p != nil {
			rows, err = nil, refuse("%v", p)
		}
	}()
	g.feed.next = ipc.NewMessage(memory.NewBufferBytes(shape.metadata), memory.NewBufferBytes(shape.body))
	if !g.reader.Next() {
		return nil, refuse("%v", g.reader.Err())
	}
	column := g.reader.Record().Column(0).Data()
	if g.layout == Lists {
		err = g.rows.readLists(column, shape.nodes)
	} else {
		err = g.rows.readLines(column, shape.nodes)
	}
	if err != nil {
		return nil, err
	}
	if err := g.rows.checkContent(column, first); err != nil {
		return nil, err
	}
	return &g.rows, nil
}

// feed hands Arrow's reader the one message that has passed the first gate.
type feed struct{ next *ipc.Message }

func (f *feed) Message() (*ipc.Message, error) {
	if f.next == nil {
		return nil, frame.Errorf(frame.Internal, "no message")
	}
	m := f.next
	f.next = nil
	return m, nil
}

func (f *feed) Retain()  {}
func (f *feed) Release() {}

// cappedAllocator is Go's memory with a limit on what is held at once. Exceeding it panics, which Decode turns into an error.
type cappedAllocator struct{ left int }

func (a *cappedAllocator) Allocate(size int) []byte {
	if size < 0 || size > a.left {
		panic(fmt.Sprintf("it needs %d bytes more than the limit", size-a.left))
	}
	a.left -= size
	return memory.DefaultAllocator.Allocate(size)
}

func (a *cappedAllocator) Reallocate(size int, b []byte) []byte {
	if size < 0 || size-len(b) > a.left {
		panic(fmt.Sprintf("it needs %d bytes more than the limit", size-len(b)-a.left))
	}
	a.left -= size - len(b)
	return memory.DefaultAllocator.Reallocate(size, b)
}

func (a *cappedAllocator) Free(b []byte) {
	a.left += len(b)
	memory.DefaultAllocator.Free(b)
}
