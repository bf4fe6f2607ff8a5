package pages

import (
	"testing"
	"unsafe"

	"deepdist/internal/life"
)

func TestMemoryIsZeroAndAlignedAndMayBeFreedTwice(t *testing.T) {
	for _, size := range []int{0, 1, 64, 4097, 2<<20 - 1, 2 << 20, 2<<20 + 1, 48_640_000} {
		memory, free := Alloc(size)
		if len(memory) != size || cap(memory) != size {
			t.Fatalf("%d bytes of room for %d, not %d", len(memory), cap(memory), size)
		}
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(memory))); at%64 != 0 {
			t.Errorf("%d bytes begin at %#x", size, at)
		}
		for i := range memory {
			if memory[i] != 0 {
				t.Fatalf("byte %d of %d is %d", i, size, memory[i])
			}
			memory[i] = 1
		}
		free()
		free()
	}
}

func TestFreeGivesMemoryBackAtOnce(t *testing.T) {
	const size = 256 << 20
	memory, free := Alloc(size)
	for i := 0; i < size; i += 4096 {
		memory[i] = 1
	}
	full := resident(t)
	free()
	if after := resident(t); after+size/2 > full {
		t.Errorf("%d bytes with the memory, %d without", full, after)
	}
}

func resident(t *testing.T) uint64 {
	t.Helper()
	n, err := life.RSS()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
