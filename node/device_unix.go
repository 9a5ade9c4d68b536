//go:build unix

package node

import (
	"os"
	"syscall"
)

// sameDevice reports whether two files lie on one file system.
func sameDevice(a, b os.FileInfo) bool {
	x, ok := a.Sys().(*syscall.Stat_t)
	y, also := b.Sys().(*syscall.Stat_t)
	return ok && also && x.Dev == y.Dev
}
