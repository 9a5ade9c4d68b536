package p2p

import (
	"io"
	"iter"
	"net"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	raw "github.com/libp2p/go-yamux/v5"
	ma "github.com/multiformats/go-multiaddr"

	"rhizome/base/errs"
)

// Start opens the links: from here on others are served. A host that was closed, as one
// is whose Start failed, does not start any more: errs.Conflict.
func (h *Host) Start() error {
	h.mu.Lock()
	gone := h.closed
	h.mu.Unlock()
	if gone {
		return errs.New(errs.Conflict, "the links to other nodes failed to open before: start the node again")
	}
	err := h.begin()
	if err != nil {
		_ = h.Close()
		return errs.Newf(errs.Internal, "the links to other nodes cannot be opened: %w", err)
	}
	return nil
}

func (h *Host) begin() error {
	opts, err := h.libp2p()
	if err != nil {
		return err
	}
	if h.net, err = libp2p.New(opts...); err != nil {
		return err
	}
	h.closers = append(h.closers, h.net.Close)
	h.net.Network().Notify(&network.NotifyBundle{ConnectedF: h.linkUp, DisconnectedF: h.linkDown})
	events, err := h.net.EventBus().Subscribe([]any{new(event.EvtPeerConnectednessChanged),
		new(event.EvtLocalReachabilityChanged)}, eventbus.BufSize(256))
	if err != nil {
		return err
	}
	h.wg.Go(func() { defer events.Close(); h.tell(events) })
	h.wg.Go(h.watch)
	h.wg.Go(h.keepPlaces)
	h.handle(laneProto, true, h.acceptLane)
	h.handle(anyoneLaneProto, false, h.acceptLane)
	h.handle(transferProto, true, h.acceptTransfer)
	h.handle(anyoneTransferProto, false, h.acceptTransfer)
	if err := h.relay(); err != nil {
		return err
	}
	// Only now: a link that came up unseen would have streams of which nothing is known.
	if err := h.listen(); err != nil {
		return err
	}
	h.announce()
	return nil
}

func (h *Host) listen() error {
	if err := h.free(); err != nil {
		return err
	}
	texts, err := h.opts.listen()
	if err != nil || len(texts) == 0 {
		return err
	}
	var addrs []ma.Multiaddr
	for _, text := range texts {
		a, err := ma.NewMultiaddr(text)
		if err != nil {
			return err
		}
		addrs = append(addrs, a)
	}
	if err := h.net.Network().Listen(addrs...); err != nil {
		return err
	}
	return h.listens()
}

// free checks that nobody listens on the ports of Listen: libp2p shares a port with any
// other program that uses libp2p, another node of the same machine say.
func (h *Host) free() error {
	for at := range h.chosen() {
		l, err := net.Listen("tcp", at)
		if err != nil {
			return inUse(at)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// chosen returns the addresses of Listen that name a port, and that.
func (h *Host) chosen() iter.Seq2[string, string] {
	return func(yield func(at, port string) bool) {
		for _, at := range h.opts.Listen {
			if _, port, err := net.SplitHostPort(at); err == nil && port != "0" && !yield(at, port) {
				return
			}
		}
	}
}

func inUse(at string) error {
	return errs.Newf(errs.Invalid, "%s cannot be listened on; another program may use it", at)
}

// listens checks that every port of Listen is ours: libp2p is content with one address.
func (h *Host) listens() error {
	got := map[string]bool{}
	for _, a := range h.net.Network().ListenAddresses() {
		if port, err := a.ValueForProtocol(ma.P_TCP); err == nil {
			got[port] = true
		}
	}
	for at, port := range h.chosen() {
		if !got[port] {
			return inUse(at)
		}
	}
	return nil
}

func (h *Host) libp2p() ([]libp2p.Option, error) {
	key, err := private(h.opts.Key)
	if err != nil {
		return nil, err
	}
	limits, err := resources()
	if err != nil {
		return nil, err
	}
	opts := []libp2p.Option{
		libp2p.Identity(key), libp2p.NoListenAddrs, libp2p.UserAgent("rhizome"),
		libp2p.Security(libp2ptls.ID, newSecure), libp2p.Muxer(yamux.ID, muxer{}),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.Transport(quic.NewTransport),
		libp2p.ResourceManager(limits), libp2p.ConnectionManager(connmgr.NullConnMgr{}),
		libp2p.SwarmOpts(swarm.WithDialRanker(rank), swarm.WithDialTimeout(dialTime), swarm.WithDialTimeoutLocal(dialTime)),
		libp2p.DisableMetrics(), libp2p.EnableRelay(), libp2p.EnableHolePunching(), libp2p.EnableNATService(), libp2p.Ping(false),
	}
	if h.opts.MapPorts {
		opts = append(opts, libp2p.NATPortMap())
	}
	return opts, nil
}

// muxer is yamux with windows and pings for links across the Internet, over sockets that
// hold little of what was not sent.
type muxer struct{}

func (muxer) NewConn(c net.Conn, server bool, scope network.PeerScope) (network.MuxedConn, error) {
	holdLittle(c)
	t := yamux.Transport(raw.Config{AcceptBacklog: 256, PingBacklog: 32, EnableKeepAlive: true,
		KeepAliveInterval: 30 * time.Second, MeasureRTTInterval: time.Hour, ConnectionWriteTimeout: 10 * time.Second,
		MaxIncomingStreams: 4096, InitialStreamWindowSize: 256 << 10, MaxStreamWindowSize: 8 << 20,
		LogOutput: io.Discard, MaxMessageSize: 64 << 10, WriteCoalesceDelay: 100 * time.Microsecond})
	return t.NewConn(bottle(c), server, scope)
}
