package vec

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Every kernel draws the same words, thins to the same tokens, and leaves the generator in the same state, whatever the lengths.
func TestRandomAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, words := range []int{1, 2, 3, 1000, 70_000} {
		table, keep := make([]Cell, words), make([]uint32, words)
		for i := range table {
			table[i] = Cell{r.Uint32(), r.Uint32()}
			keep[i] = r.Uint32()
		}
		table[0].Cut, keep[0] = 1<<32-1, 1<<32-1
		table[words-1].Cut, keep[words-1] = 0, 0
		for _, n := range []int{0, 1, 3, 4, 7, 8, 9, 16, 63, 1000, piece + 5} {
			tokens := make([]uint32, n)
			for i := range tokens {
				tokens[i] = r.Uint32N(uint32(words))
			}
			seed := Random(r.Uint64())
			wantState, wantThinned := seed, make([]uint32, n)
			wantDrawn := make([]uint32, n)
			for i := range wantDrawn {
				drawGeneric(wantDrawn[i:i+1], table, wantState)
				wantState += randomStep
			}
			wantThinned = wantThinned[:thinGeneric(wantThinned, tokens, keep, seed)]
			for _, name := range Names() {
				func() {
					defer use(t, name)()
					drawn, state := make([]uint32, n), seed
					state.Draw(drawn, table)
					if !slices.Equal(drawn, wantDrawn) || state != wantState {
						t.Errorf("%s: %d draws from %d words differ", name, n, words)
					}
					thinned, state := make([]uint32, n), seed
					thinned = thinned[:state.Thin(thinned, tokens, keep)]
					if !slices.Equal(thinned, wantThinned) || state != wantState {
						t.Errorf("%s: %d tokens of %d words are thinned to others", name, n, words)
					}
				}()
			}
		}
	}
}

// A token that is no word is a panic in each of its places, never a read beyond the table.
func TestThinKnowsItsWords(t *testing.T) {
	keep := make([]uint32, 10)
	for _, name := range Names() {
		for place := range 17 {
			for _, token := range []uint32{10, 1 << 31, 1<<32 - 1} {
				func() {
					defer use(t, name)()
					defer func() {
						if recover() == nil {
							t.Errorf("%s: token %d at %d goes unnoticed", name, token, place)
						}
					}()
					tokens := make([]uint32, 17)
					tokens[place] = token
					new(Random).Thin(make([]uint32, 17), tokens, keep)
				}()
			}
		}
	}
}

// Output words are the center and its own negatives; plain is what comparing each with each says.
func TestOpponentsAgree(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for n := range 100 {
			centers, drawn := make([]uint32, n), make([]uint32, n*(MaxOuts-1))
			for _, list := range [][]uint32{centers, drawn} {
				for i := range list {
					list[i] = r.Uint32N(20) // few words, so that many windows have one twice
				}
			}
			outs, plain := make([]uint32, n*MaxOuts+OpponentsMargin), make([]bool, n)
			Opponents(outs, plain, centers, drawn)
			for i, center := range centers {
				want := append([]uint32{center}, drawn[i*(MaxOuts-1):][:MaxOuts-1]...)
				if got := outs[i*MaxOuts:][:MaxOuts]; !slices.Equal(got, want) {
					t.Fatalf("center %d of %d: %d, should be %d", i, n, got, want)
				}
				slices.Sort(want)
				if differ := len(slices.Compact(want)) == MaxOuts; plain[i] != differ {
					t.Fatalf("center %d of %d: plain is %v of %d", i, n, plain[i], want)
				}
			}
		}
	})
}

func TestOffsetsAgree(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		const rows, stride = 1 << 20, 1 << 13 // more than 32 bits
		r := rand.New(rand.NewPCG(5, 6))
		for n := range 40 {
			keys, offsets := make([]uint32, n), make([]int, n+3)
			for i := range keys {
				keys[i] = r.Uint32N(rows)
			}
			if !Offsets(offsets, keys, stride, rows) {
				t.Fatalf("%d keys: one of them would be too large", n)
			}
			for i, key := range keys {
				if offsets[i] != int(key)*stride {
					t.Fatalf("key %d: offset %d", key, offsets[i])
				}
				keys[i] = rows + uint32(i)<<26
				if Offsets(offsets, keys, stride, rows) {
					t.Fatalf("%d keys of %d rows: the one at %d, which is %d, goes unnoticed", n, rows, i, keys[i])
				}
				keys[i] = key
			}
			if !slices.Equal(offsets[n:], []int{0, 0, 0}) {
				t.Fatalf("%d keys: wrote beyond them", n)
			}
		}
	})
}

func BenchmarkDraw(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			defer use(b, name)()
			table, words := make([]Cell, 30_000), make([]uint32, 100)
			var r Random
			for b.Loop() {
				r.Draw(words, table)
			}
		})
	}
}

func BenchmarkThin(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			defer use(b, name)()
			keep, tokens, kept := make([]uint32, 30_000), make([]uint32, 100), make([]uint32, 100)
			for i := range keep {
				keep[i] = 1 << 31
			}
			var r Random
			for b.Loop() {
				r.Thin(kept, tokens, keep)
			}
		})
	}
}

func BenchmarkOpponents(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			defer use(b, name)()
			outs, plain, centers, drawn := make([]uint32, 20*MaxOuts+OpponentsMargin), make([]bool, 20), make([]uint32, 20), make([]uint32, 20*(MaxOuts-1))
			var r Random
			r.Draw(centers, make([]Cell, 30_000))
			r.Draw(drawn, make([]Cell, 30_000))
			for b.Loop() {
				Opponents(outs, plain, centers, drawn)
			}
		})
	}
}
