package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"deepdist/internal/frame"
)

// eachSystem runs a test on a disk, and on the HDFS that `.ci/lab/hdfs.sh run` starts. root is an empty folder.
func eachSystem(t *testing.T, test func(t *testing.T, s System, root string)) {
	t.Run("disk", func(t *testing.T) {
		s, root := systemOf(t, "file://"+t.TempDir())
		test(t, s, root)
	})
	t.Run("hdfs", func(t *testing.T) {
		s, root := systemOf(t, lab(t)+"/"+strings.ReplaceAll(t.Name(), "/", "-"))
		if err := s.MakeDir(root); err != nil {
			t.Fatal(err)
		}
		test(t, s, root)
	})
}

// lab is the URL of the HDFS to test with.
func lab(t testing.TB) string {
	t.Helper()
	url := os.Getenv("HDFS_URL")
	if url == "" {
		t.Skip("HDFS_URL is not set: make test-hdfs starts an HDFS")
	}
	return url
}

func systemOf(t testing.TB, url string) (System, string) {
	t.Helper()
	hadoop, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	systems := NewSystems(hadoop)
	t.Cleanup(func() { systems.Close() })
	s, name, err := systems.Of(url)
	if err != nil {
		t.Fatal(err)
	}
	return s, name
}

func writeAll(s System, name, text string, overwrite bool) error {
	return s.Write(name, overwrite, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

func readAll(t testing.TB, s System, name string) string {
	t.Helper()
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// names lists a folder's files, hidden ones too.
func names(t testing.TB, s System, dir string) string {
	t.Helper()
	files, err := s.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		all = append(all, path.Base(f.Name))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// randomText has something everywhere to be recognised by.
func randomText(size int) string {
	text := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	source.Read(text)
	return string(text)
}

func TestWhatIsWrittenIsReadAndNothingElseIsThere(t *testing.T) {
	eachSystem(t, func(t *testing.T, s System, root string) {
		for _, size := range []int{0, 1, 511, 65_536, 3<<20 + 7} {
			name := path.Join(root, "new", "folder", fmt.Sprint(size))
			text := randomText(size)
			if err := writeAll(s, name, text, false); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, s, name); got != text {
				t.Fatalf("%d bytes came back as %d others", size, len(got))
			}
			if f, err := s.Stat(name); err != nil || f != (File{Name: name, Size: int64(size)}) {
				t.Errorf("%+v, %v", f, err)
			}
		}
		if got := names(t, s, root+"/new/folder"); got != "0 1 3145735 511 65536" {
			t.Error(got)
		}
	})
}

func TestReadingBeginsAnywhere(t *testing.T) {
	eachSystem(t, func(t *testing.T, s System, root string) {
		text := randomText(2<<20 + 100)
		if err := writeAll(s, root+"/text", text, false); err != nil {
			t.Fatal(err)
		}
		f, err := s.Open(root + "/text")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, at := range []int{0, 1, 1<<20 - 1, 1 << 20, 100, len(text) - 1, len(text), 5} {
			if to, err := f.Seek(int64(at), io.SeekStart); err != nil || to != int64(at) {
				t.Fatalf("seek %d: %d, %v", at, to, err)
			}
			got := make([]byte, min(1000, len(text)-at))
			if _, err := io.ReadFull(f, got); err != nil || string(got) != text[at:at+len(got)] {
				t.Fatalf("from %d: %v", at, err)
			}
		}
		if end, err := f.Seek(-3, io.SeekEnd); err != nil || end != int64(len(text)-3) {
			t.Error(end, err)
		}
		if rest, err := io.ReadAll(f); err != nil || string(rest) != text[len(text)-3:] {
			t.Error(rest, err)
		}
	})
}

func TestAFileIsReplacedOnlyIfThatIsSaid(t *testing.T) {
	eachSystem(t, func(t *testing.T, s System, root string) {
		for i, try := range []struct {
			text      string
			overwrite bool
			is        error
		}{{"first", true, nil}, {"second", false, fs.ErrExist}, {"third", true, nil}} {
			if err := writeAll(s, root+"/file", try.text, try.overwrite); !errors.Is(err, try.is) || try.is != nil && frame.CodeOf(err) != frame.BadInput {
				t.Errorf("try %d: %v", i, err)
			}
		}
		if got := readAll(t, s, root+"/file"); got != "third" {
			t.Error(got)
		}
		if err := writeAll(s, root, "over a folder", true); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "is a folder") {
			t.Error(err)
		}
	})
}

func TestAWriteThatFailsLeavesNothing(t *testing.T) {
	eachSystem(t, func(t *testing.T, s System, root string) {
		if err := writeAll(s, root+"/file", "before", false); err != nil {
			t.Fatal(err)
		}
		mine := errors.New("mine")
		err := s.Write(root+"/file", true, func(w io.Writer) error {
			if _, err := io.WriteString(w, randomText(1<<20)); err != nil {
				return err
			}
			if got := readAll(t, s, root+"/file"); got != "before" {
				t.Errorf("what is half written is seen: %d bytes", len(got))
			}
			return mine
		})
		if !errors.Is(err, mine) {
			t.Error(err)
		}
		if got := names(t, s, root); got != "file" || readAll(t, s, root+"/file") != "before" {
			t.Error(got)
		}
	})
}

func TestFilesAreRenamedAndRemoved(t *testing.T) {
	eachSystem(t, func(t *testing.T, s System, root string) {
		for _, name := range []string{"/a/one", "/a/b/two", "/three"} {
			if err := writeAll(s, root+name, name, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Rename(root+"/a/one", root+"/three"); err != nil || readAll(t, s, root+"/three") != "/a/one" {
			t.Error("a file is not replaced", err)
		}
		if err := s.Rename(root+"/a", root+"/c"); err != nil || names(t, s, root) != "c three" {
			t.Error(err)
		}
		for range 2 { // that it is gone already is as good
			if err := s.Remove(root + "/c"); err != nil || names(t, s, root) != "three" {
				t.Error(err)
			}
		}
		for range 2 {
			if err := s.MakeDir(root + "/d/e"); err != nil || names(t, s, root+"/d") != "e" {
				t.Error(err)
			}
		}
	})
}

func TestWhatIsNotThereIsSaidWithItsPath(t *testing.T) {
	eachSystem(t, func(t *testing.T, s System, root string) {
		name := root + "/none"
		_, stat := s.Stat(name)
		_, open := s.Open(name)
		_, list := s.List(name)
		for _, err := range []error{stat, open, list} {
			if frame.CodeOf(err) != frame.BadInput || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "there is no file ") || !strings.Contains(err.Error(), name) {
				t.Error(err)
			}
		}
		if err := s.Rename(name, root+"/other"); err == nil || !strings.Contains(err.Error(), name) {
			t.Error(err)
		}
	})
}

func TestAFileIsReadByManyAtOnce(t *testing.T) {
	eachSystem(t, func(t *testing.T, s System, root string) {
		text := randomText(1<<20 + 1)
		if err := writeAll(s, root+"/text", text, false); err != nil {
			t.Fatal(err)
		}
		results := make(chan string)
		for range 8 {
			go func() {
				var got bytes.Buffer
				if f, err := s.Open(root + "/text"); err == nil {
					io.Copy(&got, f)
					f.Close()
				}
				results <- got.String()
			}()
		}
		for range 8 {
			if <-results != text {
				t.Error("somebody read something else")
			}
		}
	})
}
