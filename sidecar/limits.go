package main

import (
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"deepdist/internal/life"
)

// leastAddressSpace is what the runtime, the socket buffers and a small model need.
const leastAddressSpace = 1 << 30

// applyLimits tells what memory there is, and makes Go's collector keep below it. Python workers hand their limits down: with
// spark.executor.pyspark.memory set, the sidecar may use only so much address space, which ends as an allocation that fails.
func applyLimits(log *slog.Logger) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err == nil && limit.Cur != unix.RLIM_INFINITY {
		log.Warn("the address space is limited by spark.executor.pyspark.memory: unset it, or raise it by the model's and the spools' share",
			"bytes", limit.Cur, "enough", limit.Cur >= leastAddressSpace)
		if debug.SetMemoryLimit(-1) == math.MaxInt64 { // GOMEMLIMIT is not set
			debug.SetMemoryLimit(int64(limit.Cur / 10 * 8))
		}
	}
	available, _ := life.AvailableMemory() // 0: not known
	log.Info("limits", "gomaxprocs", runtime.GOMAXPROCS(0), "gomemlimit", debug.SetMemoryLimit(-1), "memory_available", available)
}
