package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"deepdist/internal/version"
)

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	a, b := pair(t)
	big := bytes.Repeat([]byte("a batch of many bytes "), 300_000)
	go func() {
		a.Write(Batch, big, 4096, -1)
		a.Write(Batch, nil, 0, -1)
		a.WriteJSON(End, map[string]int{"rows": 4096})
		a.Close()
	}()
	f, err := b.Read()
	if err != nil || f.Kind != Batch || f.Rows != 4096 || !bytes.Equal(f.Body, big) || f.File != nil {
		t.Fatalf("got %s of %d rows and %d bytes, %v", f.Kind, f.Rows, len(f.Body), err)
	}
	if f, err = b.Read(); err != nil || f.Kind != Batch || len(f.Body) != 0 {
		t.Fatalf("got %v, %v; want an empty batch", f, err)
	}
	var end struct{ Rows int }
	if _, err := b.ReadJSON(End, &end); err != nil || end.Rows != 4096 {
		t.Fatalf("got %+v, %v", end, err)
	}
	if _, err := b.Read(); err != io.EOF {
		t.Fatalf("got %v at the end of the stream, want io.EOF", err)
	}
}

func TestADescriptorRidesOnItsOwnFrameOnly(t *testing.T) {
	a, b := pair(t)
	for _, name := range []string{"first", "second"} {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		file.WriteString(name)
		if err := a.WriteJSON(Call, "nothing beside this one"); err != nil {
			t.Fatal(err)
		}
		if err := a.WriteJSONFile(Call, name, file); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	a.Close()
	for _, name := range []string{"first", "second"} {
		if f, err := b.Read(); err != nil || f.File != nil {
			t.Fatalf("a frame without a descriptor: %v, %v", f.File, err)
		}
		f, err := b.Read()
		if err != nil || f.File == nil {
			t.Fatalf("a frame with a descriptor: %v, %v", f.File, err)
		}
		content := make([]byte, 16)
		n, _ := f.File.ReadAt(content, 0)
		f.File.Close()
		if string(content[:n]) != name {
			t.Errorf("the descriptor of %q holds %q", name, content[:n])
		}
	}
}

func TestDescriptorsThatNobodyAnnouncedAreClosed(t *testing.T) {
	a, b := pair(t)
	before := openDescriptors(t)
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var head [HeaderSize]byte
	header{kind: Call, bundle: noBundle}.encode(&head)
	if err := a.writeWithFD(head[:], int(file.Fd())); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(); CodeOf(err) != Protocol {
		t.Fatalf("got %v, want a protocol error", err)
	}
	if after := openDescriptors(t); after != before+1 { // file itself
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAStreamCutInsideAFrameIsNotAnEnd(t *testing.T) {
	for cut := 1; cut < HeaderSize+5; cut++ {
		a, b := pair(t)
		var head [HeaderSize]byte
		header{length: 5, crc: crc32.ChecksumIEEE([]byte("hello")), kind: Batch, rows: 1}.encode(&head)
		whole := append(head[:], "hello"...)
		a.socket.Write(whole[:cut])
		a.Close()
		if _, err := b.Read(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut after %d bytes: got %v, want io.ErrUnexpectedEOF", cut, err)
		}
	}
}

func TestAHeaderThatNoSenderWritesIsRefused(t *testing.T) {
	for name, damage := range map[string]func(*[HeaderSize]byte){
		"unknown kind":    func(h *[HeaderSize]byte) { h[8] = 99 },
		"kind zero":       func(h *[HeaderSize]byte) { h[8] = 0 },
		"two descriptors": func(h *[HeaderSize]byte) { h[9] = 3 },
		"inline unasked":  func(h *[HeaderSize]byte) { h[8], h[9], h[12] = byte(Call), 2, 0 },
		"chunk too long": func(h *[HeaderSize]byte) {
			h[8], h[12] = byte(Chunk), 0
			binary.LittleEndian.PutUint32(h[0:], MaxChunk+1)
		},
		"bundle of a chunk":      func(h *[HeaderSize]byte) { h[8], h[9], h[12] = byte(Chunk), 2, 0 },
		"announced, not brought": func(h *[HeaderSize]byte) { h[9] = 1 },
		"bytes that must be 0":   func(h *[HeaderSize]byte) { h[11] = 1 },
		"rows beside JSON":       func(h *[HeaderSize]byte) { h[8] = byte(Call) },
		"batch too long":         func(h *[HeaderSize]byte) { binary.LittleEndian.PutUint32(h[0:], MaxBatch+1) },
		"JSON too long": func(h *[HeaderSize]byte) {
			h[8], h[12] = byte(Call), 0
			binary.LittleEndian.PutUint32(h[0:], MaxJSON+1)
		},
		"checksum": func(h *[HeaderSize]byte) { h[4] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			var head [HeaderSize]byte
			header{length: 2, crc: crc32.ChecksumIEEE([]byte("{}")), kind: Batch, rows: 7}.encode(&head)
			damage(&head)
			a.socket.Write(append(head[:], "{}"...))
			if _, err := b.Read(); CodeOf(err) != Protocol || err == io.EOF {
				t.Errorf("got %v, want a protocol error", err)
			}
		})
	}
}

func TestALengthAloneCostsNoMemory(t *testing.T) {
	a, b := pair(t)
	var head [HeaderSize]byte
	header{length: MaxBatch, kind: Batch}.encode(&head)
	a.socket.Write(head[:])
	a.Close()
	if _, err := b.Read(); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if cap(b.body) > firstBodyBytes {
		t.Errorf("%d bytes were allocated for a body that never came", cap(b.body))
	}
}

func TestFramesOfManyWritersDoNotMix(t *testing.T) {
	a, b := pair(t)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for range 200 {
				a.Write(Batch, bytes.Repeat([]byte{byte('0' + w)}, 5000), uint32(w), -1)
			}
		})
	}
	for range 800 {
		f, err := b.Read()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.Body, bytes.Repeat([]byte{byte('0' + f.Rows)}, 5000)) {
			t.Fatal("two frames were mixed")
		}
	}
	writers.Wait()
}

