package frame

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

type bundled struct {
	Bytes int64 `json:"bytes"`
}

func plenty() (uint64, error) { return 1 << 30, nil }

// inlinePair is a pair whose bundles travel inline.
func inlinePair(t testing.TB) (a, b *Conn) {
	t.Helper()
	a, b = pair(t)
	a.Inline(plenty)
	b.Inline(plenty)
	return a, b
}

func fileOf(t testing.TB, content []byte) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAnInlineBundleArrivesAsASealedFile(t *testing.T) {
	for _, n := range []int{1, MaxChunk - 1, MaxChunk, MaxChunk + 1, 3*MaxChunk + 77} {
		a, b := inlinePair(t)
		content := make([]byte, n)
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		file := fileOf(t, content)
		go func() {
			a.WriteJSONFile(OK, bundled{int64(n)}, file)
			a.WriteJSON(OK, "the next frame")
		}()
		f, err := b.Read()
		if err != nil || f.File == nil || string(f.Body) != fmt.Sprintf(`{"bytes":%d}`, n) {
			t.Fatalf("%d bytes: got %q, %v, %v", n, f.Body, f.File, err)
		}
		got, err := io.ReadAll(io.NewSectionReader(f.File, 0, 1<<40))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: got %d others, %v", n, len(got), err)
		}
		if seals, err := unix.FcntlInt(f.File.Fd(), unix.F_GET_SEALS, 0); err != nil || seals&(unix.F_SEAL_SHRINK|unix.F_SEAL_GROW) != unix.F_SEAL_SHRINK|unix.F_SEAL_GROW {
			t.Errorf("%d bytes: seals %x, %v", n, seals, err)
		}
		f.File.Close()
		if f, err := b.Read(); err != nil || string(f.Body) != `"the next frame"` || f.File != nil {
			t.Errorf("%d bytes: then %q, %v", n, f.Body, err)
		}
	}
}

func TestAnInlineBundleWithoutBytesIsNone(t *testing.T) {
	a, b := inlinePair(t)
	a.WriteJSONFile(OK, bundled{0}, fileOf(t, nil))
	if f, err := b.Read(); err != nil || f.File != nil {
		t.Errorf("got %v, %v", f.File, err)
	}
}

func TestNoFrameComesBetweenABundleAndItsChunks(t *testing.T) {
	a, b := inlinePair(t)
	content := bytes.Repeat([]byte("tensor"), MaxChunk/3)
	file := fileOf(t, content)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 5 {
				a.WriteJSONFile(OK, bundled{int64(len(content))}, file)
				a.WriteJSON(Event, "progress")
			}
		})
	}
	for range 40 {
		f, err := b.Read()
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind == OK {
			if info, err := f.File.Stat(); err != nil || info.Size() != int64(len(content)) {
				t.Errorf("a bundle of %d bytes, %v", info.Size(), err)
			}
			f.File.Close()
		}
	}
	writers.Wait()
}

// raw is one frame as bytes.
func raw(kind Kind, bundle uint8, body string) []byte {
	var head [HeaderSize]byte
	header{length: uint32(len(body)), crc: crc32.ChecksumIEEE([]byte(body)), kind: kind, bundle: bundle}.encode(&head)
	return append(head[:], body...)
}

func TestAnInlineBundleThatNoSenderWritesIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		frames [][]byte
		code   Code
	}{
		"no length":        {[][]byte{raw(Call, inline, `{}`)}, Protocol},
		"negative":         {[][]byte{raw(Call, inline, `{"bytes":-1}`)}, Protocol},
		"no number":        {[][]byte{raw(Call, inline, `{"bytes":"many"}`)}, Protocol},
		"no JSON":          {[][]byte{raw(Call, inline, `x`)}, Protocol},
		"more than fits":   {[][]byte{raw(Call, inline, `{"bytes":1099511627776}`)}, BadInput},
		"too long a chunk": {[][]byte{raw(Call, inline, `{"bytes":3}`), raw(Chunk, noBundle, "four")}, Protocol},
		"one too many":     {[][]byte{raw(Call, inline, `{"bytes":3}`), raw(Chunk, noBundle, "ab"), raw(Chunk, noBundle, "cd")}, Protocol},
		"an empty chunk":   {[][]byte{raw(Call, inline, `{"bytes":3}`), raw(Chunk, noBundle, "")}, Protocol},
		"another frame":    {[][]byte{raw(Call, inline, `{"bytes":3}`), raw(Event, noBundle, `{}`)}, Protocol},
		"nested":           {[][]byte{raw(Call, inline, `{"bytes":3}`), raw(Chunk, inline, "abc")}, Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := inlinePair(t)
			before := openDescriptors(t)
			a.socket.Write(bytes.Join(test.frames, nil))
			f, err := b.Read()
			if CodeOf(err) != test.code || f.File != nil {
				t.Errorf("got %v, want an error of code %s", err, test.code)
			}
			if after := openDescriptors(t); after != before {
				t.Errorf("%d descriptors open, %d before", after, before)
			}
		})
	}
}

func TestABundleCutAmongItsChunksIsNotAnEnd(t *testing.T) {
	whole := append(raw(Call, inline, `{"bytes":6}`), append(raw(Chunk, noBundle, "abc"), raw(Chunk, noBundle, "def")...)...)
	for cut := HeaderSize; cut < len(whole); cut++ {
		a, b := inlinePair(t)
		a.socket.Write(whole[:cut])
		a.Close()
		if _, err := b.Read(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut after %d bytes: got %v, want io.ErrUnexpectedEOF", cut, err)
		}
	}
}

func TestADescriptorIsRefusedWhereBundlesAreInline(t *testing.T) {
	a, b := pair(t)
	b.Inline(plenty)
	a.WriteJSONFile(Call, bundled{1}, fileOf(t, []byte("x")))
	if _, err := b.Read(); CodeOf(err) != Protocol || !strings.Contains(err.Error(), "HELLO") {
		t.Errorf("got %v", err)
	}
}

// FuzzInline feeds a stream of any bytes to a Read that takes inline bundles: a file that it hands out has the length that was announced.
func FuzzInline(f *testing.F) {
	bundle := append(raw(Call, inline, `{"bytes":6}`), append(raw(Chunk, noBundle, "abc"), raw(Chunk, noBundle, "def")...)...)
	for _, seed := range append(seedStreams(), bundle, bundle[:40], append(bytes.Clone(bundle), bundle...), raw(OK, inline, `{"bytes":9e9}`)) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 1<<16 {
			return // what fits into the socket without a second goroutine
		}
		a, b := inlinePair(t)
		a.socket.Write(stream)
		a.Close()
		for {
			frame, err := b.Read()
			if err != nil {
				return
			}
			if frame.File == nil {
				continue
			}
			var announced bundled
			if err := frame.Into(&announced); err != nil {
				t.Fatal(err)
			}
			if info, err := frame.File.Stat(); err != nil || info.Size() != announced.Bytes || info.Size() > int64(len(stream)) {
				t.Fatalf("a bundle of %d bytes was announced with %d, %v", info.Size(), announced.Bytes, err)
			}
			frame.File.Close()
		}
	})
}
