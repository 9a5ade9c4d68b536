package cli

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropProgram gives back the pages of the program's own file, code and constants, that it
// touched so far: most were needed to start and under load. What an idle node needs of them
// comes again, from the page cache, when it is touched. Only mappings of which no page
// differs from the file are dropped, so nothing is lost (a loader may have written to one
// that is read-only now); where the list of them cannot be read, nothing happens.
func dropProgram() {
	maps, err := os.ReadFile("/proc/self/smaps")
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

// programMaps returns where a file is mapped to be read or run, is not to be written to and
// never was, by the text of /proc/PID/smaps (proc_pid_smaps(5)).
func programMaps(smaps, file string) (out []mapping) {
	var now *mapping
	for line := range strings.Lines(smaps) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "Anonymous:" {
			if now != nil && f[1] == "0" {
				out = append(out, *now)
			}
			now = nil
		} else if len(f) >= 6 && !strings.HasSuffix(f[0], ":") {
			now = programMap(f, line, file)
		}
	}
	return out
}

// programMap reads the line that begins a mapping; nil if it is not one of those.
func programMap(f []string, line, file string) *mapping {
	if strings.Contains(f[1], "w") || !strings.HasSuffix(f[1], "p") || !strings.HasSuffix(line, " "+file) {
		return nil
	}
	from, to, _ := strings.Cut(f[0], "-")
	a, err1 := strconv.ParseUint(from, 16, strconv.IntSize)
	b, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
	if err1 != nil || err2 != nil || a >= b {
		return nil
	}
	return &mapping{uintptr(a), uintptr(b)}
}
