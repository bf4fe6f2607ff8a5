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
	"deepdist/internal/storage"
)

// File is one with text in it.
type File struct {
	Path   string // with its system: file:///a, hdfs://host:port/a
	Size   int64
	Blocks []storage.Block // as Locate has found them
}

// List finds the files that a path names, in the order of their paths: the file itself, the files of a directory, or those that a glob
// (* ? [a-z] {one,other}) matches, a directory standing for its files. Hidden files (_SUCCESS, .crc) and empty ones are left out; that nothing
// is left is an error.
func List(systems *storage.Systems, given string) ([]File, error) {
	system, name, err := systems.Of(given)
	if err != nil {
		return nil, err
	}
	root, _, err := systems.Parse(given)
	if err != nil {
		return nil, err
	}
	matched, err := match(system, name)
	if err != nil {
		return nil, err
	}
	if len(matched) == 0 {
		return nil, frame.Errorf(frame.BadInput, "no file matches %s (a pattern has * ? [a-z] {one,other}; a path is given one at a time)", given)
	}
	var files []File
	for _, m := range matched {
		inside := []storage.File{m}
		if m.Dir {
			if inside, err = filesOf(system, root, m); err != nil {
				return nil, err
			}
		}
		for _, f := range inside {
			if err := readable(root, f.Name); err != nil {
				return nil, err
			}
			if f.Size > 0 {
				files = append(files, File{Path: root + f.Name, Size: f.Size})
			}
		}
	}
	if len(files) == 0 {
		return nil, frame.Errorf(frame.BadInput, "%s is empty: there is nothing to train on", given)
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return slices.CompactFunc(files, func(a, b File) bool { return a.Path == b.Path }), nil
}

// mostLocated bounds how many files are asked about one by one.
const mostLocated = 10_000

// Locate finds out which hosts hold what of the files, where that matters.
func Locate(systems *storage.Systems, files []File) error {
	if len(files) > mostLocated {
		return nil
	}
	for i, f := range files {
		system, name, err := systems.Of(f.Path)
		if err != nil {
			return err
		}
		if files[i].Blocks, err = system.Blocks(storage.File{Name: name, Size: f.Size}); err != nil {
			return err
		}
	}
	return nil
}

// filesOf lists a directory, in which there may be no other one: leaving its files out would be silent.
func filesOf(system storage.System, root string, dir storage.File) ([]storage.File, error) {
	inside, err := system.List(dir.Name)
	if err != nil {
		return nil, err
	}
	inside = slices.DeleteFunc(inside, storage.File.Hidden)
	for _, f := range inside {
		if f.Dir {
			return nil, frame.Errorf(frame.BadInput, "%s%s has the folder %s in it: name the folders with text, e.g. %s%s/*", root, dir.Name, path.Base(f.Name), root, dir.Name)
		}
	}
	return inside, nil
}

// match finds what a name stands for: first the file of just this name, else what it matches as a pattern, part by part from the root.
func match(system storage.System, name string) ([]storage.File, error) {
	exact, err := system.Stat(name)
	if err == nil {
		return []storage.File{exact}, nil
	}
	if !isPattern(name) || !missing(err) {
		return nil, err
	}
	var files []storage.File
	for _, name := range alternatives(name) {
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
		for _, name := range found {
			f, err := system.Stat(name)
			if missing(err) {
				continue // a part without a wildcard, behind one: not every folder has it
			}
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// alternatives writes a pattern with {one,other} in it as several without.
func alternatives(pattern string) []string {
	from := strings.LastIndexByte(pattern, '{')
	if from < 0 {
		return []string{pattern}
	}
	to := strings.IndexByte(pattern[from:], '}')
	if to < 0 {
		return []string{pattern}
	}
	var all []string
	for _, one := range strings.Split(pattern[from+1:from+to], ",") {
		all = append(all, alternatives(pattern[:from]+one+pattern[from+to+1:])...)
	}
	return all
}

func matchIn(system storage.System, dir, part string) ([]string, error) {
	if !isPattern(part) {
		return []string{path.Join(dir, part)}, nil
	}
	inside, err := system.List(dir)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range inside {
		ok, err := path.Match(part, path.Base(f.Name))
		if err != nil {
			return nil, frame.Errorf(frame.BadInput, "%q is no pattern: a [ needs its ]", part)
		}
		if ok && (!f.Hidden() || part[0] == '.' || part[0] == '_') {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\{`) }

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// unreadable are the ends of names of files that are text only to somebody else.
var unreadable = []string{".xz", ".lz4", ".lzo", ".snappy", ".deflate", ".zip", ".tar", ".tgz", ".7z", ".parquet", ".orc", ".avro"}

func readable(root, name string) error {
	if slices.Contains(unreadable, path.Ext(name)) {
		return frame.Errorf(frame.BadInput, "%s%s: text can be plain, .gz, .bz2 or .zst, not %s: unpack it, or read it through Spark, e.g. dd.train(sc.textFile(path))", root, name, path.Ext(name))
	}
	return nil
}
