package storage

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// breaking reads some bytes, and then says that its connection has ended, by io.EOF or in other words.
type breaking struct {
	*bytes.Reader
	left int
	err  error
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.err
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *breaking) Close() error { return nil }

// A NameNode that dies in the middle of an answer leaves io.EOF, which must not be taken for the end of the file: lines would be lost without a word.
func TestAnEndedConnectionIsNotTheEndOfTheFile(t *testing.T) {
	text := []byte("some lines\nof a file")
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, errors.New("connection reset by peer")} {
		for _, reads := range [][]int{{0}, {7, 0}} {
			opened := 0
			r := &reader{of: &cluster{}, file: File{Size: int64(len(text))}, open: func() (io.ReadSeekCloser, error) {
				b := &breaking{Reader: bytes.NewReader(text), left: len(text), err: io.EOF}
				if opened < len(reads) {
					b.left, b.err = reads[opened], broken
				}
				opened++
				return b, nil
			}}
			if _, err := r.Seek(5, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, text[5:]) || opened != len(reads)+1 {
				t.Errorf("%v after %d bytes: read %q, %v, opened %d times", broken, reads, got, err, opened)
			}
		}
	}
}
