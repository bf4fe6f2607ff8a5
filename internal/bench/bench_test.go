package bench

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deepdist/sidecar/word2vec"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWordsAreNumberedByFrequencyAndRareOnesLeftOut(t *testing.T) {
	text, err := ReadText(write(t, "b a c\n\na  b rare\na\n"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "rare"}; !slices.Equal(text.Words, want) || !slices.Equal(text.Counts, []uint64{3, 2, 1, 1}) {
		t.Errorf("words %v, counts %v", text.Words, text.Counts)
	}
	text, err = ReadText(write(t, "b a c\n\na  b rare\na\n"), 2)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]uint32{{1, 0}, {}, {0, 1}, {0}}
	if !slices.EqualFunc(text.Sentences, want, slices.Equal) || text.Tokens != 5 {
		t.Errorf("sentences %v, %d tokens", text.Sentences, text.Tokens)
	}
	if _, err := ReadText(write(t, "a b"), 2); err == nil {
		t.Error("a text without a frequent word was accepted")
	}
}

func TestLongLinesAreSplit(t *testing.T) {
	text, err := ReadText(write(t, strings.Repeat("w ", 2*longest+5)), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(text.Sentences) != 3 || len(text.Sentences[2]) != 5 {
		t.Errorf("%d sentences", len(text.Sentences))
	}
}

func TestEveryEpochTrainsEveryWordOnceOnAnyNumberOfThreads(t *testing.T) {
	text, err := ReadText(write(t, strings.Repeat("the cat sat on the mat and the dog lay by the door\n", 200)), 1)
	if err != nil {
		t.Fatal(err)
	}
	settings := word2vec.Settings{VectorSize: 10, Window: 5, Sg: true, Negative: 5, NsExponent: 0.75, Alpha: 0.025, MinAlpha: 0.0001, Epochs: 3, Seed: 1, ShrinkWindows: true}
	for _, threads := range []int{1, 3} {
		training, err := NewTraining(text, settings)
		if err != nil {
			t.Fatal(err)
		}
		cost := training.Run(threads)
		if cost.Stats.Words != 3*text.Tokens || cost.Wall <= 0 {
			t.Errorf("%d threads: %+v", threads, cost)
		}
		path := filepath.Join(t.TempDir(), "vectors.txt")
		if err := training.WriteVectors(path); err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(written)), "\n")
		if lines[0] != "10 10" || len(lines) != 11 || len(strings.Fields(lines[1])) != 11 || !strings.HasPrefix(lines[1], "the ") {
			t.Errorf("vectors are written as %q, %q, … in %d lines", lines[0], lines[1], len(lines))
		}
		training.Free()
	}
}

func TestThePeakIsAPositiveNumberOfOperations(t *testing.T) {
	if flops := PeakFLOPs(1); !(flops > 1e6) {
		t.Errorf("%v FLOP/s", flops)
	}
}
