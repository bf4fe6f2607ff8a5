package storage

import (
	"errors"
	"io"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"deepdist/internal/frame"
)

// reader reads a file on, at the place where it was, when what it reads from has failed. The client by itself goes from one DataNode
// of a block to the next; when it is through with them, the blocks' places are asked for anew.
type reader struct {
	of   *cluster
	file File
	at   int64
	from io.ReadSeekCloser // nil: open it anew
	open func() (io.ReadSeekCloser, error)
}

func (c *cluster) Open(name string) (io.ReadSeekCloser, error) {
	file, err := c.Stat(name)
	if err != nil {
		return nil, err
	}
	r := &reader{of: c, file: file, open: func() (io.ReadSeekCloser, error) { return c.open(file) }}
	return r, r.reopen()
}

// open opens the file, which may not have become shorter than it was.
func (c *cluster) open(file File) (from *hdfs.FileReader, err error) {
	err = c.call(func(client *hdfs.Client) error {
		if from, err = client.Open(file.Name); err != nil {
			return err
		}
		if from.Stat().Size() < file.Size {
			return frame.Errorf(frame.BadInput, "%s%s has become shorter while it was read: it has been replaced by another one", c.root, file.Name)
		}
		return nil
	})
	return from, err
}

func (r *reader) reopen() error {
	from, err := r.open()
	if err != nil {
		return r.of.explain("read", r.file.Name, err)
	}
	r.from = from
	if _, err = from.Seek(r.at, io.SeekStart); err != nil {
		r.Close()
	}
	return err
}

func (r *reader) Read(p []byte) (int, error) {
	begun := time.Now()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 3*time.Second) {
		if r.from == nil {
			if err := r.reopen(); err != nil {
				return 0, err
			}
		}
		n, err := r.from.Read(p)
		r.at += int64(n)
		if n > 0 || err == nil {
			return n, nil // an error comes again, if it stays
		}
		if err == io.EOF {
			if r.at >= r.file.Size {
				return 0, io.EOF
			}
			err = io.ErrUnexpectedEOF // a NameNode has gone in the middle of an answer: the end of its connection, and not of the file
		}
		r.Close()
		if !passing(err) || time.Since(begun)+pause > patience {
			return 0, r.of.explain("read", r.file.Name, err)
		}
		time.Sleep(pause)
	}
}

func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.file.Size
	}
	if offset < 0 || offset > r.file.Size {
		return r.at, frame.Errorf(frame.Internal, "seek %s%s: %d is outside of its %d bytes", r.of.root, r.file.Name, offset, r.file.Size)
	}
	r.at = offset
	if r.from != nil {
		if _, err := r.from.Seek(offset, io.SeekStart); err != nil {
			r.Close()
		}
	}
	return r.at, nil
}

func (r *reader) Close() error {
	from := r.from
	if r.from = nil; from == nil {
		return nil
	}
	if err := from.Close(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}
