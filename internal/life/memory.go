package life

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// past is a deadline that has long gone: setting it wakes a reader.
var past = time.Unix(1, 0)

// RSS is the memory that this process holds now, in bytes.
func RSS() (uint64, error) {
	pages, err := memoryPages(1)
	return pages * uint64(os.Getpagesize()), err
}

// memoryPages is a field of statm (proc(5)): 0 all pages of this process's address space, 1 those that are in memory.
func memoryPages(field int) (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("read own memory: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read own memory: %q", text)
	}
	pages, err := strconv.ParseUint(fields[field], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read own memory: %w", err)
	}
	return pages, nil
}

// AvailableMemory is how many bytes this process could still take: what the machine has free or could free, what its container
// leaves it, or its limit of address space, whichever is less.
func AvailableMemory() (uint64, error) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read available memory: %w", err)
	}
	defer file.Close()
	available, err := memAvailable(file)
	if err != nil {
		return 0, err
	}
	return min(available, cgroupLeft("/sys/fs/cgroup", "/proc/self/cgroup"), addressSpaceLeft()), nil
}

// memAvailable reads the kernel's own estimate from the text of /proc/meminfo.
func memAvailable(r io.Reader) (uint64, error) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == "MemAvailable:" {
			kib, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil || kib > math.MaxUint64/1024 {
				return 0, fmt.Errorf("read available memory: %q", lines.Text())
			}
			return kib * 1024, nil
		}
	}
	return 0, fmt.Errorf("read available memory: no MemAvailable in /proc/meminfo")
}

// addressSpaceLeft is what RLIMIT_AS leaves this process; "no limit" when there is none.
func addressSpaceLeft() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) != nil || limit.Cur == unix.RLIM_INFINITY {
		return math.MaxUint64
	}
	pages, err := memoryPages(0)
	if err != nil {
		return math.MaxUint64
	}
	return limit.Cur - min(limit.Cur, pages*uint64(os.Getpagesize()))
}

// cgroupLeft is the least that any cgroup above this process leaves it; "no limit" when there is none, or none to be seen.
func cgroupLeft(root, self string) uint64 {
	text, err := os.ReadFile(self)
	if err != nil {
		return math.MaxUint64
	}
	left := uint64(math.MaxUint64)
	for _, line := range strings.Split(string(text), "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[0] == "0" && parts[1] == "": // version 2
			left = min(left, walk(root, parts[2], "memory.max", "memory.current"))
		case parts[1] == "memory": // version 1
			left = min(left, walk(filepath.Join(root, "memory"), parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes"))
		}
	}
	return left
}

// walk looks at every level from the process's own group up to the root. In a container the path may name a group that is not
// mounted; then only the root, which is the container's own, can be read.
func walk(root, path, limit, usage string) uint64 {
	left := uint64(math.MaxUint64)
	for dir := filepath.Clean("/" + path); ; dir = filepath.Dir(dir) {
		max, err1 := number(filepath.Join(root, dir, limit))
		used, err2 := number(filepath.Join(root, dir, usage))
		if err1 == nil && err2 == nil {
			if used >= max {
				return 0
			}
			left = min(left, max-used)
		}
		if dir == "/" {
			return left
		}
	}
}

func number(path string) (uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64) // "max" is an error: no limit
}
