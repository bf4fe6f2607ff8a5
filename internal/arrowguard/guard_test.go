package arrowguard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"deepdist/internal/frame"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".arrow"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func guard(t testing.TB, layout Layout) *Guard {
	t.Helper()
	g, err := New(layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

var lines = []string{"the quick brown fox", "", "jumps über the lazy dog\u2003now", "日本語 text", strings.Repeat("a ", 300)}
var lists = [][]string{{"the", "quick"}, {}, {"", "fox"}, {"日本語"}, strings.Split(strings.Repeat("x", 200), "")}

func TestLinesWrittenByPyarrowComeOut(t *testing.T) {
	g := guard(t, Lines)
	for name, want := range map[string][]string{
		"lines": lines, "lines_empty": nil, "lines_sliced": {lines[4], lines[0], lines[1], lines[2], lines[3], lines[4]},
	} {
		rows, err := g.Decode(read(t, name), uint32(len(want)), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for i := range rows.Len() {
			got = append(got, string(rows.Line(i)))
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestListsWrittenByPyarrowComeOut(t *testing.T) {
	g := guard(t, Lists)
	for name, want := range map[string][][]string{
		"lists": lists, "lists_empty": nil, "lists_sliced": {lists[4], lists[0], lists[1], lists[2], lists[3], lists[4]},
	} {
		rows, err := g.Decode(read(t, name), uint32(len(want)), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got [][]string
		for i := range rows.Len() {
			first, end := rows.List(i)
			tokens := []string{}
			for j := first; j < end; j++ {
				tokens = append(tokens, string(rows.Text(j)))
			}
			got = append(got, tokens)
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestWhatIsNoBatchOfTheLayoutIsRefused(t *testing.T) {
	for _, c := range []struct {
		message string
		layout  Layout
		rows    uint32
		says    string
	}{
		{"lines", Lists, 5, "columns"}, {"lists", Lines, 5, "columns"}, {"schema", Lines, 0, "record batch"},
		{"zstd", Lines, 5, "compressed"}, {"int64", Lines, 3, "buffers"}, {"large", Lines, 5, "offsets"}, {"lines", Lines, 4, "announces 4"},
	} {
		_, err := guard(t, c.layout).Decode(read(t, c.message), c.rows, 0)
		if err == nil || frame.CodeOf(err) != frame.Protocol || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s as %s: got %v, want a refusal that says %q", c.message, c.layout, err, c.says)
		}
	}
}

func TestTheUsersBadRowsAreNamed(t *testing.T) {
	for _, c := range []struct {
		message string
		layout  Layout
		rows    uint32
		says    string
	}{{"lines_null", Lines, 3, "row 101 is None"}, {"lists_null", Lists, 2, "row 101 is None"}, {"lists_null_token", Lists, 2, "row 101 has a token"}} {
		_, err := guard(t, c.layout).Decode(read(t, c.message), c.rows, 100)
		if err == nil || frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.message, err, c.says)
		}
	}
}

func TestInvalidUTF8IsNamedEvenWhereTheWholeIsValid(t *testing.T) {
	for _, rows := range [][]string{{"good", "b\xffd"}, {"half a \xc3", "\xbc rune"}} {
		message := encode(t, rows)
		_, err := guard(t, Lines).Decode(message, 2, 10)
		if err == nil || frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "row 1") || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%q: got %v", rows, err)
		}
	}
}

func TestLengthsThatKilledTheReaderAreRefused(t *testing.T) {
	message := read(t, "lines")
	at := bytes.Index(message, binary.LittleEndian.AppendUint64(nil, uint64(len(message)-8)-uint64(binary.LittleEndian.Uint32(message[4:]))))
	if at < 0 {
		t.Fatal("the body's length was not found")
	}
	for _, length := range []uint64{1 << 33, 1 << 40, 1 << 62, 1<<64 - 1, 0} {
		m := bytes.Clone(message)
		binary.LittleEndian.PutUint64(m[at:], length)
		if _, err := guard(t, Lines).Decode(m, 5, 0); err == nil {
			t.Errorf("a body of %d bytes was accepted", length)
		}
	}
	m := bytes.Clone(message)
	binary.LittleEndian.PutUint32(m[4:], 0x7fffffff)
	if _, err := guard(t, Lines).Decode(m, 5, 0); err == nil {
		t.Error("metadata of 2 GiB was accepted")
	}
}

func TestManyBatchesThroughOneGuardStayWithinItsMemory(t *testing.T) {
	g := guard(t, Lines)
	message := encode(t, []string{strings.Repeat("many words ", 1<<20)})
	for i := range 40 { // 40 × 11 MiB is more than the allocator's limit: what is not freed shows
		if _, err := g.Decode(message, 1, 0); err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
	}
}

func TestMutantsNeitherPanicNorReadOutOfBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for _, layout := range []Layout{Lines, Lists} {
		g := guard(t, layout)
		seed := read(t, map[Layout]string{Lines: "lines", Lists: "lists"}[layout])
		for range 20_000 {
			if use(g, mutant(seed, random)) {
				accepted++
			}
		}
	}
	if accepted == 0 || accepted == 40_000 {
		t.Errorf("%d of 40,000 mutants were accepted: the test tests nothing", accepted)
	}
}

// mutant changes up to four bytes, most often in the metadata, where the lengths are.
func mutant(seed []byte, random *rand.Rand) []byte {
	m := bytes.Clone(seed)
	for range 1 + random.IntN(4) {
		limit := len(m)
		if random.IntN(3) > 0 {
			limit = 300
		}
		m[random.IntN(limit)] ^= byte(1 << random.IntN(8))
	}
	return m
}

// use decodes a message and touches every row, as the callers do.
func use(g *Guard, message []byte) bool {
	rows, err := g.Decode(message, 5, 0)
	if err != nil {
		return false
	}
	sum := 0
	for i := range rows.Len() {
		first, end := i, i+1
		if g.layout == Lists {
			first, end = rows.List(i)
		}
		for j := first; j < end; j++ {
			for _, b := range rows.Text(j) {
				sum += int(b)
			}
		}
	}
	return sum >= 0
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.arrow")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for _, file := range files {
		seed, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
		for range 4 {
			f.Add(mutant(append(seed, make([]byte, max(0, 300-len(seed)))...), random))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, layout := range []Layout{Lines, Lists} {
			g, err := New(layout)
			if err != nil {
				t.Fatal(err)
			}
			use(g, message)
			g.Close()
		}
	})
}

// encode writes lines with Arrow's own writer, valid UTF-8 or not.
func encode(t testing.TB, lines []string) []byte {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, Lines.schema())
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(lines, nil)
	record := b.NewRecord()
	defer record.Release()
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(Lines.schema()))
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	schema, err := Lines.schemaMessage()
	if err != nil {
		t.Fatal(err)
	}
	return stream.Bytes()[len(schema)-8:] // without the schema message; schemaMessage ends with 8 bytes of end-of-stream
}
