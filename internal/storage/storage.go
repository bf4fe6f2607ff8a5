package storage

import (
	"io"
	"path"
	"strings"
	"sync"

	"deepdist/internal/frame"
)

// System is a file system. Names in it are absolute; it may be used by several goroutines.
type System interface {
	// Stat tells what a name is. A link counts as what it leads to.
	Stat(name string) (File, error)
	// List tells what is in a directory, in any order.
	List(dir string) ([]File, error)
	// Blocks tells which hosts hold what of a file, in the file's order; nothing where hosts do not matter.
	Blocks(f File) ([]Block, error)
	// Open begins to read a file.
	Open(name string) (io.ReadSeekCloser, error)
	// Write makes a file of what write writes, and the directories above it; it is there when Write returns nil, and not before. write
	// may be called again, to begin anew, when what it has written was lost. A file that is there is replaced, or if overwrite
	// is false an error.
	Write(name string, overwrite bool, write func(io.Writer) error) error
	// Rename gives a file or directory another name, and replaces a file that has it.
	Rename(from, to string) error
	// Remove removes a file, or a directory with all that is in it. That there is none is no error.
	Remove(name string) error
	// MakeDir makes a directory and those above it. That it is there is no error.
	MakeDir(name string) error
	// Close ends the connections.
	Close() error
}

// File is what a system knows of one.
type File struct {
	Name string // within its system, from the root
	Size int64
	Dir  bool
}

// Hidden tells whether readers of text pass over a file, as Hadoop has it: _SUCCESS, .part-00000.crc.
func (f File) Hidden() bool {
	base := path.Base(f.Name)
	return strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".")
}

// Block is a range of a file, and the hosts that hold it.
type Block struct {
	Offset, Length int64
	Hosts          []string
}

// Systems are the file systems that somebody uses, each connected to once.
type Systems struct {
	hadoop Hadoop

	mu   sync.Mutex
	open map[string]System
}

// NewSystems connects to nothing yet.
func NewSystems(hadoop Hadoop) *Systems { return &Systems{hadoop: hadoop, open: map[string]System{}} }

// Of finds the system of a path, and the name within it.
func (s *Systems) Of(path string) (System, string, error) {
	root, name, err := s.Parse(path)
	if err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[root] == nil {
		if root == DiskRoot {
			s.open[root] = disk{}
		} else if s.open[root], err = newHDFS(s.hadoop, strings.TrimPrefix(root, hadoopRoot)); err != nil {
			delete(s.open, root)
			return nil, "", err
		}
	}
	return s.open[root], name, nil
}

// Close ends the connections.
func (s *Systems) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for _, opened := range s.open {
		if err := opened.Close(); err != nil && first == nil {
			first = err
		}
	}
	clear(s.open)
	return first
}

const (
	// DiskRoot is the root of paths on disks.
	DiskRoot   = "file://"
	hadoopRoot = "hdfs://"
)

// Parse cuts a path into its system and the name within it: file:///a/b and file:/a/b → file:// and /a/b, hdfs://host:port/a → hdfs://host:port
// and /a, hdfs:///a → what fs.defaultFS names, and /a. Capitals in the scheme are as good as small letters. Nothing in it is decoded, as in Hadoop: a % is a %.
func (s *Systems) Parse(given string) (root, name string, err error) {
	scheme, rest, found := strings.Cut(given, ":")
	scheme = strings.ToLower(scheme)
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
	if scheme == "hdfs" && host == "" {
		host = s.hadoop.defaultAuthority()
	}
	switch {
	case !strings.HasPrefix(rest, "/"):
		return "", "", frame.Errorf(frame.BadInput, "the path %q is relative: write it from the root, as file:///… or hdfs://host:port/…", given)
	case scheme == "file" && host != "" && host != "localhost":
		return "", "", frame.Errorf(frame.BadInput, "%s names the host %s: a file:// path has three slashes, file:///%s", given, host, host+rest)
	case scheme == "hdfs" && host == "":
		return "", "", frame.Errorf(frame.BadInput, "%s names no NameNode: write hdfs://host:port%s, or set fs.defaultFS in Hadoop's configuration (core-site.xml in HADOOP_CONF_DIR, or "+
			"spark.hadoop.fs.defaultFS)", given, rest)
	case scheme == "file":
		return DiskRoot, path.Clean(rest), nil
	}
	return hadoopRoot + host, path.Clean(rest), nil
}

// because keeps the cause of an error for errors.Is, without its words.
type because struct{ error }

func (because) Error() string   { return "" }
func (b because) Unwrap() error { return b.error }
