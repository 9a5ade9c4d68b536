package admin

import (
	"errors"
	"net"
	"os"
	"path/filepath"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// Listen makes the admin socket in folder data, mode 0600. The caller holds the
// folder's lock, so a socket that is there already is a dead process's and goes.
func Listen(data string) (net.Listener, error) {
	address, release, err := api.SocketAddress(data)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(data, api.SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		release()
		return nil, errs.Newf(errs.Internal, "the old admin socket cannot be removed: %w", err)
	}
	ln, err := net.Listen("unix", address)
	if err != nil {
		release()
		return nil, errs.Newf(errs.Internal, "the admin socket cannot be made: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		release()
		return nil, errs.Newf(errs.Internal, "the admin socket cannot be closed to others: %w", err)
	}
	return &listener{ln, release}, nil
}

// listener gives the address back when it closes.
type listener struct {
	net.Listener
	release func()
}

func (l *listener) Close() error {
	err := l.Listener.Close()
	l.release()
	return err
}
