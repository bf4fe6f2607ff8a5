package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// guard is what stands before and after every vector under test, and must still stand there afterwards.
const guard = float32(-12345.678)

// guarded is a vector of n floats that begins offset floats after some aligned place, between two guards of 16.
type guarded struct{ all, vector []float32 }

func newGuarded(n, offset int) guarded {
	all := make([]float32, 16+offset+n+16)
	for i := range all {
		all[i] = guard
	}
	return guarded{all, all[16+offset : 16+offset+n]}
}

func (g guarded) check(t *testing.T, what string) {
	t.Helper()
	before := len(g.all) - 16 - len(g.vector)
	for i, v := range g.all {
		if (i < before || i >= before+len(g.vector)) && v != guard {
			t.Fatalf("%s: wrote at %d of a vector of %d", what, i-before, len(g.vector))
		}
	}
}

func fill(r *rand.Rand, x []float32) {
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
}

// eachKernel runs the test with every kernel that runs here.
func eachKernel(t *testing.T, test func(t *testing.T)) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			defer use(t, name)()
			test(t)
		})
	}
}

func use(tb testing.TB, name string) (restore func()) {
	before := Name()
	if err := Use(name); err != nil {
		tb.Fatal(err)
	}
	return func() { _ = Use(before) }
}

func TestAddAndSubEqualTheirLoopsAtEveryLengthAndAlignment(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for n := 0; n < 300; n++ {
			for offset := range 16 {
				x, base, y, delta := newGuarded(n, offset), newGuarded(n, (offset*7)%16), newGuarded(n, (offset*3)%16), newGuarded(n, 15-offset)
				fill(r, x.vector)
				fill(r, base.vector)
				fill(r, y.vector)
				sum, difference := make([]float32, n), make([]float32, n)
				copy(sum, y.vector)
				addGeneric(sum, x.vector)
				subGeneric(difference, x.vector, base.vector)
				Add(y.vector, x.vector)
				Sub(delta.vector, x.vector, base.vector)
				for i := range n {
					if y.vector[i] != sum[i] || delta.vector[i] != difference[i] {
						t.Fatalf("length %d, offset %d: element %d differs", n, offset, i)
					}
				}
				for _, g := range []guarded{x, base, y, delta} {
					g.check(t, fmt.Sprintf("length %d, offset %d", n, offset))
				}
			}
		}
	})
}

func TestLongVectorsAreWalkedToTheirEnd(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		n := 3*piece + 17
		x, y := make([]float32, n), make([]float32, n)
		for i := range x {
			x[i], y[i] = float32(i), 1
		}
		Add(y, x)
		for i := range y {
			if y[i] != float32(i)+1 {
				t.Fatalf("element %d is %v", i, y[i])
			}
		}
		Sub(y, y, x)
		for i := range y {
			if y[i] != 1 {
				t.Fatalf("element %d is %v", i, y[i])
			}
		}
		if !AllFinite(y) {
			t.Fatal("finite numbers were refused")
		}
		y[n-1] = float32(math.NaN())
		if AllFinite(y) {
			t.Fatal("the last element's NaN was not seen")
		}
	})
}

func TestAllFiniteSeesEveryKindOfNonFiniteAtEveryPlace(t *testing.T) {
	strange := map[float32]bool{
		0: true, float32(math.Copysign(0, -1)): true, math.MaxFloat32: true, -math.MaxFloat32: true, math.SmallestNonzeroFloat32: true,
		float32(math.Inf(1)): false, float32(math.Inf(-1)): false, float32(math.NaN()): false,
		math.Float32frombits(0x7f800001): false, math.Float32frombits(0xff800001): false,
	}
	eachKernel(t, func(t *testing.T) {
		for n := 0; n < 150; n++ {
			x := newGuarded(n, n%16)
			for i := range x.all { // a NaN just outside is nobody's business
				x.all[i] = float32(math.NaN())
			}
			fill(rand.New(rand.NewPCG(2, uint64(n))), x.vector)
			if !AllFinite(x.vector) {
				t.Fatalf("length %d: finite numbers were refused", n)
			}
			for i := range n {
				before := x.vector[i]
				for v, finite := range strange {
					x.vector[i] = v
					if AllFinite(x.vector) != finite {
						t.Fatalf("length %d: %v at %d", n, v, i)
					}
				}
				x.vector[i] = before
			}
		}
	})
}

func TestUseRefusesAKernelThatCannotRunAndNamesThoseThatCan(t *testing.T) {
	before := Name()
	err := Use("quantum")
	if err == nil || Name() != before {
		t.Fatalf("error %v, kernel %s", err, Name())
	}
	t.Log(err)
	if err := Use(Auto); err != nil || Name() != Names()[0] {
		t.Fatalf("auto gave %s, error %v", Name(), err)
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			defer use(b, name)()
			x, y := make([]float32, 2048), make([]float32, 2048)
			b.SetBytes(4 * 2048)
			for b.Loop() {
				Add(y, x)
			}
		})
	}
}
