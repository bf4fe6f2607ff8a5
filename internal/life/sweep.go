package life

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A directory on a disk that others use too belongs to the process that holds the file LockName in it locked (flock). The kernel
// drops the lock when the process ends, however it ends, so a free lock is the sign that nobody needs the directory any more. A pid would
// be none: pids are given out again, and another container's are not to be seen.

// LockName is the file of a directory that its owner holds locked.
const LockName = "lock"

// Own makes this process the owner of a directory that it has just made, as long as the file is open. The lock appears under its name
// when it is held already, so that no Sweep comes in between.
func Own(dir string) (*os.File, error) {
	made := filepath.Join(dir, LockName+".new")
	file, err := lock(made, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(made, filepath.Join(dir, LockName)); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return file, nil
}

// Lock locks a file of a directory, which is made if need be, as long as it is open. The error is EWOULDBLOCK if another process has it locked.
func Lock(dir, name string) (*os.File, error) { return lock(filepath.Join(dir, name), os.O_CREATE) }

func lock(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !lies(file, path) { // it was swept between the two calls: what we have locked is no directory's any more
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, fs.ErrNotExist)
	}
	return file, nil
}

// lies tells whether the open file still is the one at path.
func lies(file *os.File, path string) bool {
	opened, err1 := file.Stat()
	there, err2 := os.Lstat(path)
	return err1 == nil && err2 == nil && os.SameFile(opened, there)
}

// Sweep removes the directories in root whose name fits and whose owner has gone without doing it: locks names the files that somebody who
// needs such a directory holds locked. All that exist must be free, and the first must exist: without it the directory is just being made.
// Links and what belongs to other users are left alone; what can't be removed is somebody else's business.
func Sweep(root string, fits func(name string) bool, locks ...string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && fits(e.Name()) { // a link to a directory is none
			sweep(filepath.Join(root, e.Name()), locks)
		}
	}
}

func sweep(dir string, locks []string) {
	info, err := os.Lstat(dir)
	if err != nil || !ours(info) {
		return
	}
	for i, name := range locks {
		file, err := lock(filepath.Join(dir, name), 0)
		if i > 0 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return
		}
		defer file.Close() // nobody else gets it before the directory is gone
	}
	os.RemoveAll(dir)
}

// ours tells whether a file belongs to this process's user.
func ours(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
