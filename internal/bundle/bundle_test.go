package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func sample() []Tensor {
	return []Tensor{
		{Name: "syn0", DType: "float32", Shape: []int{3, 2}, Data: Bytes([]float32{1, 2, 3, 4, 5, 6})},
		{Name: "rows", DType: "float64", Shape: []int{2, 1}, Keys: []uint32{4, 9}, Data: Bytes([]float64{7, 8})},
		{Name: "none", DType: "int8", Shape: []int{0, 5}, Data: []byte{}},
		{Name: "scalar", DType: "bool", Shape: []int{}, Data: []byte{1}},
	}
}

func TestWhatIsWrittenIsMappedBack(t *testing.T) {
	file, header, err := Write(sample(), map[string]float64{"word_count": 17})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	var received Header
	if err := json.Unmarshal(text, &received); err != nil {
		t.Fatal(err)
	}
	m, err := Map(file, received)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for i, want := range sample() {
		got := m.Tensors[i]
		if got.Name != want.Name || got.DType != want.DType || !bytes.Equal(got.Data, want.Data) || len(got.Keys) != len(want.Keys) {
			t.Errorf("tensor %d: got %+v, want %+v", i, got, want)
		}
	}
	if k := m.Tensors[1].Keys; k[0] != 4 || k[1] != 9 {
		t.Errorf("keys %v", k)
	}
	if m.Numbers["word_count"] != 17 {
		t.Errorf("numbers %v", m.Numbers)
	}
}

func TestNobodyCanWriteToAWrittenBundle(t *testing.T) {
	file, header, err := Write(sample(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{1}, 0); err == nil {
		t.Error("a write went through the seal")
	}
	if err := file.Truncate(0); err == nil {
		t.Error("a truncation went through the seal")
	}
	if _, err := MapShared(file, header); err == nil {
		t.Error("a writable mapping went through the seal")
	}
}

func TestAnUnsealedMemfdIsRefused(t *testing.T) {
	fd, err := unix.MemfdCreate("t", unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "t")
	defer file.Close()
	file.Truncate(64)
	header := Header{Tensors: []TensorHeader{{Name: "a", DType: "float32", Shape: []int64{2}}}, Bytes: 64}
	if _, err := Map(file, header); err == nil {
		t.Fatal("mapped a file that its owner can truncate")
	}
	if _, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		t.Fatal(err)
	}
	m, err := MapShared(file, header)
	if err != nil {
		t.Fatal(err)
	}
	m.Tensors[0].Float32s()[1] = 3
	m.Close()
	again, err := Map(file, header)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Tensors[0].Float32s()[1] != 3 {
		t.Error("a shared mapping did not reach the file")
	}
}

func TestABundleWithoutBytesNeedsNoFile(t *testing.T) {
	m, err := Map(nil, Header{Numbers: map[string]float64{"n": 1}})
	if err != nil || m.Numbers["n"] != 1 {
		t.Fatalf("%v %v", m, err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestKeysMustAscend(t *testing.T) {
	for _, keys := range [][]uint32{{4, 4}, {9, 4}} {
		file, header, err := Write([]Tensor{{Name: "r", DType: "int8", Shape: []int{2}, Keys: keys, Data: []byte{1, 2}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Map(file, header); err == nil {
			t.Errorf("keys %v were accepted", keys)
		}
		file.Close()
	}
}

func TestAHeaderThatLiesIsRefused(t *testing.T) {
	one := func(t TensorHeader) Header { return Header{Tensors: []TensorHeader{t}, Bytes: 128} }
	for name, h := range map[string]Header{
		"length":           {Bytes: 127},
		"dtype":            one(TensorHeader{Name: "a", DType: "object", Shape: []int64{1}}),
		"negative":         one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{-1}}),
		"product":          one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{1 << 32, 1 << 32}}),
		"bytes":            one(TensorHeader{Name: "a", DType: "int64", Shape: []int64{math.MaxInt64 / 4}}),
		"unaligned":        one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{1}, Offset: 8}),
		"negative offset":  one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{1}, Offset: -64}),
		"behind the end":   one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{65}, Offset: 64}),
		"offset overflow":  one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{128}, Offset: math.MaxInt64 &^ 63}),
		"keys of a scalar": one(TensorHeader{Name: "a", DType: "int8", Keys: &KeysHeader{}}),
		"too few keys":     one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{2}, Keys: &KeysHeader{Count: 1}}),
		"keys outside":     one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{20}, Keys: &KeysHeader{Offset: 64, Count: 20}}),
		"many keys":        one(TensorHeader{Name: "a", DType: "int8", Shape: []int64{math.MaxInt64, 0}, Keys: &KeysHeader{Count: math.MaxInt64}}),
		"twice": {Bytes: 128, Tensors: []TensorHeader{{Name: "a", DType: "int8", Shape: []int64{1}},
			{Name: "a", DType: "int8", Shape: []int64{1}}}},
	} {
		if err := h.Check(128); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestABundleWhosePagesAreHeldForAWhileIsSealedWhenTheyAreFree(t *testing.T) {
	w, err := Create([]Tensor{{Name: "w", DType: "uint8", Shape: []int{4096}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	page := unix.Iovec{Base: &w.data[0]}
	page.SetLen(len(w.data))
	if _, err := unix.Vmsplice(int(writer.Fd()), []unix.Iovec{page}, 0); err != nil { // the pipe holds the page itself until it is read
		t.Fatal(err)
	}
	if err := seal(int(w.file.Fd())); !errors.Is(err, unix.EBUSY) {
		t.Fatalf("sealed while mapped and held: %v", err)
	}
	read := make(chan error, 1)
	go func() {
		time.Sleep(time.Second)
		_, err := io.ReadFull(reader, make([]byte, 4096))
		read <- err
	}()
	file, _, err := w.Seal()
	if err := errors.Join(err, <-read); err != nil {
		t.Fatal(err)
	}
	file.Close()
}
