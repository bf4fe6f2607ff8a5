package textfile

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"

	"deepdist/internal/frame"
)

// unpack puts the decompressor that the name asks for between the file and the lines.
func (l *Lines) unpack() error {
	packed := bufio.NewReaderSize(l.from, 256<<10)
	var from io.Reader
	var err error
	switch path.Ext(l.name) {
	case ".bz2":
		from = bzip2.NewReader(packed)
	case ".gz":
		from, err = gzip.NewReader(packed)
	case ".zst":
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(widest))
		if err == nil {
			from, l.packed = decoder, decoder.Close
		}
	}
	if err != nil {
		return damaged(l.name, err)
	}
	l.from = &unpacked{from: from, name: l.name}
	return nil
}

// widest is how far back a .zst may refer, and so what it takes of memory: what zstd itself reads without --long=28 or more.
const widest = 128 << 20

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
