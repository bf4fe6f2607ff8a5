// Package caches finds out which processors have a cache in common. It measures, since a virtual machine tells little of that, and moves its processors about.
package caches

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// apart is how long a cache line takes at least between processors that have no cache in common. Between those that have one it takes 20 to 80 ns, else 100 to 300.
const apart = 100 * time.Nanosecond

// patience is how long Find measures at most. On a busy machine a measurement waits for its processors.
const patience = 100 * time.Millisecond

// Map numbers caches from 0, and tells which one each processor has.
type Map struct {
	of    []int // by the processor's number
	count int
}

// forced is what Use was told.
var forced atomic.Int64

// Use makes Find return a map as if processors had so many caches; 0: as it measures, as at first.
func Use(caches int) error {
	if caches < 0 {
		return fmt.Errorf("processors have %d caches: the number must be at least 0, which means: measure", caches)
	}
	forced.Store(int64(caches))
	return nil
}

// Find measures the processors that this process may run on, for some milliseconds. One that there was no time for counts to the first cache.
func Find() Map {
	if n := int(forced.Load()); n > 0 {
		return dealt(processors(), n)
	}
	if runtime.GOMAXPROCS(0) < 2 { // one thread runs at a time, and two could not answer each other
		return Map{}
	}
	deadline := time.Now().Add(patience)
	return group(processors(), func(a, b int) bool {
		took, ok := transfer(a, b, deadline)
		return !ok || took < apart
	})
}

// group puts each processor to the first one that it is near to.
func group(cpus []int, near func(a, b int) bool) Map {
	var m Map
	var first []int // of each cache
	for _, cpu := range cpus {
		cache := slices.IndexFunc(first, func(other int) bool { return near(other, cpu) })
		if cache < 0 {
			cache, first = len(first), append(first, cpu)
		}
		m.of = append(m.of, make([]int, cpu+1-len(m.of))...)
		m.of[cpu] = cache
	}
	m.count = len(first)
	return m
}

// dealt deals caches out to processors, one after the other in turns.
func dealt(cpus []int, caches int) Map {
	m := Map{count: min(caches, max(1, len(cpus)))}
	for i, cpu := range cpus {
		m.of = append(m.of, make([]int, cpu+1-len(m.of))...)
		m.of[cpu] = i % m.count
	}
	return m
}

// Count is the number of caches, at least one.
func (m Map) Count() int { return max(1, m.count) }

// Here is the number of the cache that the calling thread has at this moment.
func (m Map) Here() int {
	if m.count < 2 {
		return 0
	}
	var cpu uint32
	if _, _, failed := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); failed != 0 || int(cpu) >= len(m.of) {
		return 0
	}
	return m.of[cpu]
}

// processors are those that this process may run on.
func processors() (cpus []int) {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		return nil
	}
	for cpu := 0; len(cpus) < allowed.Count(); cpu++ {
		if allowed.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// Transfer is how long a cache line takes between the first two processors that this process may run on; 0 if there is one only, or no time for it.
func Transfer() time.Duration {
	cpus := processors()
	if len(cpus) < 2 || runtime.GOMAXPROCS(0) < 2 {
		return 0
	}
	took, _ := transfer(cpus[0], cpus[1], time.Now().Add(time.Second))
	return took
}

// transfer measures how long a cache line takes from one processor to another: half the round trip of two threads that answer each other, each on a
// processor of its own; the median of many. It is not ok if the deadline comes first, or if a processor is not to be had.
func transfer(a, b int, deadline time.Time) (took time.Duration, ok bool) {
	const batches, batch = 31, 30
	var line struct {
		_    [64]byte
		turn atomic.Uint32
		_    [64]byte
	}
	times := make([]time.Duration, batches)
	var failed atomic.Bool
	var wait sync.WaitGroup
	for side, cpu := range []int{a, b} {
		wait.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, and its affinity with it
			var own unix.CPUSet
			own.Set(cpu)
			if unix.SchedSetaffinity(0, &own) != nil {
				failed.Store(true)
			}
			turn := uint32(side)
			for b := range times {
				start := time.Now()
				for range batch {
					for spins := 1; line.turn.Load() != turn; spins++ {
						if spins%1024 == 0 && (failed.Load() || time.Now().After(deadline)) {
							failed.Store(true)
							return
						}
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
	return times[batches/2], !failed.Load()
}
