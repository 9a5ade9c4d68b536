package harness

import (
	"io/fs"
	"syscall"
)

// blocks returns the bytes that a file takes on the disk, holes left out.
func blocks(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}
