package word2vec

import (
	"math"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func drawnCounts(t *rapid.T) []uint64 {
	most := rapid.SampledFrom([]uint64{1, 3, 50, 1 << 40}).Draw(t, "most")
	return rapid.SliceOfN(rapid.Uint64Range(0, most), 1, 200).Draw(t, "counts")
}

func TestTheTreeIsFullAndItsCodesArePrefixFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := drawnCounts(t)
		tree := newTree(counts)
		kraft, used := 0.0, make([]bool, len(counts)-1)
		for word := range counts {
			path := tree.path(uint32(word))
			kraft += math.Exp2(-float64(len(path)))
			for k, s := range path {
				used[s.node()] = true
				if k == 0 && int(s.node()) != len(counts)-2 {
					t.Fatalf("the path of word %d begins at node %d, the root is %d", word, s.node(), len(counts)-2)
				}
			}
			for other := range word { // no path is the beginning of another one
				if theirs := tree.path(uint32(other)); slices.Equal(path[:min(len(path), len(theirs))], theirs[:min(len(path), len(theirs))]) {
					t.Fatalf("the paths of words %d and %d do not part", word, other)
				}
			}
		}
		if math.Abs(kraft-1) > 1e-9 || slices.Contains(used, false) {
			t.Fatalf("Kraft's sum is %v, nodes in use: %v", kraft, used)
		}
	})
}

// A second opinion: the cost of an optimal code is the sum of all merges of the two smallest weights, whichever of equal ones are taken.
func TestNoCodeIsShorter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := drawnCounts(t)
		tree := newTree(counts)
		cost := uint64(0)
		for word, count := range counts {
			cost += count * uint64(len(tree.path(uint32(word))))
		}
		want, left := uint64(0), slices.Clone(counts)
		for len(left) > 1 {
			slices.Sort(left)
			left[1] += left[0]
			want += left[1]
			left = left[1:]
		}
		if cost != want {
			t.Fatalf("the words take %d steps, the best code %d", cost, want)
		}
	})
}

func TestTheDeepestTreeIsWalkedToItsEnd(t *testing.T) {
	counts := []uint64{1, 1}
	for len(counts) < 90 { // Fibonacci's numbers: every merge takes the sum so far
		counts = append(counts, counts[len(counts)-1]+counts[len(counts)-2])
	}
	if got := len(newTree(counts).path(0)); got != len(counts)-1 {
		t.Errorf("%d steps", got)
	}
}

// The trees are gensim's, as its 4.4.0 builds them for these counts, of which many are equal (testdata/gensim_tree.py prints them).
func TestTheTreeIsGensimsDownToTheOrderOfEqualCounts(t *testing.T) {
	for _, c := range gensimTrees {
		counts := make([]uint64, c.words)
		for i := range counts {
			counts[i] = uint64(1 + (c.words-i)*(c.words-i)*7/c.divisor)
		}
		tree, digest := newTree(counts), uint64(0)
		for word := range counts {
			for k, s := range tree.path(uint32(word)) {
				digest = bits.RotateLeft64(digest, 7) ^ uint64(k+1)*uint64(s+1)*0x9e3779b97f4a7c15
			}
		}
		if digest != c.digest {
			t.Errorf("%d words, divisor %d: another tree than gensim's: %#x", c.words, c.divisor, digest)
		}
	}
}
