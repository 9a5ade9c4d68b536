package store

import (
	"net"
	"os"

	"rhizome/bench/wire"
)

// foreignArgs are versitygw's arguments and environment for this process.
func (p *Process) foreignArgs() (args, env []string) {
	p.Key = wire.Key{ID: "foreignkey", Secret: "foreignsecret"}
	return []string{"--port", p.Address, "--quiet", "posix", p.Dir},
		[]string{"ROOT_ACCESS_KEY=" + p.Key.ID, "ROOT_SECRET_KEY=" + p.Key.Secret}
}

// upForeign starts versitygw on the process's folder.
func (p *Process) upForeign() error {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return err
	}
	address, err := FreeAddress()
	if err != nil {
		return err
	}
	p.Address = address
	args, env := p.foreignArgs()
	if err := p.spawn(args, env); err != nil {
		return err
	}
	return p.await(p.answers)
}

// FreeAddress returns an address of this machine that nobody listens on.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
