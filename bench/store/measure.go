package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CPU returns the seconds of processor time that the process has used so far.
func CPU(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name may hold spaces; what follows its parenthesis does not. User and system
	// time are fields 14 and 15 of the line, in hundredths of a second.
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("stat line too short")
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100, errors.Join(err1, err2)
}

// TreeCPU is CPU of the process and of its children that live.
func TreeCPU(pid int) (float64, error) {
	sum, err := CPU(pid)
	if err != nil {
		return 0, err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid))
	if err != nil {
		return 0, err
	}
	for _, text := range strings.Fields(string(children)) {
		child, err := strconv.Atoi(text)
		if err != nil {
			return 0, err
		}
		used, err := CPU(child)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// Memory returns the process's resident bytes now, and the most since ResetPeak.
func Memory(pid int) (now, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmRSS:":
			now = kib << 10
		case "VmHWM:":
			peak = kib << 10
		}
	}
	return now, peak, nil
}

// Anonymous returns the process's resident bytes that are no file's: what it allocated.
func Anonymous(pid int) (int64, error) {
	kib, err := procFile(pid, "status", "RssAnon:")
	return kib << 10, err
}

// procFile returns the number behind a name in a file of /proc.
func procFile(pid int, file, name string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return strconv.ParseInt(f[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("no %s in /proc/%d/%s", name, pid, file)
}

// ResetPeak makes Memory's peak begin anew.
func ResetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

const (
	stillLooks = 10        // in a row find the same
	mostLooks  = 600       // are made
	sameBytes  = 256 << 10 // more or less are the same: logs are written at any time
)

// AtRest looks at each tick at what something takes, until that stands still, and returns it; it
// fails if it never does.
func AtRest(usage func() (int64, error), tick <-chan time.Time) (int64, error) {
	last, still := int64(-1), 0
	for range mostLooks {
		now, err := usage()
		if err != nil {
			return 0, err
		}
		if last >= 0 && max(now-last, last-now) <= sameBytes {
			still++
		} else {
			last, still = now, 0
		}
		if still == stillLooks {
			return now, nil
		}
		<-tick
	}
	return 0, fmt.Errorf("what lies on the disk still changes after %d looks", mostLooks)
}

// Usage returns the bytes that the files below dir take on the disk, holes left out.
func Usage(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went away while we looked, and takes no room
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += st.Blocks * 512
		}
		return nil
	})
	return sum, err
}
