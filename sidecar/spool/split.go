package spool

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// space marks the ASCII bytes that Python's str.split() splits at: the usual ones and the separators 0x1C–0x1F.
var space = [256]bool{'\t': true, '\n': true, '\v': true, '\f': true, '\r': true, 0x1c: true, 0x1d: true, 0x1e: true, 0x1f: true, ' ': true}

// isSpace is Python's str.isspace for one rune above ASCII. U+180E and U+200B are none.
func isSpace(r rune) bool {
	switch {
	case r >= 0x2000 && r <= 0x200a:
		return true
	case r == 0x85, r == 0xa0, r == 0x1680, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// nextToken returns the first token of line and what follows it, exactly as Python's str.split() cuts; an empty token means that
// there is none. line is valid UTF-8.
func nextToken(line []byte) (token, rest []byte) {
	start := 0
	for start < len(line) {
		b := line[start]
		if b < utf8.RuneSelf {
			if !space[b] {
				break
			}
			start++
			continue
		}
		r, n := utf8.DecodeRune(line[start:])
		if !isSpace(r) {
			break
		}
		start += n
	}
	for end := start; end < len(line); end++ {
		if end = plain(line, end); end == len(line) {
			break
		}
		b := line[end]
		if space[b] {
			return line[start:end], line[end:]
		}
		if mayBeginSpace(b) {
			if r, _ := utf8.DecodeRune(line[end:]); isSpace(r) {
				return line[start:end], line[end:]
			}
		}
	}
	return line[start:], nil
}

// plain goes on from at to the next byte that is a space or a control character of ASCII, or above ASCII, or to the line's end. Eight bytes at a time, most words' ends
// are found without a jump that depends on how long they are.
func plain(line []byte, at int) int {
	const each, top = 0x0101010101010101, 0x8080808080808080
	for ; at+8 <= len(line); at += 8 {
		b := binary.LittleEndian.Uint64(line[at:])
		if found := ((b-each*(' '+1))&^b | b) & top; found != 0 { // the lowest bit is right, and those above it may come from its borrow
			return at + bits.TrailingZeros64(found)/8
		}
	}
	for at < len(line) && line[at] > ' ' && line[at] < utf8.RuneSelf {
		at++
	}
	return at
}

// mayBeginSpace: a space above ASCII is encoded with one of these first bytes, which never continue another rune.
func mayBeginSpace(b byte) bool { return b == 0xc2 || b == 0xe1 || b == 0xe2 || b == 0xe3 }
