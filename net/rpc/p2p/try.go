package p2p

import (
	"context"
	"errors"
	"net"

	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// Try calls a node at addresses, each by itself and whether a link stands or not, and
// returns nil if it answers at one. errs.Conflict: another node answers there.
// What it opens it closes again.
func (h *Host) Try(ctx context.Context, id ident.NodeID, addresses []string) error {
	p, err := h.peer(id)
	if err != nil {
		return err
	}
	if h.net == nil || h.ctx.Err() != nil {
		return closed()
	}
	ctx, end := context.WithTimeout(ctx, dialTime)
	defer end()
	if len(addresses) > maxAddresses {
		addresses = addresses[:maxAddresses]
	}
	replies := make(chan error, len(addresses))
	for _, text := range addresses {
		h.spawn(func() { replies <- h.tryOne(ctx, p.pid, text) })
	}
	failed := errs.New(errs.Invalid, "no address was given")
	for range addresses {
		select {
		case err := <-replies:
			if err == nil {
				return nil
			}
			if !errors.Is(failed, errs.Conflict) {
				failed = err
			}
		case <-h.ctx.Done():
			return closed()
		}
	}
	return failed
}

func (h *Host) tryOne(ctx context.Context, pid libpeer.ID, text string) error {
	s, ok := h.net.Network().(*swarm.Swarm)
	if !ok {
		return closed()
	}
	all, err := resolve(ctx, text)
	for _, at := range all {
		if err = h.dialOne(ctx, s, pid, at, text); err == nil {
			return nil
		}
	}
	return err
}

// dialOne calls a node at one of the places that an address stands for.
func (h *Host) dialOne(ctx context.Context, s *swarm.Swarm, pid libpeer.ID, at ma.Multiaddr, text string) error {
	t := s.TransportForDialing(at)
	if t == nil {
		return errs.Newf(errs.Invalid, "%q is no address of a node: HOST:PORT is one", text)
	}
	c, err := t.Dial(ctx, at, pid)
	if other := new(sec.ErrPeerIDMismatch); errors.As(err, other) {
		return errs.New(errs.Conflict, "another node answers there")
	}
	if err != nil {
		h.log.Debug("a node does not answer at an address", "address", text, "error", err)
		return rpc.Broken("nobody answers there")
	}
	return c.Close()
}

// resolve looks up the name in an address, if there is one. It returns one place at least.
func resolve(ctx context.Context, text string) (all []ma.Multiaddr, err error) {
	a, err := ma.NewMultiaddr(text)
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "%q is no address of a node: HOST:PORT is one", text)
	}
	first, rest := ma.SplitFirst(a)
	if first == nil || first.Protocol().Code != ma.P_DNS {
		return []ma.Multiaddr{a}, nil
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip", first.Value())
	if err != nil {
		return nil, rpc.Broken("the name %s is not known", first.Value())
	}
	for _, ip := range ips[:min(len(ips), maxPlaces)] {
		kind := "/ip6/"
		if ip.To4() != nil {
			kind = "/ip4/"
		}
		at, err := ma.NewMultiaddr(kind + ip.String() + rest.String())
		if err != nil {
			return nil, err
		}
		all = append(all, at)
	}
	return all, nil
}

// maxPlaces is how many addresses of a name are called.
const maxPlaces = 8
