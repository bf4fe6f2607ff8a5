// Package ranges shares loops among processors.
package ranges

import (
	"runtime"
	"sync"
)

// Count is how many ranges Each makes: one for each processor.
func Count() int { return runtime.GOMAXPROCS(0) }

// Each cuts [0, n) into ranges, one for each processor, calls f for all of them at once, and returns when all have.
func Each(n int, f func(i, first, end int)) {
	var group sync.WaitGroup
	k := Count()
	for i := range k {
		group.Go(func() { f(i, i*n/k, (i+1)*n/k) })
	}
	group.Wait()
}
