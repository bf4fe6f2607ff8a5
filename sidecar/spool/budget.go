package spool

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"

	"deepdist/internal/frame"
)

// Budget is the disk space that all spools of a session on an executor may take together.
type Budget struct {
	cap  uint64 // 0: what the disk has
	used atomic.Uint64
}

// NewBudget allows so many bytes; 0: as many as the disk has.
func NewBudget(bytes uint64) *Budget { return &Budget{cap: bytes} }

// Used is how many bytes the spools take now.
func (b *Budget) Used() uint64 { return b.used.Load() }

// Reserve takes n bytes before they are written.
func (b *Budget) Reserve(n uint64) error {
	if used := b.used.Add(n); b.cap > 0 && used > b.cap {
		b.used.Add(-n)
		return frame.Errorf(frame.BadInput, "the spools would take more than the %d bytes that spool_max_bytes (spark.deepdist.spoolMaxBytes) allows on an executor: "+
			"raise it, or use more executors", b.cap)
	}
	return nil
}

// Release gives n bytes back.
func (b *Budget) Release(n uint64) { b.used.Add(-n) }

// budgeted is a writer whose bytes come out of a budget.
type budgeted struct {
	to      io.Writer
	budget  *Budget
	written uint64
}

func (w *budgeted) Write(p []byte) (int, error) {
	if err := w.budget.Reserve(uint64(len(p))); err != nil {
		return 0, err
	}
	w.written += uint64(len(p))
	n, err := w.to.Write(p)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = frame.Errorf(frame.Lost, "the disk of the spool is full (%w): free some space, or set spool_dir (spark.deepdist.spoolDir) to a directory on a larger one", err)
	}
	return n, err
}