func TestEndsOfDifferentReleasesPartWithBothBuildsNamed(t *testing.T) {
	for _, protocol := range []int{version.Protocol, version.Protocol + 1} {
		a, b := pair(t)
		go func() {
			var hello struct{ Greeting }
			b.WriteError(b.ReadHello(&hello))
		}()
		err := a.Greet(Greeting{Protocol: protocol, Build: "9.9.9"}, nil)
		if CodeOf(err) != Build || !strings.Contains(err.Error(), "9.9.9") || !strings.Contains(err.Error(), version.Build) || !strings.Contains(err.Error(), "make build") {
			t.Errorf("protocol %d: %v", protocol, err)
		}
	}
}

func TestAGreetingIsAnswered(t *testing.T) {
	a, b := pair(t)
	type hello struct {
		Greeting
		Op string `json:"op"`
	}
	go func() {
		var h hello
		if err := b.ReadHello(&h); err != nil {
			b.WriteError(err)
			return
		}
		b.WriteJSON(Event, "an event in between is skipped")
		b.WriteJSON(OK, map[string]string{"op": h.Op})
	}()
	var answer struct{ Op string }
	if err := a.Greet(hello{NewGreeting(), "ping"}, &answer); err != nil || answer.Op != "ping" {
		t.Errorf("got %+v, %v", answer, err)
	}
}

func TestAnErrorKeepsItsCodeOverTheWire(t *testing.T) {
	a, b := pair(t)
	sent := fmt.Errorf("ingest partition 3: %w", Errorf(BadInput, "row 7 is null: filter it out"))
	b.WriteError(sent)
	b.WriteError(errors.New(strings.Repeat("x", 1<<20)))
	_, err := a.Answer(nil)
	if CodeOf(err) != BadInput || err.Error() != sent.Error() {
		t.Errorf("got %s %q", CodeOf(err), err)
	}
	if _, err = a.Answer(nil); CodeOf(err) != Internal || len(err.Error()) > 65<<10 {
		t.Errorf("got %s of %d bytes", CodeOf(err), len(err.Error()))
	}
}
