package textfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deepdist/internal/frame"
	"deepdist/internal/storage"
)

// tree makes files, each with its own name as its text, and returns their folder.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		text := name
		if strings.Contains(name, "empty") {
			text = ""
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAPathNamesAFileAFoldersFilesOrWhatItMatches(t *testing.T) {
	dir := tree(t, "part-1", "part-0", "_SUCCESS", ".part-0.crc", "empty", "more/part-2.gz", "more/part-3", "other/x", "a[1]")
	s := storage.NewSystems(storage.Hadoop{})
	defer s.Close()
	for path, want := range map[string]string{
		"/part-1": "part-1", "/more": "more/part-2.gz more/part-3", "/more/": "more/part-2.gz more/part-3", "/part-?": "part-0 part-1",
		"/[a-z]*/part-*": "more/part-2.gz more/part-3", "/*/*": "more/part-2.gz more/part-3 other/x", "/m*": "more/part-2.gz more/part-3",
		"/*/x": "other/x", "/a[1]": "a[1]", "/_*": "_SUCCESS", "/{part-1,more/*}": "more/part-2.gz more/part-3 part-1", "/{m,oth}{ore,er}/{part-3,x}": "more/part-3 other/x", "/[mo]*": "more/part-2.gz more/part-3 other/x",
	} {
		files, err := List(s, "file://"+dir+path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var names []string
		for _, f := range files {
			name := strings.TrimPrefix(f.Path, "file://"+dir+"/")
			if names = append(names, name); f.Size != int64(len(name)) {
				t.Errorf("%s has %d bytes", f.Path, f.Size)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestAPathThatCannotBeReadSaysWhatToDo(t *testing.T) {
	dir := tree(t, "empty", "dir/sub/file", "a.xz", "plain")
	host, _ := os.Hostname()
	s := storage.NewSystems(storage.Hadoop{User: "me"})
	defer s.Close()
	for path, want := range map[string]string{
		dir + "/none": "there is no file " + dir + "/none on host " + host, dir + "/none*": "no file matches", dir + "/plain/x": "there is no file",
		dir + "/empty": "is empty", dir + "/dir": "has the folder sub in it", dir + "/a.xz": "not .xz", dir + "/x[": "is no pattern",
		"s3a://bucket/x": `dd.train(sc.textFile("s3a://bucket/x"))`, "relative/x": "is relative", "relative": "is relative", "file://host/x": "file:///host/x",
		"hdfs:///x": "fs.defaultFS", "hdfs://127.0.0.1:1/x": "nameservice", "file:x": "is relative", "/dev/null": "neither a file nor a directory",
	} {
		if _, err := List(s, path); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want it to say %q", path, err, want)
		}
	}
}

func TestAFileThatMayNotBeReadIsTold(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := tree(t, "dir/file")
	os.Chmod(filepath.Join(dir, "dir"), 0)
	defer os.Chmod(filepath.Join(dir, "dir"), 0o700)
	if _, err := List(storage.NewSystems(storage.Hadoop{}), dir+"/dir"); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "may not read") {
		t.Error(err)
	}
}

func TestSplitsCoverEachFileOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var files []File
		for i, size := range rapid.SliceOfN(rapid.Int64Range(1, 300<<20), 1, 20).Draw(t, "sizes") {
			name := fmt.Sprintf("file:///%02d", i)
			if rapid.Bool().Draw(t, "packed") {
				name += ".gz"
			}
			files = append(files, File{Path: name, Size: size})
		}
		n := rapid.IntRange(0, 40).Draw(t, "n")
		partitions := Cut(files, n)
		rest := slices.Clone(files)
		offset, most := int64(0), int64(0)
		for _, p := range partitions {
			if len(p.Splits) == 0 {
				t.Fatal("a partition without splits")
			}
			weight := int64(0)
			for _, split := range p.Splits {
				f := rest[0]
				if split.Path != f.Path || split.Offset != offset || split.Length <= 0 || compressed(f.Path) && split.Length != f.Size {
					t.Fatalf("split %+v where %s goes on at %d", split, f.Path, offset)
				}
				if offset += split.Length; offset == f.Size {
					rest, offset = rest[1:], 0
				}
				if !compressed(f.Path) {
					weight += split.Length
				}
			}
			most = max(most, weight)
		}
		if len(rest) > 0 {
			t.Fatalf("%d files are in no partition", len(rest))
		}
		if most > largest {
			t.Fatalf("a partition has %d bytes", most)
		}
	})
}

func TestAFileIsCutForAsManyPartitionsAsAreWanted(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 3: 3, 100: 100} {
		if got := len(Cut([]File{{Path: "file:///a", Size: 100 << 20}}, n)); got != want {
			t.Errorf("%d partitions for %d", got, n)
		}
	}
	if got := Cut(slices.Repeat([]File{{Path: "file:///a", Size: 10}}, 2*mostSplits+1), 2); len(got) != 3 || len(got[2].Splits) != 1 {
		t.Errorf("%d small files in %d partitions", 2*mostSplits+1, len(got))
	}
	if got := len(Cut([]File{{Path: "file:///a.gz", Size: 100 << 20}}, 8)); got != 1 {
		t.Errorf("a packed file in %d partitions", got)
	}
	if got := len(Cut([]File{{Path: "file:///a", Size: 1 << 30}}, 1)); got < 8 {
		t.Errorf("1 GiB in %d partitions: more is lost with one than need be", got)
	}
}
