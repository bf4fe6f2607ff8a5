package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deepdist/internal/frame"
	"deepdist/internal/life"
)

// Root is the directory of one session's spools on this executor.
type Root struct {
	dir    string
	lock   *os.File // held while the session lives
	budget *Budget
}

func prefix() string { return fmt.Sprintf("deepdist-spool-%d-", os.Getuid()) }

// NewRoot makes a private directory under parent, and removes those that dead processes of this user have left there. A parent that
// is not there is not made: nobody would take it away.
func NewRoot(parent string, budget *Budget) (*Root, error) {
	life.Sweep(parent, func(name string) bool { return strings.HasPrefix(name, prefix()) }, life.LockName)
	dir, err := os.MkdirTemp(parent, prefix()) // mode 0700
	if err != nil {
		return nil, frame.Errorf(frame.BadInput, "make spool directory: %w; set spool_dir (spark.deepdist.spoolDir) to a directory that is there on "+
			"every executor and may be written", err)
	}
	lock, err := life.Own(dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("make spool directory: %w", err)
	}
	return &Root{dir: dir, lock: lock, budget: budget}, nil
}

// Dir is where the root lies.
func (r *Root) Dir() string { return r.dir }

// Bytes is what the spools take now.
func (r *Root) Bytes() uint64 { return r.budget.Used() }

// Close removes everything.
func (r *Root) Close() error {
	err := os.RemoveAll(r.dir)
	r.lock.Close()
	return err
}

// Drop removes the spools of one training.
func (r *Root) Drop(training uint32) error { return os.RemoveAll(r.training(training)) }

func (r *Root) training(id uint32) string {
	return filepath.Join(r.dir, fmt.Sprintf("training-%d", id))
}
