package ranges

import (
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
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

func TestEveryNumberIsTakenOnceByItsOwnThreadFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		threads, n := rapid.IntRange(1, 9).Draw(t, "threads"), rapid.IntRange(0, 40).Draw(t, "numbers")
		shares, took, running := NewShares(n, threads), map[int]bool{}, threads
		before := make([]int, threads) // the own number that each has had last
		for own := range before {
			before[own] = own*n/threads - 1
		}
		ended := make([]bool, threads)
		for running > 0 {
			own := rapid.IntRange(0, threads-1).Draw(t, "thread")
			if ended[own] {
				continue
			}
			got, ok := shares.Take(own)
			if !ok {
				ended[own] = true
				running--
				continue
			}
			if took[got] {
				t.Fatalf("number %d is taken twice", got)
			}
			took[got] = true
			inOrder := got > before[own] && got < (own+1)*n/threads
			for i := before[own] + 1; i < got && inOrder; i++ {
				inOrder = took[i] // by one who helps
			}
			switch left := countLeft(took, before[own]+1, (own+1)*n/threads); {
			case inOrder:
				before[own] = got
			case left > 0:
				t.Fatalf("thread %d takes number %d while %d of its own are left", own, got, left)
			}
		}
		if len(took) != n {
			t.Fatalf("%d of %d numbers are taken", len(took), n)
		}
	})
}

func countLeft(took map[int]bool, first, end int) (left int) {
	for i := first; i < end; i++ {
		if !took[i] {
			left++
		}
	}
	return left
}
