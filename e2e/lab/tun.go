package lab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// tunName is the device's name inside each namespace.
const tunName = "line"

// openTUN makes a TUN device in the namespace of the calling thread. Reads and writes
// are whole IP packets; Close ends them.
func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	file, err := setUp(fd)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("a TUN device: %w (the lab needs root)", err)
	}
	return file, nil
}

func setUp(fd int) (*os.File, error) {
	req, err := unix.NewIfreq(tunName)
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}
