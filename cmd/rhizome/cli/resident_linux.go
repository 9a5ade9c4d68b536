package cli

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropProgram gives back the pages of the program's own file, code and constants, that it
// touched so far: most were needed to start and under load. What an idle node needs of them
// comes again, from the page cache, when it is touched. Only mappings that nobody
// writes to are dropped, so nothing is lost; where the list of them cannot be read,
// nothing happens.
func dropProgram() {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, m := range programMaps(string(maps), self) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED) // advice
	}
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// programMaps returns where a file is mapped to be read or run and not to be written, by
// the text of /proc/PID/maps (proc_pid_maps(5)).
func programMaps(maps, file string) (out []mapping) {
	for line := range strings.Lines(maps) {
		f := strings.Fields(line)
		if len(f) < 6 || strings.Contains(f[1], "w") || !strings.HasSuffix(f[1], "p") ||
			!strings.HasSuffix(strings.TrimSuffix(line, "\n"), " "+file) {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		a, err1 := strconv.ParseUint(from, 16, strconv.IntSize)
		b, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
		if err1 == nil && err2 == nil && a < b {
			out = append(out, mapping{uintptr(a), uintptr(b)})
		}
	}
	return out
}
