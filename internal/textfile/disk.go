package textfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"syscall"

	"deepdist/internal/frame"
)

// disk is what this machine sees under its root.
type disk struct{}

func (disk) stat(name string) (file, error) {
	info, err := os.Stat(name)
	if err != nil {
		return file{}, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return file{}, errNotRegular
	}
	return file{name: name, size: info.Size(), dir: info.IsDir()}, nil
}

func (d disk) list(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make([]file, 0, len(entries))
	for _, e := range entries {
		f := file{name: filepath.Join(dir, e.Name())}
		if !f.hidden() { // a link counts as what it leads to
			if f, err = d.stat(f.name); err != nil {
				return nil, d.explain(filepath.Join(dir, e.Name()), err)
			}
		}
		files = append(files, f)
	}
	return files, nil
}

func (disk) open(name string) (io.ReadSeekCloser, error) { return os.Open(name) }

func (disk) close() error { return nil }

var errNotRegular = errors.New("neither a file nor a directory")

func (disk) explain(name string, err error) error {
	host, _ := os.Hostname()
	me := "this user"
	if u, lookup := user.Current(); lookup == nil {
		me = u.Username
	}
	switch {
	case errors.As(err, new(*frame.Error)): // has been explained
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return frame.Errorf(frame.BadInput, "there is no file %s on host %s: a file:// path must lie, under the same name, on the driver's machine and on every executor's "+
			"(a shared file system), or in HDFS (hdfs://host:port/…)", name, host)
	case errors.Is(err, fs.ErrPermission):
		return frame.Errorf(frame.BadInput, "%s may not read %s on host %s: change its mode or that of a folder above it", me, name, host)
	case errors.Is(err, errNotRegular):
		return frame.Errorf(frame.BadInput, "%s on host %s is neither a file nor a directory", name, host)
	}
	return frame.Errorf(frame.Lost, "read %s on host %s: %w", name, host, err)
}
