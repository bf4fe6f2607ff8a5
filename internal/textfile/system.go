package textfile

import (
	"io"
	"path"
	"strings"

	"deepdist/internal/frame"
)

// system is a file system.
type system interface {
	stat(name string) (file, error)
	list(dir string) ([]file, error) // in any order
	open(name string) (io.ReadSeekCloser, error)
	// explain makes an error of the calls above one that names the fix.
	explain(name string, err error) error
	close() error
}

// file is what a system knows of one.
type file struct {
	name string // within its system, from the root
	size int64
	dir  bool
}

func (f file) hidden() bool { // as Hadoop has it: _SUCCESS, .part-00000.crc
	base := path.Base(f.name)
	return strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".")
}

// Systems are the file systems that somebody reads from, each connected to once.
type Systems struct {
	user string
	open map[string]system
}

// NewSystems connects to nothing yet. In HDFS it acts as user.
func NewSystems(user string) *Systems { return &Systems{user: user, open: map[string]system{}} }

// Close ends the connections.
func (s *Systems) Close() error {
	var first error
	for _, opened := range s.open {
		if err := opened.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// of finds the system of a path, by the path's root, and the name within it.
func (s *Systems) of(path string) (found system, root, name string, err error) {
	root, name, err = parse(path)
	if err != nil {
		return nil, "", "", err
	}
	if s.open[root] == nil {
		if root == diskRoot {
			s.open[root] = disk{}
		} else if s.open[root], err = connect(strings.TrimPrefix(root, hadoopRoot), s.user); err != nil {
			delete(s.open, root)
			return nil, "", "", err
		}
	}
	return s.open[root], root, name, nil
}

const (
	diskRoot   = "file://"
	hadoopRoot = "hdfs://"
)

// parse cuts a path into its system and the name within it: file:///a/b → file:// and /a/b, hdfs://host:port/a → hdfs://host:port and /a.
// Nothing in it is decoded, as in Hadoop: a % is a %.
func parse(given string) (root, name string, err error) {
	scheme, rest, found := strings.Cut(given, ":")
	switch {
	case strings.HasPrefix(given, "/"):
		scheme, rest = "file", given
	case !found || strings.Contains(scheme, "/"):
		return "", "", frame.Errorf(frame.BadInput, "the path %q is relative: write it from the root, as file:///… or hdfs://host:port/…", given)
	case scheme != "file" && scheme != "hdfs":
		return "", "", frame.Errorf(frame.BadInput, "%s: paths can be file:///… and hdfs://host:port/…, not %s: let Spark read it: dd.train(sc.textFile(%q))", given, scheme, given)
	}
	host := ""
	if after, has := strings.CutPrefix(rest, "//"); has {
		host, rest, _ = strings.Cut(after, "/")
		rest = "/" + rest
	}
	switch {
	case !strings.HasPrefix(rest, "/"):
		return "", "", frame.Errorf(frame.BadInput, "the path %q is relative: write it from the root, as file:///… or hdfs://host:port/…", given)
	case scheme == "file" && host != "" && host != "localhost":
		return "", "", frame.Errorf(frame.BadInput, "%s names the host %s: a file:// path has three slashes, file:///%s", given, host, host+rest)
	case scheme == "hdfs" && host == "":
		return "", "", frame.Errorf(frame.BadInput, "%s names no NameNode: write hdfs://host:port%s, or set fs.defaultFS in Spark's Hadoop configuration", given, rest)
	case scheme == "file":
		return diskRoot, path.Clean(rest), nil
	}
	return hadoopRoot + host, path.Clean(rest), nil
}
