package p2p

import (
	"context"
	"sort"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

func protocolID(p string) protocol.ID { return protocol.ID(p) }

// maxRelays is how many members are tried at once as a way to another.
const maxRelays = 8

// SetAddresses says where a node may be found, in place of what was said before. Texts
// that are no addresses give errs.Invalid; the others are taken all the same.
func (h *Host) SetAddresses(id ident.NodeID, addrs []string) error {
	p, err := h.peer(id)
	if err != nil {
		return err
	}
	var good []ma.Multiaddr
	for _, text := range addrs[:min(len(addrs), maxAddresses)] {
		a, aerr := ma.NewMultiaddr(text)
		if aerr != nil {
			err = errs.Newf(errs.Invalid, "%q is no address of a node: %w", text, aerr)
			continue
		}
		good = append(good, a)
	}
	store := h.net.Peerstore()
	store.ClearAddrs(p.pid)
	store.SetAddrs(p.pid, good, peerstore.PermanentAddrTTL)
	p.hopeful()
	if h.connected(p) && !h.direct(p) && len(good) > 0 {
		h.spawn(func() { h.straight(p) })
	}
	return err
}

// straight tries a direct connection where there is one through a relay.
func (h *Host) straight(p *peer) {
	ctx, end := context.WithTimeout(h.ctx, dialTime)
	defer end()
	ctx = network.WithForceDirectDial(ctx, "there is one through a relay")
	if err := h.net.Connect(ctx, libpeer.AddrInfo{ID: p.pid}); err != nil {
		h.log.Debug("no direct link", "node", p.id, "error", err)
	}
}

func (h *Host) connected(p *peer) bool {
	if h.net == nil {
		return false
	}
	c := h.net.Network().Connectedness(p.pid)
	return c == network.Connected || c == network.Limited
}

// direct reports whether a connection is not through a relay.
func direct(c network.Conn) bool {
	_, err := c.RemoteMultiaddr().ValueForProtocol(ma.P_CIRCUIT)
	return err != nil
}

func (h *Host) direct(p *peer) bool {
	for _, c := range h.net.Network().ConnsToPeer(p.pid) {
		if direct(c) {
			return true
		}
	}
	return false
}

// stream opens a stream of the transport, and a link if there is none.
func (h *Host) stream(ctx context.Context, p *peer, proto string) (network.Stream, error) {
	if h.ctx.Err() != nil || h.net == nil {
		return nil, closed()
	}
	if !h.connected(p) {
		if err := h.connect(ctx, p); err != nil {
			return nil, err
		}
	}
	defer h.expect(p)()
	ctx, end := context.WithTimeout(ctx, openTime)
	defer end()
	ctx = network.WithAllowLimitedConn(network.WithNoDial(ctx, "there is a link"), "relays serve members")
	s, err := h.net.NewStream(ctx, p.pid, protocolID(proto))
	if err != nil {
		return nil, rpc.Broken("the link to node %v broke: %w", p.id, err)
	}
	return s, nil
}

// connect connects, directly or through members that are connected.
func (h *Host) connect(ctx context.Context, p *peer) error {
	if err := p.mayTry(); err != nil {
		return err
	}
	if s, ok := h.net.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(p.pid) // there is one delay, that of mayTry
	}
	limit, end := context.WithTimeout(ctx, dialTime)
	defer end()
	limit = network.WithAllowLimitedConn(limit, "relays serve members")
	err := h.net.Connect(limit, libpeer.AddrInfo{ID: p.pid, Addrs: h.around(p)})
	if err == nil {
		p.hopeful()
		return nil
	}
	err = rpc.Broken("node %v cannot be reached: %w", p.id, err)
	if ctx.Err() == nil {
		p.failed(err)
	}
	return err
}

// around returns the ways to a node through members that we are connected with.
func (h *Host) around(p *peer) []ma.Multiaddr {
	var ways []ma.Multiaddr
	for _, c := range h.members() {
		if c == p || len(ways) == maxRelays {
			continue
		}
		if a, err := ma.NewMultiaddr("/p2p/" + c.pid.String() + "/p2p-circuit"); err == nil {
			ways = append(ways, a)
		}
	}
	return ways
}

// members returns the members that we are connected with directly, the nearest first.
func (h *Host) members() []*peer {
	seen := map[*peer]bool{}
	for _, c := range h.net.Network().Conns() {
		if p := h.peerBy(c.RemotePeer()); p != nil && direct(c) && h.member(p.id) {
			seen[p] = true
		}
	}
	var all []*peer
	for p := range seen {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].rtt.Load() < all[j].rtt.Load() })
	return all
}

// rank says which addresses are tried when: TCP first, then QUIC, through others last.
func rank(addrs []ma.Multiaddr) []network.AddrDelay {
	var out []network.AddrDelay
	var tcp, other bool
	for _, a := range addrs {
		_, terr := a.ValueForProtocol(ma.P_TCP)
		_, cerr := a.ValueForProtocol(ma.P_CIRCUIT)
		tcp = tcp || terr == nil && cerr != nil
		other = other || terr != nil && cerr != nil
	}
	for _, a := range addrs {
		var delay time.Duration
		_, terr := a.ValueForProtocol(ma.P_TCP)
		if _, err := a.ValueForProtocol(ma.P_CIRCUIT); err == nil {
			if tcp || other {
				delay = 700 * time.Millisecond
			}
		} else if terr != nil && tcp {
			delay = 300 * time.Millisecond
		}
		out = append(out, network.AddrDelay{Addr: a, Delay: delay})
	}
	return out
}
