package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// A block is a header of 32 bytes and its records, one after another: uvarint number of tokens (at least 1), then as many
// uvarint dictionary numbers. Blocks begin with the record number that they have, so that a lost or swapped block shows.
//
//	0–3 magic   4–7 CRC-32C of bytes 8… to the block's end   8–11 length of the records' bytes   12–15 records   16–23 first record   24–31 words
const (
	blockMagic  = 0x31504444 // "DDP1"
	blockHeader = 32
	blockTarget = 256 << 10 // bytes of records after which a block is closed: a few readahead windows of a disk
	maxBlock    = blockTarget + binary.MaxVarintLen32*(MaxSentence+1)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli) // the CRC that processors have an instruction for; it never leaves the machine

// block is one block in memory, header included.
type block struct {
	bytes   []byte
	records uint32
	first   uint64
	words   uint64
}

func newBlock() *block { return &block{bytes: make([]byte, blockHeader, blockHeader+blockTarget+4096)} }

func (b *block) add(tokens []uint32) {
	bytes := binary.AppendUvarint(b.bytes, uint64(len(tokens)))
	at := len(bytes)
	bytes = slices.Grow(bytes, binary.MaxVarintLen32*len(tokens))
	bytes = bytes[:at+binary.MaxVarintLen32*len(tokens)]
	for _, t := range tokens {
		if t < 0x4000 { // one byte or two, without a jump: no processor could predict which
			two := (0x7f - t) >> 31
			binary.LittleEndian.PutUint16(bytes[at:], uint16(t&0x7f|two<<7|t>>7<<8))
			at += 1 + int(two)
		} else {
			at += binary.PutUvarint(bytes[at:], uint64(t))
		}
	}
	b.bytes = bytes[:at]
	b.records++
	b.words += uint64(len(tokens))
}

func (b *block) full() bool { return len(b.bytes) >= blockHeader+blockTarget }

// seal fills the header in and returns the block's bytes.
func (b *block) seal() []byte {
	h := b.bytes
	binary.LittleEndian.PutUint32(h[0:], blockMagic)
	binary.LittleEndian.PutUint32(h[8:], uint32(len(h)-blockHeader))
	binary.LittleEndian.PutUint32(h[12:], b.records)
	binary.LittleEndian.PutUint64(h[16:], b.first)
	binary.LittleEndian.PutUint64(h[24:], b.words)
	binary.LittleEndian.PutUint32(h[4:], crc32.Checksum(h[8:], castagnoli))
	return h
}

// reset begins the next block.
func (b *block) reset() {
	b.first += uint64(b.records)
	b.bytes, b.records, b.words = b.bytes[:blockHeader], 0, 0
}

// readBlock reads the next block into b, which must begin with record `first`. io.EOF means the end of the file.
func readBlock(r io.Reader, b *block, first uint64) error {
	h := b.bytes[:blockHeader]
	if _, err := io.ReadFull(r, h); err != nil {
		if err == io.EOF {
			return io.EOF
		}
		return fmt.Errorf("block of record %d: header: %w", first, err)
	}
	length := binary.LittleEndian.Uint32(h[8:])
	if binary.LittleEndian.Uint32(h) != blockMagic || length > maxBlock {
		return fmt.Errorf("block of record %d: no block begins here", first)
	}
	if cap(b.bytes) < blockHeader+int(length) {
		b.bytes = append(make([]byte, 0, blockHeader+int(length)), h...)
	}
	b.bytes = b.bytes[:blockHeader+int(length)]
	if _, err := io.ReadFull(r, b.bytes[blockHeader:]); err != nil {
		return fmt.Errorf("block of record %d: %w", first, err)
	}
	if crc32.Checksum(b.bytes[8:], castagnoli) != binary.LittleEndian.Uint32(b.bytes[4:]) {
		return fmt.Errorf("block of record %d is damaged (checksum differs)", first)
	}
	b.records = binary.LittleEndian.Uint32(b.bytes[12:])
	b.first = binary.LittleEndian.Uint64(b.bytes[16:])
	b.words = binary.LittleEndian.Uint64(b.bytes[24:])
	if b.first != first {
		return fmt.Errorf("block of record %d: the block of record %d lies in its place", first, b.first)
	}
	return nil
}
