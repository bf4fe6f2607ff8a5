package caches

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestProcessorsThatAreNearEachOtherHaveOneCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cpus := rapid.SliceOfNDistinct(rapid.IntRange(0, 200), 0, 40, rapid.ID).Draw(t, "cpus")
		cache := rapid.SliceOfN(rapid.IntRange(0, 5), 201, 201).Draw(t, "cache")
		slices.Sort(cpus)
		m := group(cpus, func(a, b int) bool { return cache[a] == cache[b] })
		seen := map[int]bool{}
		for _, a := range cpus {
			seen[cache[a]] = true
			for _, b := range cpus {
				if (m.of[a] == m.of[b]) != (cache[a] == cache[b]) {
					t.Fatalf("processors %d and %d: caches %d and %d, found %d and %d", a, b, cache[a], cache[b], m.of[a], m.of[b])
				}
			}
		}
		if m.Count() != max(1, len(seen)) {
			t.Fatalf("%d caches, not %d", m.Count(), len(seen))
		}
	})
}

func TestProcessorsAreDealtToCachesInTurns(t *testing.T) {
	if m := dealt([]int{0, 2, 3, 9}, 3); m.Count() != 3 || m.of[0] != 0 || m.of[2] != 1 || m.of[3] != 2 || m.of[9] != 0 {
		t.Errorf("%+v", m)
	}
	if m := dealt([]int{0, 1}, 9); m.Count() != 2 {
		t.Errorf("2 processors have %d caches", m.Count())
	}
	if m := dealt(nil, 2); m.Count() != 1 || m.Here() != 0 {
		t.Errorf("no processors: %+v", m)
	}
}

func TestWhatIsFoundHereIsOneOfTheCachesThereAre(t *testing.T) {
	defer Use(0)
	for _, forced := range []int{0, 1, 2} {
		if err := Use(forced); err != nil {
			t.Fatal(err)
		}
		m := Find()
		if here := m.Here(); here < 0 || here >= m.Count() || forced == 1 && m.Count() != 1 {
			t.Errorf("forced %d: in cache %d of %d", forced, here, m.Count())
		}
	}
	if err := Use(-1); err == nil {
		t.Error("processors with -1 caches were not refused")
	}
}

func TestACacheLineTakesTimeFromOneProcessorToAnother(t *testing.T) {
	if took := Transfer(); (took > 0) != (len(processors()) > 1 && runtime.GOMAXPROCS(0) > 1) {
		t.Errorf("%v, with %d processors", took, len(processors()))
	}
}

func TestMeasuringEndsAlsoWhereTwoThreadsCannotRunAtOnce(t *testing.T) {
	cpu := processors()[0]
	if _, ok := transfer(cpu, cpu, time.Now().Add(20*time.Millisecond)); ok {
		t.Error("a processor was measured against itself")
	}
	if _, ok := transfer(cpu, 1023, time.Now().Add(time.Minute)); ok {
		t.Error("a processor that is not there was measured")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if m := Find(); m.Count() != 1 || Transfer() != 0 {
		t.Errorf("%d caches for one thread", m.Count())
	}
}
