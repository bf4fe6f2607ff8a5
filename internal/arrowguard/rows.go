package arrowguard

import (
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
)

// Rows are the rows of one batch. A row of Lines is one text; a row of Lists is a range of texts.
type Rows struct {
	rows    int
	lists   []int32 // Lists: row i has the texts [lists[i], lists[i+1]); nil for Lines
	offsets []int32 // text j is data[offsets[j]:offsets[j+1]]
	data    []byte
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.rows }

// Line is row i of Lines.
func (r *Rows) Line(i int) []byte { return r.Text(i) }

// List is row i of Lists: its texts are Text(first) … Text(end-1).
func (r *Rows) List(i int) (first, end int) { return int(r.lists[i]), int(r.lists[i+1]) }

// Text is the j-th text of the column.
func (r *Rows) Text(j int) []byte {
	return r.data[r.offsets[j]:r.offsets[j+1]:r.offsets[j+1]]
}

func (r *Rows) readLines(column arrow.ArrayData, nodes []node) error {
	r.rows, r.lists = int(nodes[0].length), nil
	return r.readTexts(column, int(nodes[0].length))
}

func (r *Rows) readLists(column arrow.ArrayData, nodes []node) (err error) {
	r.rows = int(nodes[0].length)
	if r.lists, err = offsets(column.Buffers()[1], r.rows, int(nodes[1].length)); err != nil {
		return err
	}
	return r.readTexts(column.Children()[0], int(nodes[1].length))
}

// readTexts takes the raw buffers, not the array's accessors: those follow offsets that nobody has checked.
func (r *Rows) readTexts(column arrow.ArrayData, n int) (err error) {
	buffers := column.Buffers()
	r.data = nil
	if buffers[2] != nil {
		r.data = buffers[2].Bytes()
	}
	r.offsets, err = offsets(buffers[1], n, len(r.data))
	return err
}

// offsets is the third gate: n+1 offsets that never fall and stay within limit.
func offsets(buffer *memory.Buffer, n, limit int) ([]int32, error) {
	if n == 0 {
		return []int32{0}, nil // a writer may leave the buffer of an empty column out
	}
	if buffer == nil || buffer.Len() < 4*(n+1) {
		return nil, refuse("a column of %d values lacks offsets", n)
	}
	values := bundle.View[int32](buffer.Bytes()[:4*(n+1)])
	before := int32(0)
	falls := false
	for _, v := range values {
		falls = falls || v < before
		before = v
	}
	if falls || int(before) > limit {
		return nil, refuse("a column's offsets fall, or leave its %d bytes or values", limit)
	}
	return values, nil
}

// checkContent is the fourth gate: what the user's rows may not be.
func (r *Rows) checkContent(column arrow.ArrayData, first uint64) error {
	if row := firstNull(column, r.rows); row >= 0 {
		return frame.Errorf(frame.BadInput, "row %d is None: rows must be text; filter them out, e.g. rdd.filter(lambda s: s is not None)", first+uint64(row))
	}
	if r.lists != nil {
		texts := column.Children()[0]
		if text := firstNull(texts, texts.Len()); text >= 0 {
			return frame.Errorf(frame.BadInput, "row %d has a token that is None: tokens must be text; filter them out", first+uint64(r.rowOf(text)))
		}
	}
	if utf8.Valid(r.data) && r.startsAtRunes() {
		return nil
	}
	for j := range len(r.offsets) - 1 {
		if text := r.Text(j); !utf8.Valid(text) {
			return frame.Errorf(frame.BadInput, "row %d is not valid UTF-8: %.40q; decode the text with errors='replace' where it is read",
				first+uint64(r.rowOf(j)), text)
		}
	}
	return nil
}

// startsAtRunes tells whether no text begins inside a rune; then all are valid when the data is.
func (r *Rows) startsAtRunes() bool {
	for _, o := range r.offsets {
		if int(o) < len(r.data) && !utf8.RuneStart(r.data[o]) {
			return false
		}
	}
	return true
}

// rowOf is the row that text j belongs to.
func (r *Rows) rowOf(j int) int {
	if r.lists == nil {
		return j
	}
	for i := range r.rows {
		if int(r.lists[i+1]) > j {
			return i
		}
	}
	return r.rows // a text that no list uses
}

// firstNull returns the first null among the first n values, or -1.
func firstNull(column arrow.ArrayData, n int) int {
	validity := column.Buffers()[0]
	if validity == nil || validity.Len() == 0 {
		return -1
	}
	for i := range min(n, 8*validity.Len()) {
		if !bitutil.BitIsSet(validity.Bytes(), i) {
			return i
		}
	}
	return -1
}
