package ranges

import (
	"sync/atomic"
	"testing"
)

func TestEveryElementIsInOneRange(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 1000, 1001} {
		seen, calls := make([]atomic.Int32, n), make([]atomic.Int32, Count())
		Each(n, func(i, first, end int) {
			calls[i].Add(1)
			for at := first; at < end; at++ {
				seen[at].Add(1)
			}
		})
		for i := range calls {
			if calls[i].Load() != 1 {
				t.Errorf("of %d: range %d came %d times", n, i, calls[i].Load())
			}
		}
		for at := range seen {
			if seen[at].Load() != 1 {
				t.Errorf("of %d: %d was in %d ranges", n, at, seen[at].Load())
			}
		}
	}
}
