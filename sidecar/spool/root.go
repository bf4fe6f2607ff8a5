package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Root is the directory of one session's spools on this executor.
type Root struct {
	dir    string
	lock   *os.File // held locked while the session lives: the sign to other processes that this directory is in use
	budget *Budget
}

const lockName = "lock"

func prefix() string { return fmt.Sprintf("deepdist-spool-%d-", os.Getuid()) }

// NewRoot makes a private directory under parent, and removes those that dead processes of this user have left there.
func NewRoot(parent string, budget *Budget) (*Root, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("make spool directory: %w; set spark.local.dir to a directory that the executors may write", err)
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, prefix()) // mode 0700
	if err != nil {
		return nil, fmt.Errorf("make spool directory: %w; set spark.local.dir to a directory that the executors may write", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("lock spool directory %s: %w", dir, err)
	}
	return &Root{dir: dir, lock: lock, budget: budget}, nil
}

// Dir is where the root lies.
func (r *Root) Dir() string { return r.dir }

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

// lockDir takes the directory's lock, or says that somebody else has it. The lock ends with the process, however it ends.
func lockDir(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// sweep removes the roots of processes that have died without doing it. A root that is just being made has no lock file yet: it
// is left alone. What cannot be removed is somebody else's business.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix()) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, lockName)); err != nil {
			continue
		}
		if lock, err := lockDir(dir); err == nil {
			os.RemoveAll(dir)
			lock.Close()
		}
	}
}
