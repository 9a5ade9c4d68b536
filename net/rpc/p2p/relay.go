package p2p

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/time/rate"
)

// Places at relays: how many are kept, and when one is asked for again.
const (
	wanted     = 2
	placeLasts = time.Hour
	placeRetry = time.Minute
)

// acl lets members be relayed to members.
type acl struct{ h *Host }

func (a acl) AllowReserve(p libpeer.ID, _ ma.Multiaddr) bool { return a.member(p) }

func (a acl) AllowConnect(src libpeer.ID, _ ma.Multiaddr, dest libpeer.ID) bool {
	return a.member(src) && a.member(dest)
}

func (a acl) member(p libpeer.ID) bool {
	id, ok := nodeOf(p)
	return ok && a.h.member(id)
}

// relay begins to relay for members.
func (h *Host) relay() error {
	o := h.opts.Relay
	if o.Off {
		return nil
	}
	if o.Members <= 0 {
		o.Members = 128
	}
	if o.Links <= 0 {
		o.Links = 16
	}
	r, err := relay.New(slowHost{h.net, h.relayed}, relay.WithACL(acl{h}),
		relay.WithReservationAddressFilter(func(ma.Multiaddr) bool { return true }),
		relay.WithResources(relay.Resources{ReservationTTL: placeLasts, MaxReservations: o.Members,
			MaxCircuits: o.Links, BufferSize: maxChunk,
			MaxReservationsPerIP: o.Members, MaxReservationsPerASN: o.Members}))
	if err == nil {
		h.closers = append(h.closers, r.Close)
	}
	return err
}

// SetRelayRate changes how much this node relays, in bytes per second; 0 is no limit.
func (h *Host) SetRelayRate(perSecond int) {
	l := limiter(perSecond)
	h.relayed.SetBurst(l.Burst())
	h.relayed.SetLimit(l.Limit())
}

// slowHost is a host whose streams keep to a rate, for the relay alone.
type slowHost struct {
	host.Host
	limit *rate.Limiter
}

func (h slowHost) SetStreamHandler(p protocol.ID, f network.StreamHandler) {
	h.Host.SetStreamHandler(p, func(s network.Stream) { f(&slowStream{s, h.limit}) })
}

func (h slowHost) NewStream(ctx context.Context, p libpeer.ID, ids ...protocol.ID) (network.Stream, error) {
	s, err := h.Host.NewStream(ctx, p, ids...)
	if err != nil {
		return nil, err
	}
	return &slowStream{s, h.limit}, nil
}

type slowStream struct {
	network.Stream
	limit *rate.Limiter
}

func (s *slowStream) Write(b []byte) (int, error) {
	if err := s.limit.WaitN(context.Background(), min(len(b), writeSize)); err != nil {
		return 0, err
	}
	return s.Stream.Write(b)
}

// places are where this node is reached through others.
type places struct {
	public atomic.Bool // others reach it directly
	mu     sync.Mutex
	at     map[*peer]time.Time // until when
}

// nudge has the places looked after.
func (h *Host) nudge() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// keepPlaces keeps places at members, until the host closes.
func (h *Host) keepPlaces() {
	t := time.NewTimer(placeRetry)
	defer t.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.changed:
		case <-t.C:
		}
		t.Reset(h.seePlaces())
	}
}

// seePlaces asks for the places that lack and returns when to look again.
func (h *Host) seePlaces() time.Duration {
	s := &h.places
	now, near := time.Now(), h.members() // stopwatch
	connected := map[*peer]bool{}
	for _, p := range near {
		connected[p] = true
	}
	s.mu.Lock()
	if s.at == nil {
		s.at = map[*peer]time.Time{}
	}
	for p, until := range s.at {
		if !connected[p] || now.After(until) {
			delete(s.at, p)
		}
	}
	s.mu.Unlock()
	if s.public.Load() {
		return placeLasts
	}
	next := placeLasts / 2
	for _, p := range near {
		s.mu.Lock()
		until, have := s.at[p]
		enough := len(s.at) >= wanted
		s.mu.Unlock()
		if have && until.Sub(now) > placeLasts/2 || !have && enough {
			continue
		}
		if !h.reserve(p) {
			next = placeRetry
		}
	}
	return next
}

func (h *Host) reserve(p *peer) bool {
	ctx, end := context.WithTimeout(h.ctx, openTime)
	defer end()
	r, err := client.Reserve(ctx, h.net, libpeer.AddrInfo{ID: p.pid})
	if err != nil {
		h.log.Debug("no place at a relay", "node", p.id, "error", err)
		return false
	}
	h.places.mu.Lock()
	defer h.places.mu.Unlock()
	h.places.at[p] = r.Expiration
	return true
}

// Addresses returns where others may find this node: what it listens on, what others and
// the router say it is seen as, and ways through the relays where it has a place.
func (h *Host) Addresses() []string {
	var all, loops []string
	for _, a := range h.net.Addrs() {
		if manet.IsIPLoopback(a) {
			loops = append(loops, a.String())
		} else {
			all = append(all, a.String())
		}
	}
	if len(all) == 0 { // it listens on this machine alone
		all = loops
	}
	return append(all, h.throughOthers()...)
}

func (h *Host) throughOthers() []string {
	h.places.mu.Lock()
	var at []*peer
	for p := range h.places.at {
		at = append(at, p)
	}
	h.places.mu.Unlock()
	var all []string
	for _, p := range at {
		n := 0
		for _, a := range h.net.Peerstore().Addrs(p.pid) {
			if _, err := a.ValueForProtocol(ma.P_CIRCUIT); err != nil && n < 4 {
				all = append(all, a.String()+"/p2p/"+p.pid.String()+"/p2p-circuit")
				n++
			}
		}
	}
	return all
}
