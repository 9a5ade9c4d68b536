package vfs

import "golang.org/x/sys/unix"

// Forget asks the system to drop a range of the file from memory, so that what is
// read is the disk, and reading everything does not push out what people need. It
// is a hint: dirty pages stay.
func Forget(f File, offset, length int64) {
	if fd := f.Fd(); fd != ^uintptr(0) {
		_ = unix.Fadvise(int(fd), offset, length, unix.FADV_DONTNEED)
	}
}
