package spool

import (
	"fmt"
	"os"
	"path/filepath"

	"deepdist/internal/frame"
)

// MaxSentence is the longest record in tokens. Longer sentences are split, so that memory and the work of one step stay bounded.
const MaxSentence = 10_000

// Writer spools one attempt at a partition. Every Writer ends by Commit or Abort.
type Writer struct {
	Words *Dictionary

	root     *Root
	training uint32
	dir      string // under its temporary name
	manifest manifest
	file     *os.File
	out      *budgeted
	block    *block
	sentence []uint32
	split    bool // the sentence under way has been cut already
}

// Create begins an attempt.
func (r *Root) Create(training, partition uint32, attempt int64) (*Writer, error) {
	if err := os.MkdirAll(r.training(training), 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	dir, err := os.MkdirTemp(r.training(training), fmt.Sprintf(".partition-%d-attempt-%d-", partition, attempt))
	if err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, recordsName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("make spool: %w", err)
	}
	return &Writer{
		Words: NewDictionary(), root: r, training: training, dir: dir, file: file, out: &budgeted{to: file, budget: r.budget}, block: newBlock(),
		manifest: manifest{Version: manifestVersion, Partition: partition, Attempt: attempt},
		sentence: make([]uint32, 0, MaxSentence),
	}, nil
}

// Line spools one line, split as Python's str.split() does.
func (w *Writer) Line(line []byte) error {
	if err := w.Text(line); err != nil {
		return err
	}
	return w.EndRow()
}

// Text adds the tokens of a text to the row: a line, or a part of one that cuts no word.
func (w *Writer) Text(text []byte) error {
	for {
		var token []byte
		token, text = nextToken(text)
		if len(token) == 0 {
			return nil
		}
		if err := w.Token(token); err != nil {
			return err
		}
	}
}

// maxToken is the longest token: a word's count travels in one message. Nothing that long is a word.
const maxToken = 8 << 20

// Token adds one token to the row, as it is. An empty one, as Python's s.split(' ') makes of two spaces, is no word.
func (w *Writer) Token(token []byte) error {
	if len(token) == 0 {
		return nil
	}
	if len(token) > maxToken {
		return frame.Errorf(frame.BadInput, "row %d has a token of %d bytes that begins %.40q: split the text at whitespace first", w.manifest.Rows, len(token), token)
	}
	if len(w.sentence) == MaxSentence {
		if err := w.flush(); err != nil {
			return err
		}
		if !w.split {
			w.split = true
			w.manifest.SplitSentences++
		}
	}
	number, err := w.Words.Count(token)
	if err != nil {
		return err
	}
	w.sentence = append(w.sentence, number)
	return nil
}

// EndRow ends a row of tokens. A row without any is counted, and makes no record.
func (w *Writer) EndRow() error {
	w.manifest.Rows++
	w.split = false
	if len(w.sentence) == 0 {
		return nil
	}
	return w.flush()
}

// flush makes the tokens at hand a record.
func (w *Writer) flush() error {
	w.block.add(w.sentence)
	w.manifest.Records++
	w.manifest.Words += uint64(len(w.sentence))
	w.sentence = w.sentence[:0]
	if w.block.full() {
		return w.writeBlock()
	}
	return nil
}

func (w *Writer) writeBlock() error {
	if _, err := w.out.Write(w.block.seal()); err != nil {
		return fmt.Errorf("write spool: %w", err)
	}
	w.block.reset()
	return nil
}

// Rows is how many rows have been spooled.
func (w *Writer) Rows() uint64 { return w.manifest.Rows }

// Seal ends the files. The totals are final; nothing may be added.
func (w *Writer) Seal() (Totals, error) {
	if w.block.records > 0 {
		if err := w.writeBlock(); err != nil {
			return Totals{}, err
		}
	}
	if err := w.file.Close(); err != nil {
		return Totals{}, fmt.Errorf("write spool: %w", err)
	}
	bytes, crc, err := writeWords(filepath.Join(w.dir, wordsName), w.Words, w.root.budget)
	if err != nil {
		return Totals{}, fmt.Errorf("write spool's dictionary: %w", err)
	}
	w.out.written += bytes
	w.manifest.WordsCRC = crc
	w.manifest.Distinct = uint64(w.Words.Len())
	w.manifest.SpoolBytes = w.out.written
	if err := w.manifest.write(w.dir); err != nil {
		return Totals{}, fmt.Errorf("write spool's manifest: %w", err)
	}
	return w.manifest.Totals, nil
}

// Commit gives the sealed partition its final name, in the place of an earlier one that the server has given up.
func (w *Writer) Commit() (*Partition, error) {
	dir := filepath.Join(w.root.training(w.training), fmt.Sprintf("partition-%d-%d", w.manifest.Partition, w.manifest.Attempt))
	if err := os.Rename(w.dir, dir); err != nil {
		w.Abort()
		return nil, fmt.Errorf("commit spool: %w", err)
	}
	return &Partition{dir: dir, manifest: w.manifest, budget: w.root.budget}, nil
}

// Abort removes what has been written.
func (w *Writer) Abort() {
	w.file.Close()
	os.RemoveAll(w.dir)
	w.root.budget.Release(w.out.written)
}
