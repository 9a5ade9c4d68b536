package extentstore

import (
	"golang.org/x/sys/unix"

	"rhizome/base/vfs"
)

// forget asks the system to drop a range of the file from memory, so that what is
// read is the disk, and reading everything does not push out what people need. It
// is a hint: dirty pages stay.
func forget(f vfs.File, offset, length int64) {
	if fd := f.Fd(); fd != ^uintptr(0) {
		_ = unix.Fadvise(int(fd), offset, length, unix.FADV_DONTNEED)
	}
}
