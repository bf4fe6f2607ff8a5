package arrowguard

import (
	"encoding/binary"

	"deepdist/internal/frame"
)

// Limits of one message.
const (
	MaxMetadata = 64 << 10
	MaxBody     = 64 << 20
)

// shape is what the first gate has found: where the parts of the message lie, and how long its columns are.
type shape struct {
	metadata, body []byte
	rows           int64
	nodes          []node
}

type node struct{ length, nulls int64 }

// The numbers of Arrow's Message.fbs and Schema.fbs that matter here.
const (
	continuation      = 0xFFFFFFFF
	versionV5         = 4
	headerRecordBatch = 3
)

// checkShape is the first gate. After it, everything that Arrow's reader will follow or allocate is known to be in bounds.
func checkShape(message []byte, layout Layout) (shape, error) {
	var s shape
	if len(message) < 8 || binary.LittleEndian.Uint32(message) != continuation {
		return s, refuse("it is not an encapsulated IPC message")
	}
	length := binary.LittleEndian.Uint32(message[4:])
	if length > MaxMetadata || int(length) > len(message)-8 || length%8 != 0 {
		return s, refuse("metadata of %d bytes in a message of %d", length, len(message))
	}
	s.metadata, s.body = message[8:8+length], message[8+length:]
	if len(s.body) > MaxBody {
		return s, refuse("a body of %d bytes; at most %d are allowed", len(s.body), MaxBody)
	}

	fb := flatbuffer(s.metadata)
	root, ok := fb.root()
	if !ok {
		return s, refuse("its metadata is damaged")
	}
	version, ok1 := fb.scalar(root, 0, 2)
	kind, ok2 := fb.scalar(root, 1, 1)
	bodyLength, ok3 := fb.scalar(root, 3, 8)
	if !ok1 || !ok2 || !ok3 || version != versionV5 || kind != headerRecordBatch {
		return s, refuse("it is not a record batch of Arrow's format version 5")
	}
	if bodyLength != uint64(len(s.body)) {
		return s, refuse("it announces a body of %d bytes and has %d", bodyLength, len(s.body))
	}
	batch, ok := fb.table(root, 2)
	if !ok || batch == absent {
		return s, refuse("its metadata is damaged")
	}
	if compression, ok := fb.table(batch, 3); !ok || compression != absent {
		return s, refuse("its buffers are compressed: write them without compression")
	}
	if variadic, ok := fb.field(batch, 4); !ok || variadic != absent {
		return s, refuse("it has view columns: cast them to string")
	}
	return s, s.checkColumns(fb, batch, layout)
}

// checkColumns compares the columns with the layout, which fixes how many nodes and buffers there are.
func (s *shape) checkColumns(fb flatbuffer, batch int, layout Layout) error {
	rows, ok := fb.scalar(batch, 0, 8)
	nodes, nodeCount, ok1 := fb.structs(batch, 1)
	buffers, bufferCount, ok2 := fb.structs(batch, 2)
	if !ok || !ok1 || !ok2 {
		return refuse("its metadata is damaged")
	}
	if nodeCount != layout.nodes() || bufferCount != layout.buffers() {
		return refuse("it has %d columns and %d buffers; layout %q has %d and %d", nodeCount, bufferCount, layout, layout.nodes(), layout.buffers())
	}
	s.rows = int64(rows)
	for i := range nodeCount {
		n := node{length: fb.int64(nodes + 16*i), nulls: fb.int64(nodes + 16*i + 8)}
		if n.length < 0 || n.length > MaxBody || n.nulls < 0 || n.nulls > n.length {
			return refuse("a column of %d values with %d nulls", n.length, n.nulls)
		}
		s.nodes = append(s.nodes, n)
	}
	if s.nodes[0].length != s.rows {
		return refuse("%d rows with a column of %d", s.rows, s.nodes[0].length)
	}
	for i := range bufferCount {
		offset, length := fb.int64(buffers+16*i), fb.int64(buffers+16*i+8)
		if offset < 0 || length < 0 || offset > int64(len(s.body)) || length > int64(len(s.body))-offset {
			return refuse("a buffer [%d, %d+%d) outside its body of %d bytes", offset, offset, length, len(s.body))
		}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return frame.Errorf(frame.Protocol, "Arrow message refused: "+format, args...)
}
