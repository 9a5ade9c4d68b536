package node

import "golang.org/x/sys/unix"

// memoryBytes is the machine's memory.
func memoryBytes() uint64 {
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) != nil {
		return unknownMemory
	}
	return uint64(i.Totalram) * uint64(i.Unit)
}

// fileLimit is how many files this process may have open.
func fileLimit() uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return unknownMaxFiles
	}
	return l.Cur
}
