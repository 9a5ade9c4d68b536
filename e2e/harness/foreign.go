package harness

import (
	"net"
	"os"

	"rhizome/bench/wire"
)

// upForeign starts versitygw on the node's folder.
func (n *Node) upForeign(bin string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n.Address = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return err
	}
	n.Key = wire.Key{ID: "foreignkey", Secret: "foreignsecret"}
	err = n.spawn(bin, []string{"--port", n.Address, "--health", "/health", "posix", n.Dir},
		[]string{"ROOT_ACCESS_KEY=" + n.Key.ID, "ROOT_SECRET_KEY=" + n.Key.Secret})
	if err != nil {
		return err
	}
	return n.await(n.answers)
}
