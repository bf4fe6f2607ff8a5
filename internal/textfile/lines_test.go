package textfile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"

	"deepdist/internal/frame"
	"deepdist/internal/storage"
)

// lines collects what a split gives, with the parts of long lines put together.
func lines(l *Lines) (all []string, err error) {
	line := ""
	for {
		text, ends, err := l.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		line += string(text)
		if ends {
			all, line = append(all, line), ""
		}
	}
}

var ending = regexp.MustCompile(`\r\n|\r|\n`)

// wholeText is the definition: the text is cut behind each end of a line; behind the last one there is a line only if there is text.
func wholeText(text string) []string {
	all := ending.Split(text, -1)
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	if len(all) > 0 {
		all[0] = strings.TrimPrefix(all[0], "\ufeff")
	}
	return all
}

// splitText reads the text in splits that end at the cuts, with a buffer of any size at first, and reads of one byte.
func splitText(text []byte, cuts []int, buffer int) ([]string, error) {
	var all []string
	from := 0
	for _, to := range append(slices.Sorted(slices.Values(cuts)), len(text)) {
		reader := bytes.NewReader(text)
		l, err := begin(Split{Path: "file:///text", Offset: int64(from), Length: int64(to - from)}, struct {
			io.Reader
			io.Seeker
		}{iotest.OneByteReader(reader), reader}, buffer)
		if err != nil {
			return all, err
		}
		some, err := lines(l)
		if err != nil {
			return all, err
		}
		all, from = append(all, some...), to
	}
	return all, nil
}

func TestAnySplitsOfATextGiveItsLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"\n", "\r", "\r\n", " ", "a", "ä", "世界", "\u2028", "\ufeff", "word and word", strings.Repeat("long ", 9)})).Draw(t, "text"), "")
		cuts := rapid.SliceOf(rapid.IntRange(0, len(text))).Draw(t, "cuts")
		got, err := splitText([]byte(text), cuts, rapid.IntRange(1, 40).Draw(t, "buffer"))
		if err != nil {
			t.Fatal(err)
		}
		if want := wholeText(text); !slices.Equal(got, want) {
			t.Fatalf("%q cut at %v: %q, want %q", text, cuts, got, want)
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a b\nc\r\nd\re"), 3, 9, 4)
	f.Add([]byte("\ufeffw\r\r\n\n w"), 4, 5, 1)
	f.Add([]byte("no end, \xff and no UTF-8"), 2, 1, 2)
	f.Fuzz(func(t *testing.T, text []byte, a, b, buffer int) {
		within := func(n, most int) int { return int(uint(n) % uint(most+1)) }
		got, err := splitText(text, []int{within(a, len(text)), within(b, len(text))}, 1+within(buffer, 64))
		if !utf8.Valid(text) {
			if frame.CodeOf(err) != frame.BadInput {
				t.Fatalf("%q is not UTF-8, and was read as %q (%v)", text, got, err)
			}
			return
		}
		if want := wholeText(string(text)); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q cut at %d and %d: %q (%v), want %q", text, a, b, got, err, want)
		}
	})
}

// write makes a file and returns its path as a split of all of it.
func write(t *testing.T, name string, text []byte) Split {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return Split{Path: "file://" + path, Length: int64(len(text))}
}

func read(t *testing.T, split Split) ([]string, error) {
	t.Helper()
	s := storage.NewSystems(storage.Hadoop{})
	defer s.Close()
	l, err := Open(s, split)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return lines(l)
}

func packed(t *testing.T, texts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, text := range texts {
		w := gzip.NewWriter(&out)
		w.Write([]byte(text))
		w.Close()
	}
	return out.Bytes()
}

// two is "one two\nthree" as bzip2 writes it, in two streams one after another.
const two = "QlpoOTFBWSZTWYVENP4AAANRgAAQQAACQYSAIAAiBpmoQwIacQQfi7kinChIQqIafwBCWmg5MUFZJlNZVia1QgAAAQGAAgAQACAAIQCCjF3JFOFCQVia1Qg="

func TestPackedFilesAreReadAsTheirText(t *testing.T) {
	bz2, err := base64.StdEncoding.DecodeString(two)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"a.gz": packed(t, "one two\nth", "ree"), "a.bz2": bz2} {
		got, err := read(t, write(t, name, text))
		if err != nil || !slices.Equal(got, []string{"one two", "three"}) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := read(t, write(t, name, text[:len(text)-5])); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s without its end: %v", name, err)
		}
		if _, err := read(t, write(t, name, []byte("plain text\n"))); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("plain text as %s: %v", name, err)
		}
	}
}

func TestALineLongerThanTheBufferComesInPartsThatCutNoWord(t *testing.T) {
	text := strings.Repeat("word und Wörter\t", bufferSize/8)
	s := storage.NewSystems(storage.Hadoop{})
	defer s.Close()
	l, err := Open(s, write(t, "long", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	words, parts := 0, 0
	for ended := false; !ended; parts++ {
		part, ends, err := l.Next()
		if err != nil {
			t.Fatal(err)
		}
		words += len(strings.Fields(string(part)))
		ended = ends
	}
	if words != 3*bufferSize/8 || parts < 2 || len(l.buffer) != bufferSize {
		t.Errorf("%d words in %d parts, through a buffer of %d", words, parts, len(l.buffer))
	}
	if _, _, err := l.Next(); err != io.EOF {
		t.Errorf("after the last line: %v", err)
	}
}

func TestAWordWithoutEndIsAnErrorAndNotAllOfMemory(t *testing.T) {
	_, err := read(t, write(t, "binary", bytes.Repeat([]byte("x"), longest+1)))
	if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "is it text?") {
		t.Error(err)
	}
}

func TestInvalidUTF8IsNamedWithItsPlace(t *testing.T) {
	_, err := read(t, write(t, "latin1", []byte("good\nB\xf6se\n")))
	if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "latin1: the line at byte 5 is not valid UTF-8") {
		t.Error(err)
	}
}

func TestAFileThatHasShrunkIsAnError(t *testing.T) {
	split := write(t, "short", []byte("a\n"))
	split.Length = 3
	if _, err := read(t, split); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "changed meanwhile") {
		t.Error(err)
	}
}
