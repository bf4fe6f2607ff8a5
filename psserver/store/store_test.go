package store

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deepdist/internal/bundle"
	"deepdist/internal/life"
)

// The dumb twin adds row by row; whatever keys come, in however many stripes, both must hold the same numbers to the bit.
func TestRowsAreAddedAndReadAsAPlainLoopWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, dim := rapid.IntRange(1, 300).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "dim")
		tensor, err := New("w", "float32", rows, dim)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, rows*dim)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range 3 {
			var keys []uint32
			for k := range rows {
				if r.IntN(3) == 0 {
					keys = append(keys, uint32(k))
				}
			}
			whole := r.IntN(4) == 0
			n := len(keys)
			if whole {
				n = rows
			}
			values := make([]float32, n*dim)
			for i := range values {
				values[i] = r.Float32()
			}
			for i := range n {
				row := i
				if !whole {
					row = int(keys[i])
				}
				for d := range dim {
					want[row*dim+d] += values[i*dim+d]
				}
			}
			if whole {
				tensor.AddRows(nil, values)
			} else if n > 0 {
				tensor.AddRows(keys, values)
			}
			got := make([]float32, len(keys)*dim)
			tensor.ReadRows(keys, bundle.Bytes(got))
			for i, k := range keys {
				for d := range dim {
					if got[i*dim+d] != want[int(k)*dim+d] {
						t.Fatalf("row %d reads %v, not %v", k, got[i*dim:(i+1)*dim], want[int(k)*dim:int(k+1)*dim])
					}
				}
			}
		}
		first := r.IntN(rows)
		end := first + r.IntN(rows-first+1)
		got := make([]float32, (end-first)*dim)
		tensor.ReadRange(first, end, bundle.Bytes(got))
		for i, x := range got {
			if x != want[first*dim+i] {
				t.Fatalf("range [%d, %d) differs at %d", first, end, i)
			}
		}
	})
}

func TestAReaderNeverSeesHalfARowOfASum(t *testing.T) {
	const rows, dim = 100, 64
	tensor, _ := New("w", "float32", rows, dim)
	ones := make([]float32, rows*dim)
	for i := range ones {
		ones[i] = 1
	}
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for range 200 {
				tensor.AddRows(nil, ones)
			}
		})
	}
	got := make([]float32, rows*dim)
	for range 200 {
		tensor.ReadRange(0, rows, bundle.Bytes(got))
		for r := range rows {
			for d := 1; d < dim; d++ {
				if got[r*dim+d] != got[r*dim] {
					t.Fatalf("row %d is torn: %v", r, got[r*dim:(r+1)*dim])
				}
			}
		}
	}
	writers.Wait()
	tensor.ReadRange(0, rows, bundle.Bytes(got))
	if got[0] != 600 {
		t.Errorf("600 sums made %v", got[0])
	}
}

func TestAVersionStaysAsItWasUntilItsLastReaderHasGone(t *testing.T) {
	tensor, _ := New("w", "float64", 4)
	var p Publisher
	numbers := map[string]float64{"n": 1}
	v := p.Publish(1, []*Tensor{tensor}, numbers)
	tensor.Float64s()[0], numbers["n"] = 5, 2
	v.Retain()
	v.Release()
	w := p.Publish(2, []*Tensor{tensor}, numbers)
	if v.Find("w").Float64s()[0] != 0 || v.Numbers["n"] != 1 || w.Find("w").Float64s()[0] != 5 || w.Find("x") != nil {
		t.Error("a version has changed, or took another one's memory while it was read")
	}
	memory := &v.Tensors[0].Data[0]
	v.Release()
	x := p.Publish(3, []*Tensor{tensor}, numbers)
	if &x.Tensors[0].Data[0] != memory {
		t.Error("memory without a reader is not used again")
	}
}

func TestDefiningANameAgainReplacesIt(t *testing.T) {
	var s Store
	a, _ := New("a", "int8", 3)
	b, _ := New("a", "int8", 5)
	scalar, _ := New("s", "float64")
	for _, tensor := range []*Tensor{a, scalar, b} {
		if err := s.Define(tensor); err != nil {
			t.Fatal(err)
		}
	}
	if s.Get("a") != b || len(s.All()) != 2 || s.Bytes() != 13 || s.Names()[0] != "a" || s.Get("x") != nil {
		t.Errorf("%v", s.Names())
	}
	if scalar.Rows() != 1 || scalar.RowBytes() != 8 {
		t.Error("a scalar is one row")
	}
	s.Drop("a")
	s.Drop("x")
	if s.Get("a") != nil {
		t.Error("dropped, yet there")
	}
	if _, err := New("bad", "complex64", 1); err == nil {
		t.Error("a tensor of complex64")
	}
}

func TestADroppedTensorsMemoryGoesWithItsLastReader(t *testing.T) {
	const size = 256 << 20
	var s Store
	define := func() (reader func(first, end int, dst []byte)) {
		tensor, err := New("w", "float32", size/4/256, 256)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < size; i += 4096 {
			tensor.Data[i] = 1
		}
		if err := s.Define(tensor); err != nil {
			t.Fatal(err)
		}
		return tensor.ReadRange
	}
	reader := define()
	full, err := life.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Drop("w"); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	row := make([]byte, 1024)
	if reader(8, 9, row); row[0] != 1 {
		t.Error("a late reader's tensor is gone")
	}
	reader = nil
	for until := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		runtime.GC()
		now, err := life.RSS()
		if err != nil || time.Now().After(until) {
			t.Fatalf("%d bytes with the tensor, %d without, %v", full, now, err)
		}
		if now+size/2 < full {
			return
		}
	}
}
