package frame

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Inline makes bundles travel as CHUNK frames from here on, in both directions, and descriptors no more: for an end that can't pass any
// (Java, or another machine). What arrives is put into a memfd of this process, which Read hands out as if it had come along, so nobody
// behind a Conn needs to know the difference. room says how many bytes such a bundle may have at that moment.
func (c *Conn) Inline(room func() (uint64, error)) { c.room = room }

// IsInline tells whether bundles travel as CHUNK frames.
func (c *Conn) IsInline() bool { return c.room != nil }

// readChunks puts the bundle that the JSON in body announces into a sealed memfd, which grows only as bytes arrive.
func (c *Conn) readChunks(body []byte) (*os.File, error) {
	var announced struct {
		Bytes int64 `json:"bytes"`
	}
	if err := json.Unmarshal(body, &announced); err != nil {
		return nil, Errorf(Protocol, "read the length of an inline bundle: %w", err)
	}
	if announced.Bytes <= 0 {
		return nil, Errorf(Protocol, "an inline bundle of %d bytes", announced.Bytes)
	}
	room, err := c.room()
	if err != nil {
		return nil, err
	}
	if uint64(announced.Bytes) > room {
		return nil, Errorf(BadInput, "a bundle of %d bytes is to be received, and %d bytes of memory are available", announced.Bytes, room)
	}
	fd, err := unix.MemfdCreate("deepdist-inline", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("create a memfd for an inline bundle: %w", err)
	}
	file := os.NewFile(uintptr(fd), "deepdist-inline")
	if err := c.fill(file, announced.Bytes); err != nil {
		file.Close()
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		file.Close()
		return nil, fmt.Errorf("seal an inline bundle: %w", err)
	}
	return file, nil
}

// fill reads CHUNK frames until so many bytes are in the file. They are written, not mapped: a machine without memory for them says so.
func (c *Conn) fill(file *os.File, bytes int64) error {
	var buffer []byte
	for left := bytes; left > 0; {
		h, _, err := c.readHeader() // no descriptor: it would have been an error
		if err != nil {
			return cut(err)
		}
		if h.kind != Chunk || h.length == 0 || int64(h.length) > left {
			return Errorf(Protocol, "%s frame of %d bytes where CHUNKs of %d more bytes were due", h.kind, h.length, left)
		}
		chunk, err := c.readBody(h, &buffer)
		if err != nil {
			return err
		}
		if _, err := file.Write(chunk); err != nil {
			return fmt.Errorf("keep an inline bundle of %d bytes: %w", bytes, err)
		}
		left -= int64(len(chunk))
	}
	return nil
}

// writeInline sends a JSON body and then the file's bytes. The JSON has said how many they are.
func (c *Conn) writeInline(kind Kind, body []byte, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("write %s frame: %w", kind, err)
	}
	return c.writePart(kind, body, file, 0, info.Size())
}

// WriteJSONPart sends v and a part of a file inline. v has `bytes`, its length.
func (c *Conn) WriteJSONPart(kind Kind, v any, file *os.File, at, bytes int64) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s frame: %w", kind, err)
	}
	return c.writePart(kind, body, file, at, bytes)
}

// writePart lets no other frame come in between.
func (c *Conn) writePart(kind Kind, body []byte, file *os.File, from, bytes int64) error {
	h := header{kind: kind}
	if bytes > 0 {
		h.bundle = inline
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.write(h, body, -1); err != nil {
		return err
	}
	chunk := make([]byte, min(bytes, MaxChunk))
	for at, end := from, from+bytes; at < end; at += int64(len(chunk)) {
		chunk = chunk[:min(int64(len(chunk)), end-at)]
		if _, err := file.ReadAt(chunk, at); err != nil && err != io.EOF {
			return fmt.Errorf("read a bundle to be sent: %w", err)
		}
		if err := c.write(header{kind: Chunk}, chunk, -1); err != nil {
			return err
		}
	}
	return nil
}
