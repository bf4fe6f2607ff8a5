package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deepdist/internal/frame"
)

// identity keeps the dictionary's numbers as ids.
func identity(t testing.TB, p *Partition) Table {
	t.Helper()
	n := uint32(0)
	table, err := p.Table(func([]byte) (uint32, bool) { n++; return n - 1, true })
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func readAll(p *Partition, table Table) (records [][]uint32, hashes []uint64, err error) {
	r, err := NewReader(p, table)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		tokens, err := r.Next(nil)
		if err == io.EOF {
			return records, hashes, nil
		}
		if err != nil {
			return records, hashes, err
		}
		_, hash := r.Position()
		records, hashes = append(records, tokens), append(hashes, hash)
	}
}

// A partition read back is what a map and a slice of slices would have kept.
func TestWhatIsSpooledIsReadBack(t *testing.T) {
	root := newRoot(t, NewBudget(0))
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zäß日]{1,12}`), 1, 400).Draw(rt, "words")
		lines := rapid.SliceOf(rapid.SliceOf(rapid.SampledFrom(words))).Draw(rt, "lines")
		numbers, counts := map[string]uint32{}, map[string]uint64{}
		var want [][]uint32
		w := begin(t, root)
		for _, line := range lines {
			var record []uint32
			for _, word := range line {
				if _, known := numbers[word]; !known {
					numbers[word] = uint32(len(numbers))
				}
				counts[word]++
				record = append(record, numbers[word])
			}
			if len(record) > 0 {
				want = append(want, record)
			}
			if err := w.Line([]byte(strings.Join(line, " "))); err != nil {
				rt.Fatal(err)
			}
		}
		for word, count := range counts {
			if n := numbers[word]; string(w.Words.Word(int(n))) != word || w.Words.Counts[n] != count {
				rt.Fatalf("word %d is %q, %d times; want %q, %d times", n, w.Words.Word(int(n)), w.Words.Counts[n], word, count)
			}
		}
		totals, err := w.Seal()
		if err != nil {
			rt.Fatal(err)
		}
		p, err := w.Commit()
		if err != nil {
			rt.Fatal(err)
		}
		defer p.Remove()
		got, _, err := readAll(p, identity(t, p))
		if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
			rt.Fatalf("got %v, %v; want %v", got, err, want)
		}
		if totals.Rows != uint64(len(lines)) || totals.Records != uint64(len(want)) || totals.Distinct != uint64(len(numbers)) {
			rt.Fatalf("totals %+v", totals)
		}
	})
}

func TestAnEmptyTokenIsNoWord(t *testing.T) {
	w := begin(t, newRoot(t, NewBudget(0)))
	for _, token := range []string{"a", "", "b", ""} {
		if err := w.Token([]byte(token)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.EndRow(); err != nil {
		t.Fatal(err)
	}
	if totals, err := w.Seal(); err != nil || totals.Words != 2 || totals.Distinct != 2 {
		t.Errorf("%+v, %v", totals, err)
	}
	w.Abort()
}

func TestLargePartitionsHaveManyBlocks(t *testing.T) {
	root := newRoot(t, NewBudget(0))
	w := begin(t, root)
	for i := range 200_000 {
		if err := w.Line(fmt.Appendf(nil, "w%d w%d x", i%50_000, i%77)); err != nil {
			t.Fatal(err)
		}
	}
	totals, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	reopened, err := Open(p.dir)
	if err != nil || reopened.Totals() != totals {
		t.Fatalf("%+v, %v; want %+v", reopened, err, totals)
	}
	records, _, err := readAll(reopened, identity(t, reopened))
	if err != nil || len(records) != 200_000 || totals.SpoolBytes < 3*blockTarget {
		t.Errorf("%d records, %v, %d bytes", len(records), err, totals.SpoolBytes)
	}
}

func TestLongSentencesAreSplitNotCut(t *testing.T) {
	root := newRoot(t, NewBudget(0))
	w := begin(t, root, strings.Repeat("a b ", MaxSentence), strings.TrimSpace(strings.Repeat("c ", MaxSentence)), "", " \t ")
	totals, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := w.Commit()
	records, _, err := readAll(p, identity(t, p))
	if err != nil {
		t.Fatal(err)
	}
	if totals.Words != 3*MaxSentence || totals.SplitSentences != 1 || totals.Rows != 4 || len(records) != 3 {
		t.Errorf("%+v, %d records", totals, len(records))
	}
	for i, r := range records {
		if len(r) != MaxSentence {
			t.Errorf("record %d has %d tokens", i, len(r))
		}
	}
}

func TestWordsOutsideOfTheVocabularyAreLeftOut(t *testing.T) {
	p := write(t, newRoot(t, NewBudget(0)), "keep drop keep", "drop drop")
	table, err := p.Table(func(word []byte) (uint32, bool) { return 42, string(word) == "keep" })
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := readAll(p, table)
	if err != nil || len(records) != 2 || !slices.Equal(records[0], []uint32{42, 42}) || len(records[1]) != 0 {
		t.Errorf("%v, %v", records, err)
	}
}

func TestTheHashKnowsTextOrderAndPlace(t *testing.T) {
	root := newRoot(t, NewBudget(0))
	ids := map[string]uint32{"a": 1, "b": 2, "c": 3}
	hashes := func(lines ...string) []uint64 {
		p := write(t, root, lines...)
		defer p.Remove()
		table, err := p.Table(func(word []byte) (uint32, bool) { id, ok := ids[string(word)]; return id, ok })
		if err != nil {
			t.Fatal(err)
		}
		_, h, err := readAll(p, table)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	same := hashes("a b", "c", "b a")
	if !slices.Equal(same, hashes("a x b", "c", "b  a")) {
		t.Error("the hash depends on words that are not in the vocabulary, or on spaces")
	}
	for _, other := range [][]string{{"b a", "c", "b a"}, {"a", "b c", "b a"}, {"a b c", "", "b a"}} {
		if h := hashes(other...); h[len(h)-1] == same[2] {
			t.Errorf("%q hashes like the other order", other)
		}
	}
	if slices.Contains(same, 0) {
		t.Error("0 stands for no records")
	}
}

func TestSkippingGivesTheSameHashAsReading(t *testing.T) {
	p := write(t, newRoot(t, NewBudget(0)), "a b", "c", "d e f", "a")
	table := identity(t, p)
	_, hashes, err := readAll(p, table)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(p, table)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Skip(3); err != nil {
		t.Fatal(err)
	}
	if record, hash := r.Position(); record != 3 || hash != hashes[2] {
		t.Errorf("at record %d with hash %x, want 3 and %x", record, hash, hashes[2])
	}
	if err := r.Skip(5); !errors.Is(err, io.EOF) {
		t.Errorf("skipping beyond the end: %v", err)
	}
}

// Whatever single byte of a spool is damaged, reading says so and gives no wrong record.
func TestADamagedSpoolIsAnErrorNotWrongText(t *testing.T) {
	root := newRoot(t, NewBudget(0))
	p := write(t, root, "the quick brown fox", "jumps over", "the lazy dog")
	want, _, err := readAll(p, identity(t, p))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{recordsName, wordsName} {
		path := filepath.Join(p.dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := slices.Clone(good)
			bad[i] ^= 0x41
			os.WriteFile(path, bad, 0o600)
			if records, err := readAgain(p); err == nil {
				t.Errorf("byte %d of %s is damaged, and nobody notices: %v", i, name, records)
			} else if !strings.Contains(err.Error(), "partition 0") {
				t.Errorf("the error does not name the partition: %v", err)
			}
			os.WriteFile(path, good[:i], 0o600)
			if _, err := readAgain(p); err == nil {
				t.Errorf("%s ends after %d bytes, and nobody notices", name, i)
			}
		}
		os.WriteFile(path, good, 0o600)
	}
	if got, err := readAgain(p); err != nil || !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the repaired spool: %v, %v", got, err)
	}
}

func readAgain(p *Partition) ([][]uint32, error) {
	n := uint32(0)
	table, err := p.Table(func([]byte) (uint32, bool) { n++; return n - 1, true })
	if err != nil {
		return nil, err
	}
	records, _, err := readAll(p, table)
	return records, err
}

func TestTheCapIsKeptAndGivenBack(t *testing.T) {
	budget := NewBudget(400_000)
	root := newRoot(t, budget)
	w := begin(t, root)
	var err error
	for i := 0; err == nil && i < 1_000_000; i++ {
		err = w.Line([]byte("some words of which there are too many"))
	}
	if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "spool_max_bytes (spark.deepdist.spoolMaxBytes) allows") {
		t.Fatalf("got %v", err)
	}
	w.Abort()
	if budget.Used() != 0 {
		t.Errorf("%d bytes are still taken after Abort", budget.Used())
	}
	p := write(t, root, "little")
	if budget.Used() == 0 {
		t.Error("a committed spool takes nothing")
	}
	p.Remove()
	if budget.Used() != 0 {
		t.Errorf("%d bytes are still taken after Remove", budget.Used())
	}
}

func TestAFullDiskIsSaidWithItsFix(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	w := budgeted{to: full, budget: NewBudget(0)}
	if _, err := w.Write([]byte("text")); frame.CodeOf(err) != frame.Lost || !strings.Contains(err.Error(), "spark.deepdist.spoolDir") {
		t.Errorf("got %s %v", frame.CodeOf(err), err)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	root := newRoot(t, NewBudget(0))
	begin(t, root, "some text").Abort()
	sealed := begin(t, root, "some text")
	if _, err := sealed.Seal(); err != nil {
		t.Fatal(err)
	}
	sealed.Abort()
	if left, _ := filepath.Glob(filepath.Join(root.training(1), "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSpoolsArePrivate(t *testing.T) {
	root := newRoot(t, NewBudget(0))
	write(t, root, "secret text")
	filepath.Walk(root.Dir(), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
}

func TestRootsOfDeadProcessesAreSweptAndLiveOnesStay(t *testing.T) {
	parent := t.TempDir()
	live, err := NewRoot(parent, NewBudget(0))
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	dead, err := NewRoot(parent, NewBudget(0))
	if err != nil {
		t.Fatal(err)
	}
	dead.lock.Close() // as the kernel does when a process is killed
	next, err := NewRoot(parent, NewBudget(0))
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(dead.Dir()); !os.IsNotExist(err) {
		t.Errorf("the dead process's spool is left: %v", err)
	}
	if _, err := os.Stat(live.Dir()); err != nil {
		t.Errorf("a live process's spool is gone: %v", err)
	}
}

func TestAFolderForSpoolsThatIsNoneIsBadInputAndIsNotMade(t *testing.T) {
	there := t.TempDir()
	file := filepath.Join(there, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, parent := range []string{filepath.Join(there, "nowhere", "at", "all"), file, "/proc"} {
		root, err := NewRoot(parent, NewBudget(0))
		if err == nil {
			root.Close()
		}
		if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "set spool_dir (spark.deepdist.spoolDir)") {
			t.Errorf("%s: %v", parent, err)
		}
	}
	if _, err := os.Stat(filepath.Join(there, "nowhere")); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
}

func TestATokenThatIsNoWordIsRefusedWithItsRow(t *testing.T) {
	w := begin(t, newRoot(t, NewBudget(0)), "fine")
	defer w.Abort()
	err := w.Line(make([]byte, maxToken+1))
	if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "row 1 ") {
		t.Errorf("got %.200v", err)
	}
}

// FuzzRead reads any bytes as a block: as they are, and with a header that fits them, so that the records behind it are reached. It
// ends with an error or gives records within the limits.
func FuzzRead(f *testing.F) {
	b := newBlock()
	b.add([]uint32{0, 1, 300, 70_000})
	b.add([]uint32{5})
	good := slices.Clone(b.seal())
	f.Add(good, uint16(400))
	f.Add(good[:len(good)-1], uint16(70))
	f.Add(append(slices.Clone(good), good...), uint16(0))
	f.Add(make([]byte, blockHeader), uint16(1))
	f.Add([]byte{}, uint16(1))
	f.Add(append(make([]byte, blockHeader), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), uint16(9))
	f.Fuzz(func(t *testing.T, bytes []byte, words uint16) {
		dir := t.TempDir()
		use := func(file []byte) {
			if err := os.WriteFile(filepath.Join(dir, recordsName), file, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := NewReader(&Partition{dir: dir, manifest: manifest{Totals: Totals{Records: 2}}}, make(Table, words))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for {
				tokens, err := r.Next(nil)
				if err != nil {
					return
				}
				if len(tokens) > MaxSentence {
					t.Fatalf("a record of %d tokens", len(tokens))
				}
			}
		}
		use(bytes)
		if len(bytes) >= blockHeader {
			b := &block{bytes: slices.Clone(bytes), records: 2}
			use(b.seal())
		}
	})
}

// Short words are told apart by their bytes and length in registers, long ones by hash and text; what lies behind a word in memory is no part of it.
func TestWordsOfEveryLengthAreToldApartWhereverTheyLie(t *testing.T) {
	var words []string
	for n := 1; n <= 40; n++ {
		words = append(words, strings.Repeat("a", n), strings.Repeat("\x00", n), strings.Repeat("a", n-1)+"\x00", strings.Repeat("a", n-1)+"b", "b"+strings.Repeat("a", n-1), strings.Repeat("\xff", n))
	}
	d, number := NewDictionary(), map[string]uint32{}
	for _, behind := range []string{"", " ", "a", "\xff\xff", strings.Repeat("z", 40), strings.Repeat("\x00", 40)} {
		for _, word := range words {
			memory := []byte(word + behind)
			got, err := d.Count(slices.Clip(memory)[:len(word)])
			if err != nil {
				t.Fatal(err)
			}
			want, known := number[word]
			if !known {
				want = uint32(len(number))
				number[word] = want
			}
			if got != want || string(d.Word(int(got))) != word {
				t.Fatalf("%q before %q is number %d, %q; want %d", word, behind, got, d.Word(int(got)), want)
			}
		}
	}
	for word, n := range number {
		if many := d.Counts[n] / 6; d.Counts[n]%6 != 0 || many == 0 {
			t.Errorf("%q was counted %d times", word, d.Counts[n])
		}
	}
}
