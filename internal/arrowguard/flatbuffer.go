package arrowguard

import "encoding/binary"

// flatbuffer is the little of the format that a record batch message needs, read with every bound checked. Positions are
// indexes into the bytes; a false result means that the bytes are not a flatbuffer.
type flatbuffer []byte

// absent is the position of a field that the table leaves out: position 0 holds the root's offset, never a field.
const absent = 0

func (fb flatbuffer) has(at, n int) bool {
	return at >= 0 && n >= 0 && at <= len(fb) && n <= len(fb)-at
}

func (fb flatbuffer) uint16(at int) int   { return int(binary.LittleEndian.Uint16(fb[at:])) }
func (fb flatbuffer) uint32(at int) int   { return int(binary.LittleEndian.Uint32(fb[at:])) }
func (fb flatbuffer) int64(at int) int64  { return int64(binary.LittleEndian.Uint64(fb[at:])) }
func (fb flatbuffer) root() (int, bool)   { return fb.follow(0) }
func (fb flatbuffer) isTable(at int) bool { _, _, ok := fb.vtable(at); return ok }

// follow reads the forward offset at a position and checks that a table lies there.
func (fb flatbuffer) follow(at int) (int, bool) {
	if !fb.has(at, 4) {
		return 0, false
	}
	to := at + fb.uint32(at)
	return to, fb.isTable(to)
}

// vtable returns where the table's field offsets begin and how many bytes they and the table's own fields take.
func (fb flatbuffer) vtable(table int) (at, size int, ok bool) {
	if !fb.has(table, 4) {
		return 0, 0, false
	}
	at = table - int(int32(fb.uint32(table)))
	if !fb.has(at, 4) {
		return 0, 0, false
	}
	size = fb.uint16(at)
	return at, size, size >= 4 && size%2 == 0 && fb.has(at, size) && fb.has(table, fb.uint16(at+2))
}

// field returns the position of a table's field, or absent.
func (fb flatbuffer) field(table, field int) (int, bool) {
	vtable, size, ok := fb.vtable(table)
	if !ok {
		return 0, false
	}
	slot := 4 + 2*field
	if slot+2 > size || fb.uint16(vtable+slot) == 0 {
		return absent, true
	}
	return table + fb.uint16(vtable+slot), true
}

// scalar reads a number of 1, 2 or 8 bytes; a field left out is 0.
func (fb flatbuffer) scalar(table, field, width int) (uint64, bool) {
	at, ok := fb.field(table, field)
	if !ok || at == absent {
		return 0, ok
	}
	if !fb.has(at, width) {
		return 0, false
	}
	switch width {
	case 1:
		return uint64(fb[at]), true
	case 2:
		return uint64(fb.uint16(at)), true
	default:
		return uint64(fb.int64(at)), true
	}
}

// table follows a field to another table, or returns absent.
func (fb flatbuffer) table(table, field int) (int, bool) {
	at, ok := fb.field(table, field)
	if !ok || at == absent {
		return absent, ok
	}
	return fb.follow(at)
}

// structs follows a field to a vector of structs of 16 bytes, all of them in bounds.
func (fb flatbuffer) structs(table, field int) (first, count int, ok bool) {
	at, ok := fb.field(table, field)
	if !ok || at == absent {
		return 0, 0, ok
	}
	if !fb.has(at, 4) {
		return 0, 0, false
	}
	at += fb.uint32(at)
	if !fb.has(at, 4) {
		return 0, 0, false
	}
	count = fb.uint32(at)
	return at + 4, count, count <= len(fb)/16 && fb.has(at+4, 16*count)
}
