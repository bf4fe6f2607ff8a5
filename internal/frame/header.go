package frame

import "encoding/binary"

// Limits of a frame's body, checked before anything is allocated for it.
const (
	HeaderSize     = 16
	MaxBatch       = 64<<20 + 64<<10 // record batch: 64 MiB of values and 64 KiB of metadata
	MaxJSON        = 1 << 20         // JSON of tasks and drivers
	MaxAnswer      = 16 << 20        // JSON of a psserver's answers
	MaxChunk       = 1 << 20         // of a bundle that travels inline
	firstBodyBytes = 1 << 20         // what a length is trusted with before its bytes have arrived
)

// How a frame brings its bundle.
const (
	noBundle   uint8 = 0
	descriptor uint8 = 1 // rides on the header's bytes
	inline     uint8 = 2 // follows in CHUNK frames
)

type header struct {
	length uint32
	crc    uint32
	kind   Kind
	bundle uint8
	rows   uint32
}

func (h header) encode(b *[HeaderSize]byte) {
	binary.LittleEndian.PutUint32(b[0:], h.length)
	binary.LittleEndian.PutUint32(b[4:], h.crc)
	b[8], b[9], b[10], b[11] = byte(h.kind), h.bundle, 0, 0
	binary.LittleEndian.PutUint32(b[12:], h.rows)
}

// decodeHeader refuses what no sender of this protocol writes.
func decodeHeader(b *[HeaderSize]byte, jsonLimit uint32) (header, error) {
	h := header{
		length: binary.LittleEndian.Uint32(b[0:]),
		crc:    binary.LittleEndian.Uint32(b[4:]),
		kind:   Kind(b[8]),
		bundle: b[9],
		rows:   binary.LittleEndian.Uint32(b[12:]),
	}
	limit := jsonLimit
	switch h.kind {
	case Batch:
		limit = MaxBatch
	case Chunk:
		limit = MaxChunk
	}
	switch {
	case !h.kind.known():
		return h, Errorf(Protocol, "frame of unknown %s: the other end does not speak DeepDist's protocol", h.kind)
	case h.bundle > inline || h.kind == Chunk && h.bundle != noBundle || b[10] != 0 || b[11] != 0:
		return h, Errorf(Protocol, "%s frame with a malformed header", h.kind)
	case h.kind != Batch && h.rows != 0:
		return h, Errorf(Protocol, "%s frame claims %d rows", h.kind, h.rows)
	case h.length > limit:
		return h, Errorf(Protocol, "%s frame of %d bytes; at most %d are allowed", h.kind, h.length, limit)
	}
	return h, nil
}
