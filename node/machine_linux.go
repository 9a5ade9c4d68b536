package node

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryBytes is the machine's memory, or what this process may have of it: services and
// containers have a limit (cgroups(7), both versions).
func memoryBytes() uint64 {
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) != nil {
		return unknownMemory
	}
	memory := uint64(i.Totalram) * uint64(i.Unit)
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return memory
	}
	return min(memory, groupLimit("/sys/fs/cgroup", string(groups)))
}

// groupLimit is the least limit of memory of the groups, as the kernel lists them, and of those
// above them.
func groupLimit(root, groups string) uint64 {
	least := uint64(math.MaxUint64)
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // number:controllers:path
		if len(parts) < 3 {
			continue
		}
		dir, name := root, "memory.max"
		if parts[1] != "" {
			dir, name = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		}
		if parts[1] != "" && !slices.Contains(strings.Split(parts[1], ","), "memory") {
			continue
		}
		for at := filepath.Join("/", parts[2]); ; at = filepath.Dir(at) {
			if n, err := readLimit(filepath.Join(dir, at, name)); err == nil {
				least = min(least, n)
			}
			if at == "/" {
				break
			}
		}
	}
	return least
}

// readLimit reads a file with a number in it; "max" is an error as another word.
func readLimit(name string) (uint64, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

// fileLimit is how many files this process may have open.
func fileLimit() uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return unknownMaxFiles
	}
	return l.Cur
}
