package node

import (
	"crypto/ed25519"
	"net"
	"sync"

	"rhizome/base/ident"
	"rhizome/net/rpc"
	"rhizome/net/rpc/p2p"
)

// realLinks are the links over the network. Listening on the loopback only, a node
// looks for nobody on the local network and asks no router for anything.
func (n *Node) realLinks(seed ident.Secret, g rpc.Guard) (Transport, error) {
	at := n.config.Peer
	if at == "" {
		at = ":0"
	}
	o := p2p.Options{Key: ed25519.NewKeyFromSeed(seed[:]), Listen: []string{at}, Guard: g, Log: n.config.Logger}
	lonely := loopback(at)
	o.MapPorts = !lonely
	h, err := p2p.New(o)
	if err != nil {
		return nil, err
	}
	return &realLinks{Host: h, lonely: lonely, at: at, fixed: n.config.PeerSet, where: map[ident.NodeID][]string{}}, nil
}

// realLinks keeps what is said before the links open.
type realLinks struct {
	*p2p.Host
	lonely bool   // nobody is looked for
	at     string // where to listen
	fixed  bool   // there and nowhere else

	mu    sync.Mutex
	open  bool
	where map[ident.NodeID][]string
}

// Start implements Transport.
func (l *realLinks) Start(lan []byte) error {
	if !l.lonely {
		l.SetLAN(lan)
	}
	if !l.fixed {
		l.SetListen([]string{freePort(l.at)})
	}
	if err := l.Host.Start(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
	for id, addresses := range l.where {
		l.tell(id, addresses)
	}
	l.where = nil
	return nil
}

// SetAddresses implements Transport.
func (l *realLinks) SetAddresses(id ident.NodeID, addresses []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		l.where[id] = addresses
		return
	}
	l.tell(id, addresses)
}

// tell passes addresses on. One that makes no sense is a newer release's, or another
// node's mistake: the others count.
func (l *realLinks) tell(id ident.NodeID, addresses []string) {
	_ = l.Host.SetAddresses(id, addresses)
}

// Addresses implements Transport.
func (l *realLinks) Addresses() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return nil
	}
	return l.Host.Addresses()
}

// SetRelay implements Transport.
func (l *realLinks) SetRelay(perSecond int) { l.SetRelayRate(perSecond) }

// freePort returns the address, with a port of the system's choice if its own is taken.
func freePort(at string) string {
	ln, err := net.Listen("tcp", at)
	if err == nil {
		_ = ln.Close()
		return at
	}
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return at
	}
	return net.JoinHostPort(host, "0")
}

func loopback(at string) bool {
	host, _, err := net.SplitHostPort(at)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
