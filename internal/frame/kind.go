package frame

import "fmt"

// Kind says what a frame carries.
type Kind uint8

// The kinds of frames, as proto/README.md numbers them.
const (
	Hello Kind = 1 // JSON: what the stream is for
	OK    Kind = 2 // JSON: the answer
	Err   Kind = 3 // JSON: an Error; the stream ends
	Batch Kind = 4 // one encapsulated Arrow record batch message
	End   Kind = 5 // JSON: the totals of the stream
	Call  Kind = 6 // JSON: {"op", …}, answered by OK or Err
	Event Kind = 7 // JSON: progress, unasked
	Chunk Kind = 8 // bytes of the bundle that the frame before them announced
)

var kindNames = [...]string{Hello: "HELLO", OK: "OK", Err: "ERROR", Batch: "BATCH", End: "END", Call: "CALL", Event: "EVENT", Chunk: "CHUNK"}

func (k Kind) known() bool { return k >= Hello && k <= Chunk }

// String returns the name that the protocol's README uses.
func (k Kind) String() string {
	if k.known() {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}
