package spool

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// pythonSpaces are the runes that Python itself splits at; testdata/make.py wrote them.
func pythonSpaces(t testing.TB) map[rune]bool {
	t.Helper()
	file, err := os.Open("testdata/spaces.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	spaces := map[rune]bool{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		n, err := strconv.ParseUint(scanner.Text(), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		spaces[rune(n)] = true
	}
	return spaces
}

func split(line string) (tokens []string) {
	rest := []byte(line)
	for {
		var token []byte
		if token, rest = nextToken(rest); len(token) == 0 {
			return tokens
		}
		tokens = append(tokens, string(token))
	}
}

func TestEveryRuneIsSpaceExactlyWhenPythonSaysSo(t *testing.T) {
	spaces := pythonSpaces(t)
	if len(spaces) < 20 {
		t.Fatalf("%d spaces only: the table is damaged", len(spaces))
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		got := len(split("a"+string(r)+"b")) == 2
		if got != spaces[r] {
			t.Errorf("U+%04X splits: %v, in Python %v", r, got, spaces[r])
		}
	}
}

func TestLinesAreSplitAsPythonSplitsThem(t *testing.T) {
	spaces := pythonSpaces(t)
	runes := append(slices.Collect(func(yield func(rune) bool) {
		for r := range spaces {
			if !yield(r) {
				return
			}
		}
	}), 'a', 'b', 'ü', 'Ā', '日', '\u180e', '\u200b', '\u2060', '\ufeff', '\U0001F600', 0, '\x1b', '\u0084', '\u0086', '\u1681', '\u3001')
	slices.Sort(runes)
	rapid.Check(t, func(t *rapid.T) {
		line := string(rapid.SliceOf(rapid.SampledFrom(runes)).Draw(t, "line"))
		want := strings.FieldsFunc(line, func(r rune) bool { return spaces[r] })
		if got := split(line); !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q", line, got, want)
		}
	})
}
