package storage

import (
	"crypto/rand"
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

var errNotRegular = errors.New("neither a file nor a directory")

func (d disk) Stat(name string) (File, error) {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		return File{}, d.explain("read", name, err)
	}
	return File{Name: name, Size: info.Size(), Dir: info.IsDir()}, nil
}

func (d disk) List(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, d.explain("read", dir, err)
	}
	files := make([]File, 0, len(entries))
	for _, e := range entries {
		f := File{Name: filepath.Join(dir, e.Name())}
		if !f.Hidden() { // a hidden one need not even be readable
			if f, err = d.Stat(f.Name); err != nil {
				return nil, err
			}
		}
		files = append(files, f)
	}
	return files, nil
}

func (disk) Blocks(File) ([]Block, error) { return nil, nil }

func (d disk) Open(name string) (io.ReadSeekCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, d.explain("read", name, err)
	}
	return f, nil
}

// temporary is a name for what is still being written to name: hidden, beside it, and used by nobody else.
func temporary(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text()[:10]+".tmp")
}

func (d disk) Write(name string, overwrite bool, write func(io.Writer) error) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return d.explain("write", name, syscall.EISDIR)
	case err == nil && !overwrite:
		return d.explain("write", name, fs.ErrExist)
	}
	if err := d.MakeDir(filepath.Dir(name)); err != nil {
		return err
	}
	unfinished := temporary(name)
	f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return d.explain("write", name, err)
	}
	defer os.Remove(unfinished) // after the rename there is none
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return d.explain("write", name, err)
	}
	if !overwrite { // a link, unlike a rename, is refused if meanwhile somebody else has made the file
		if err := os.Link(unfinished, name); err == nil || errors.Is(err, fs.ErrExist) {
			return d.explain("write", name, err)
		}
	}
	return d.explain("write", name, os.Rename(unfinished, name))
}

func (d disk) Rename(from, to string) error { return d.explain("rename", from, os.Rename(from, to)) }

func (d disk) Remove(name string) error { return d.explain("remove", name, os.RemoveAll(name)) }

func (d disk) MakeDir(name string) error {
	return d.explain("make the folder", name, os.MkdirAll(name, 0o777))
}

func (disk) Close() error { return nil }

func (disk) explain(verb, name string, err error) error {
	if err == nil || errors.As(err, new(*frame.Error)) { // has been explained
		return err
	}
	host, _ := os.Hostname()
	me := "this user"
	if u, lookup := user.Current(); lookup == nil {
		me = u.Username
	}
	switch {
	case verb == "read" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)):
		return frame.Errorf(frame.BadInput, "there is no file %s on host %s: a file:// path must lie, under the same name, on the driver's machine and on every executor's "+
			"(a shared file system), or in HDFS (hdfs://host:port/…)%w", name, host, because{err})
	case errors.Is(err, fs.ErrPermission):
		return frame.Errorf(frame.BadInput, "%s may not %s %s on host %s: change its mode or that of a folder above it%w", me, verb, name, host, because{err})
	case errors.Is(err, fs.ErrExist) && verb == "write":
		return frame.Errorf(frame.BadInput, "%s is there already on host %s: name another path, or say that it may be overwritten%w", name, host, because{err})
	case errors.Is(err, syscall.EISDIR):
		return frame.Errorf(frame.BadInput, "%s on host %s is a folder: name a file in it%w", name, host, because{err})
	case errors.Is(err, errNotRegular):
		return frame.Errorf(frame.BadInput, "%s on host %s is neither a file nor a directory", name, host)
	}
	return frame.Errorf(frame.Lost, "%s %s on host %s: %w", verb, name, host, err)
}
