package lang

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"syscall"
)

// system says an error of the operating system: about what, and its word for it.
func (p Printer) system(err error) string {
	if errors.Is(err, context.Canceled) {
		return p.T("it was interrupted")
	}
	var no syscall.Errno
	if !errors.As(err, &no) {
		return p.T(err.Error())
	}
	var path *fs.PathError
	var link *net.OpError
	switch {
	case errors.As(err, &path):
		return path.Path + " : " + p.T(errno(no))
	case errors.As(err, &link) && link.Addr != nil:
		return link.Addr.String() + " : " + p.T(errno(no))
	}
	return p.T(errno(no))
}

// errno returns the system's word, one of those that have a French form where it is.
func errno(no syscall.Errno) string {
	switch no {
	case syscall.EACCES:
		return M("permission denied")
	case syscall.EPERM:
		return M("operation not permitted")
	case syscall.ENOENT:
		return M("no such file or directory")
	case syscall.EEXIST:
		return M("file exists")
	case syscall.ENOTDIR:
		return M("not a directory")
	case syscall.EISDIR:
		return M("is a directory")
	case syscall.ENOSPC:
		return M("no space left on device")
	case syscall.EROFS:
		return M("read-only file system")
	case syscall.EIO:
		return M("input/output error")
	case syscall.EADDRINUSE:
		return M("address already in use")
	case syscall.EADDRNOTAVAIL:
		return M("cannot assign requested address")
	case syscall.ECONNREFUSED:
		return M("connection refused")
	}
	return no.Error()
}
