package frame

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// FuzzRead feeds a stream of any bytes to Read: it must end with an error or hand out bodies whose checksums agree, and hold
// no more memory than twice what came.
func FuzzRead(f *testing.F) {
	for _, seed := range seedStreams() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 1<<16 {
			return // what fits into the socket without a second goroutine
		}
		a, b := pair(t)
		a.socket.Write(stream)
		a.Close()
		for {
			frame, err := b.Read()
			if err != nil {
				return
			}
			if !frame.Kind.known() || !bytes.Contains(stream, frame.Body) {
				t.Fatalf("%s frame of %d bytes was not in the stream", frame.Kind, len(frame.Body))
			}
			if cap(b.body) > max(firstBodyBytes, 2*len(stream)) {
				t.Fatalf("%d bytes held for a stream of %d", cap(b.body), len(stream))
			}
		}
	})
}

func seedStreams() [][]byte {
	frame := func(kind Kind, body string, rows uint32) []byte {
		var head [HeaderSize]byte
		header{length: uint32(len(body)), crc: crc32.ChecksumIEEE([]byte(body)), kind: kind, rows: rows}.encode(&head)
		return append(head[:], body...)
	}
	hello := frame(Hello, `{"protocol":1,"build":"0.1.0","op":"ingest"}`, 0)
	batch := frame(Batch, "not really arrow", 3)
	end := frame(End, `{"rows":3,"batches":1}`, 0)
	long := bytes.Clone(batch)
	binary.LittleEndian.PutUint32(long, 1<<31)
	damaged := bytes.Clone(hello)
	damaged[20] ^= 4
	return [][]byte{
		nil, hello, append(append(bytes.Clone(hello), batch...), end...), hello[:9], append(bytes.Clone(hello), batch[:20]...), long, damaged,
		frame(Err, `{"code":"lost","message":"gone"}`, 0), frame(OK, "", 0), frame(Kind(77), "{}", 0),
	}
}
