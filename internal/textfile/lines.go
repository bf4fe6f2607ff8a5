package textfile

import (
	"bytes"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"deepdist/internal/frame"
	"deepdist/internal/storage"
)

const (
	bufferSize = 1 << 20
	// longest is how much text without a blank is kept in memory.
	longest = 64 << 20
)

// Lines reads the lines of one split, in pieces that fit into its buffer.
type Lines struct {
	name   string
	from   io.Reader
	close  func() error
	packed func() // ends the decompressor, if there is one to end
	buffer []byte // doubles for a longer word
	start  int    // of what has not been given out
	end    int    // of what has been read
	at     int64  // where buffer[start] is in the text
	limit  int64  // a line that starts here belongs to the next split
	inside bool   // the line under way has been given out in part
	cr     bool   // the line before ended with \r: a \n now is of the same end
	err    error  // of from; io.EOF: all has been read
}

// Open begins a split.
func Open(systems *storage.Systems, split Split) (*Lines, error) {
	system, name, err := systems.Of(split.Path)
	if err != nil {
		return nil, err
	}
	f, err := system.Stat(name)
	if err != nil {
		return nil, err
	}
	if f.Dir || f.Size < split.Offset+split.Length || split.Offset < 0 || split.Length < 0 {
		host := "" // a file of this name may be another one there
		if strings.HasPrefix(split.Path, storage.DiskRoot) {
			host = ", or is not the same on all hosts"
		}
		return nil, frame.Errorf(frame.BadInput, "%s is shorter than when the training began, %d bytes instead of %d: it has changed meanwhile%s", split.Path, f.Size, split.Offset+split.Length, host)
	}
	source, err := system.Open(name)
	if err != nil {
		return nil, err
	}
	l, err := begin(split, source, bufferSize)
	if err != nil {
		source.Close()
		return nil, err
	}
	l.close = func() error {
		if l.packed != nil {
			l.packed()
		}
		return source.Close()
	}
	return l, nil
}

// begin places a reader at the split's first line: behind the end of the line that the byte before the split is of. That may be the
// first half of a \r\n whose second half is the split's first byte.
func begin(split Split, source io.ReadSeeker, buffer int) (*Lines, error) {
	l := &Lines{name: split.Path, from: source, buffer: make([]byte, buffer), limit: split.Offset + split.Length}
	if compressed(split.Path) {
		l.limit = math.MaxInt64
		return l, l.unpack()
	}
	if split.Offset == 0 {
		return l, nil
	}
	if _, err := source.Seek(split.Offset-1, io.SeekStart); err != nil {
		return nil, err
	}
	l.at = split.Offset - 1
	for ended := false; !ended; {
		var err error
		if _, ended, err = l.piece(); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Close closes the file.
func (l *Lines) Close() error { return l.close() }

// Next returns the next line without its end; of a line that is longer than the buffer a part that ends with a blank, and ends is false. The text
// is valid until the next call. After the last line the error is io.EOF.
func (l *Lines) Next() (text []byte, ends bool, err error) {
	if l.cr {
		if err := l.skipNewline(); err != nil {
			return nil, false, err
		}
	}
	if l.at >= l.limit && !l.inside {
		return nil, false, io.EOF
	}
	at := l.at
	if text, ends, err = l.piece(); err != nil {
		return nil, false, err
	}
	if at == 0 {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // the byte order mark that some editors write
	}
	if !utf8.Valid(text) {
		return nil, false, frame.Errorf(frame.BadInput, "%s: the line at byte %d is not valid UTF-8: %.40q; convert the file, e.g. with iconv, "+
			"or read it through Spark, which replaces such bytes: dd.train(sc.textFile(path))", l.name, at, text)
	}
	return text, ends, nil
}

// piece takes the rest of the line out of the buffer, or a part that ends with a blank if it does not fit. A line after which
// nothing comes ends with the text. No \n of the line before is left in front of it.
func (l *Lines) piece() (text []byte, ends bool, err error) {
	searched := 0
	for {
		unread := l.buffer[l.start:l.end]
		if i := endOfLine(unread[searched:]); i >= 0 {
			i += searched
			l.cr = unread[i] == '\r'
			l.take(i + 1)
			l.inside = false
			return unread[:i], true, nil
		}
		searched = len(unread)
		if l.err != nil {
			if l.err == io.EOF && (len(unread) > 0 || l.inside) {
				l.take(len(unread))
				l.inside = false
				return unread, true, nil
			}
			return nil, false, l.err
		}
		if len(unread) == len(l.buffer) {
			if i := lastBlank(unread); i >= 0 {
				l.take(i + 1)
				l.inside = true
				return unread[:i+1], false, nil
			}
			if len(l.buffer) >= longest {
				return nil, false, frame.Errorf(frame.BadInput, "%s: %d MiB from byte %d on have neither a blank nor the end of a line: is it text?", l.name, longest>>20, l.at)
			}
			l.buffer = append(l.buffer, make([]byte, len(l.buffer))...)
		}
		l.fill()
	}
}

func (l *Lines) take(n int) {
	l.start += n
	l.at += int64(n)
}

// fill reads more behind what there is, which moves to the buffer's front if need be.
func (l *Lines) fill() {
	if l.start > 0 {
		l.end = copy(l.buffer, l.buffer[l.start:l.end])
		l.start = 0
	}
	n, err := l.from.Read(l.buffer[l.end:])
	l.end += n
	l.err = err
}

// skipNewline ends a \r\n whose \r has been seen.
func (l *Lines) skipNewline() error {
	for l.start == l.end && l.err == nil {
		l.fill()
	}
	if l.start == l.end {
		return l.err
	}
	l.cr = false
	if l.buffer[l.start] == '\n' {
		l.take(1)
	}
	return nil
}

// endOfLine finds the first \n or \r, or -1. It looks at some text at a time: of the two, one may be far away or nowhere.
func endOfLine(text []byte) int {
	const some = 4096
	for from := 0; from < len(text); from += some {
		part := text[from:min(from+some, len(text))]
		i := bytes.IndexByte(part, '\n')
		if i >= 0 {
			part = part[:i]
		}
		if j := bytes.IndexByte(part, '\r'); j >= 0 {
			i = j
		}
		if i >= 0 {
			return from + i
		}
	}
	return -1
}

// lastBlank finds the last byte at which text may be cut without cutting a word, or -1.
func lastBlank(text []byte) int {
	for i := len(text) - 1; i >= 0; i-- {
		switch b := text[i]; {
		case b == ' ', b >= '\t' && b <= '\r', b >= 0x1c && b <= 0x1f:
			return i
		}
	}
	return -1
}
