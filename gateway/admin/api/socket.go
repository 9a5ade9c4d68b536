package api

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"rhizome/base/errs"
)

// SocketName is the name of the admin socket in the data folder.
const SocketName = "admin.sock"

// maxSocketPath is what a socket's address holds on every platform.
const maxSocketPath = 103

// SocketAddress returns an address for the admin socket in folder data, and a
// function that gives back what holds it, to call once the address is used no more.
//
// An address holds about 100 bytes. On Linux a longer path is reached through an
// open handle of the folder, as /proc/self/fd/N/admin.sock, which names the very
// same file. Elsewhere a longer path is errs.Invalid.
func SocketAddress(data string) (address string, release func(), err error) {
	path := filepath.Join(data, SocketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, errs.Newf(errs.Invalid, "the path of the data folder %s is too long for a socket: choose one of at most 90 bytes with --data", data)
	}
	dir, err := os.Open(data)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + SocketName, func() { _ = dir.Close() }, nil
}
