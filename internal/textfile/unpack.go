package textfile

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"strings"

	"deepdist/internal/frame"
)

// unpack puts the decompressor that the name asks for between the file and the lines.
func (l *Lines) unpack() error {
	packed := bufio.NewReaderSize(l.from, 256<<10)
	if strings.HasSuffix(l.name, ".bz2") {
		l.from = &unpacked{from: bzip2.NewReader(packed), name: l.name}
		return nil
	}
	from, err := gzip.NewReader(packed)
	if err != nil {
		return damaged(l.name, err)
	}
	l.from = &unpacked{from: from, name: l.name}
	return nil
}

type unpacked struct {
	from io.Reader
	name string
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(u.name, err)
	}
	return n, err
}

// damaged is the error of a decompressor, unless it is one of reading the file.
func damaged(name string, err error) error {
	if errors.As(err, new(*frame.Error)) {
		return err
	}
	return frame.Errorf(frame.BadInput, "%s is damaged, or not what its name says: %w", name, err)
}
