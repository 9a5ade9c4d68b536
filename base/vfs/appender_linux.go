package vfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// setDirect has writes pass the page cache by, or not; false if the file system cannot.
func setDirect(f File, on bool) bool {
	fd := f.Fd()
	if fd == ^uintptr(0) {
		return false
	}
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil {
		return false
	}
	if flags &^= unix.O_DIRECT; on {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(fd, unix.F_SETFL, flags)
	return err == nil
}

// refused says that the disk wants larger blocks.
func refused(err error) bool { return errors.Is(err, unix.EINVAL) }
