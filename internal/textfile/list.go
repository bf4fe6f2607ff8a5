package textfile

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"deepdist/internal/frame"
)

// File is one with text in it.
type File struct {
	Path string // with its system: file:///a, hdfs://host:port/a
	Size int64
}

// List finds the files that a path names, in the order of their paths: the file itself, the files of a directory, or those that a glob
// (* ? [a-z]) matches, a directory standing for its files. Hidden files (_SUCCESS, .crc) and empty ones are left out; that nothing
// is left is an error.
func (s *Systems) List(given string) ([]File, error) {
	system, root, name, err := s.of(given)
	if err != nil {
		return nil, err
	}
	matched, err := match(system, name)
	if err != nil {
		return nil, system.explain(name, err)
	}
	if len(matched) == 0 {
		return nil, frame.Errorf(frame.BadInput, "no file matches %s (a pattern has * ? [a-z]; a path is given one at a time)", given)
	}
	var files []File
	for _, m := range matched {
		inside := []file{m}
		if m.dir {
			if inside, err = filesOf(system, root, m); err != nil {
				return nil, system.explain(m.name, err)
			}
		}
		for _, f := range inside {
			if err := readable(root, f.name); err != nil {
				return nil, err
			}
			if f.size > 0 {
				files = append(files, File{Path: root + f.name, Size: f.size})
			}
		}
	}
	if len(files) == 0 {
		return nil, frame.Errorf(frame.BadInput, "%s is empty: there is nothing to train on", given)
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(files), nil
}

// filesOf lists a directory, in which there may be no other one: leaving its files out would be silent.
func filesOf(system system, root string, dir file) ([]file, error) {
	inside, err := system.list(dir.name)
	if err != nil {
		return nil, err
	}
	inside = slices.DeleteFunc(inside, file.hidden)
	for _, f := range inside {
		if f.dir {
			return nil, frame.Errorf(frame.BadInput, "%s%s has the folder %s in it: name the folders with text, e.g. %s%s/*", root, dir.name, path.Base(f.name), root, dir.name)
		}
	}
	return inside, nil
}

// match finds what a name stands for: first the file of just this name, else what it matches as a pattern, part by part from the root.
func match(system system, name string) ([]file, error) {
	exact, err := system.stat(name)
	if err == nil {
		return []file{exact}, nil
	}
	if !isPattern(name) {
		return nil, err
	}
	found := []string{"/"}
	for _, part := range strings.Split(strings.TrimPrefix(name, "/"), "/") {
		var next []string
		for _, dir := range found {
			names, err := matchIn(system, dir, part)
			if err != nil {
				return nil, err
			}
			next = append(next, names...)
		}
		found = next
	}
	var files []file
	for _, name := range found {
		f, err := system.stat(name)
		if missing(err) {
			continue // a part without a wildcard, behind one: not every folder has it
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func matchIn(system system, dir, part string) ([]string, error) {
	if !isPattern(part) {
		return []string{path.Join(dir, part)}, nil
	}
	inside, err := system.list(dir)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range inside {
		ok, err := path.Match(part, path.Base(f.name))
		if err != nil {
			return nil, frame.Errorf(frame.BadInput, "%q is no pattern: a [ needs its ]", part)
		}
		if ok && (!f.hidden() || part[0] == '.' || part[0] == '_') {
			names = append(names, f.name)
		}
	}
	return names, nil
}

func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// unreadable are the ends of names of files that are text only to somebody else.
var unreadable = []string{".zst", ".xz", ".lz4", ".lzo", ".snappy", ".deflate", ".zip", ".tar", ".tgz", ".7z", ".parquet", ".orc", ".avro"}

func readable(root, name string) error {
	if slices.Contains(unreadable, path.Ext(name)) {
		return frame.Errorf(frame.BadInput, "%s%s: text can be plain, .gz or .bz2, not %s: unpack it, or read it through Spark, e.g. dd.train(sc.textFile(path))", root, name, path.Ext(name))
	}
	return nil
}
