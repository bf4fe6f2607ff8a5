package spool

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// Reader streams a partition's records in order, translated to vocabulary ids.
type Reader struct {
	partition *Partition
	table     Table
	file      *os.File
	block     *block
	rest      []byte // of the block: records not yet read
	left      uint32 // records in rest
	next      uint64 // number of the record that Next returns
	hash      uint64 // of the records before it
}

// NewReader begins at the first record.
func NewReader(p *Partition, table Table) (*Reader, error) {
	file, err := p.records()
	if err != nil {
		return nil, err
	}
	return &Reader{partition: p, table: table, file: file, block: newBlock()}, nil
}

// Close ends the reading.
func (r *Reader) Close() error { return r.file.Close() }

// Position is the number of the next record and the hash of those before it: a cursor's `from` and `prefix_hash`.
//
// The hash is chained over the translated ids: it depends on the text, its order and the vocabulary, and not on how or where the
// partition was spooled, so that another worker's spool of the same partition gives the same. No records hash to 0.
func (r *Reader) Position() (record, hash uint64) { return r.next, r.hash }

// AtEnd tells whether there are no more records.
func (r *Reader) AtEnd() bool { return r.next == r.partition.manifest.Records }

// Next appends the next record's ids to tokens; words outside of the vocabulary are left out, so there may be none. At the end it
// returns io.EOF.
func (r *Reader) Next(tokens []uint32) ([]uint32, error) {
	for r.left == 0 {
		if r.AtEnd() {
			return tokens, io.EOF
		}
		if err := r.nextBlock(); err != nil {
			return tokens, r.partition.damaged(err)
		}
	}
	start := len(tokens)
	tokens, rest, ok := translate(tokens, r.rest, r.table)
	if !ok {
		return tokens[:start], r.partition.damaged(fmt.Errorf("record %d names words that its dictionary does not have", r.next))
	}
	r.rest = rest
	r.left--
	r.next++
	r.hash = chain(r.hash, tokens[start:])
	return tokens, nil
}

// Skip reads up to record n, for the hash.
func (r *Reader) Skip(n uint64) error {
	var tokens []uint32
	for r.next < n {
		var err error
		if tokens, err = r.Next(tokens[:0]); err != nil {
			return fmt.Errorf("skip to record %d: %w", n, err)
		}
	}
	return nil
}

func (r *Reader) nextBlock() error {
	err := readBlock(r.file, r.block, r.next)
	if err == io.EOF {
		err = fmt.Errorf("it ends at record %d of %d", r.next, r.partition.manifest.Records)
	}
	if err != nil {
		return err
	}
	r.rest, r.left = r.block.bytes[blockHeader:], r.block.records
	if r.left == 0 || r.next+uint64(r.left) > r.partition.manifest.Records {
		return fmt.Errorf("block of record %d has %d records; the partition has %d", r.next, r.left, r.partition.manifest.Records)
	}
	return nil
}

// translate decodes one record. Numbers of one byte and of two, which no processor could predict, are decoded without a jump.
func translate(tokens []uint32, b []byte, table Table) (_ []uint32, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > MaxSentence {
		return tokens, b, false
	}
	at, known := used, 0
	tokens = slices.Grow(tokens, int(n))
	out := tokens[len(tokens):][:n]
	for range out {
		var number uint32
		if at+4 <= len(b) && binary.LittleEndian.Uint32(b[at:])&0x8080 != 0x8080 {
			w := binary.LittleEndian.Uint32(b[at:])
			two := w >> 7 & 1
			number = w&0x7f | w>>1&0x3f80&-two
			at += 1 + int(two)
		} else {
			long, used := binary.Uvarint(b[at:])
			if used <= 0 || long > math.MaxUint32 {
				return tokens, b, false
			}
			number, at = uint32(long), at+used
		}
		if uint(number) >= uint(len(table)) {
			return tokens, b, false
		}
		id := table[number]
		out[known] = id
		if id != Unknown {
			known++
		}
	}
	return tokens[:len(tokens)+known], b[at:], true
}

// chain extends the hash of a prefix by one record.
func chain(hash uint64, tokens []uint32) uint64 {
	var bytes []byte
	if len(tokens) > 0 {
		bytes = unsafe.Slice((*byte)(unsafe.Pointer(&tokens[0])), 4*len(tokens))
	}
	if hash = xxh3.HashSeed(bytes, hash); hash == 0 {
		return 1 // 0 stands for no records
	}
	return hash
}
