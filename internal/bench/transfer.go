package bench

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// LineTransfer measures how long a cache line takes from one processor to another: half the round trip of two threads that answer each other, each on a
// processor of its own; the median of a hundred. It tells whether the two share a cache (tens of nanoseconds) or not (a hundred and more), on which threads that
// train the same rows depend, and which changes under way where a virtual machine's processors are moved about. 0 if there is one processor only.
func LineTransfer() time.Duration {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil || allowed.Count() < 2 {
		return 0
	}
	var cpus []int
	for cpu := 0; len(cpus) < 2; cpu++ {
		if allowed.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	const batches, batch = 101, 50
	var line struct {
		_    [64]byte
		turn atomic.Uint32
		_    [64]byte
	}
	times := make([]time.Duration, batches)
	var wait sync.WaitGroup
	for side, cpu := range cpus {
		wait.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, and its affinity with it
			var own unix.CPUSet
			own.Set(cpu)
			_ = unix.SchedSetaffinity(0, &own)
			turn := uint32(side)
			for b := range times {
				start := time.Now()
				for range batch {
					for line.turn.Load() != turn {
					}
					line.turn.Store(turn + 1)
					turn += 2
				}
				if side == 0 {
					times[b] = time.Since(start) / (2 * batch)
				}
			}
		})
	}
	wait.Wait()
	slices.Sort(times)
	return times[batches/2]
}
