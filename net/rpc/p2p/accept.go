package p2p

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"

	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// admit decides about a stream that another node opened. Guard is asked.
func (h *Host) admit(raw network.Stream, member bool) (*peer, bool) {
	p := h.peerBy(raw.Conn().RemotePeer())
	if p == nil || member && !h.member(p.id) {
		return nil, false
	}
	if member {
		p.trusted.Store(true)
		if !h.member(p.id) { // removed since: Recheck may have passed it over
			p.trusted.Store(false)
			return nil, false
		}
		h.settle(raw.Conn())
	}
	p.heard(h.now())
	p.hopeful()
	return p, true
}

// welcome admits a lane and reads its class, or says why not.
func (h *Host) welcome(raw network.Stream, member bool) (*peer, rpc.Class, bool) {
	p, ok := h.admit(raw, member)
	_ = raw.SetDeadline(time.Now().Add(openTime)) // stopwatch
	var class [1]byte
	if _, err := raw.Read(class[:]); err != nil {
		_ = raw.Reset()
		return nil, 0, false
	}
	if !ok {
		f := rpc.EncodeFault(rpc.NotMember())
		h0 := head{kind: fault, size: uint32(len(f)), total: uint32(len(f))}
		if _, err := raw.Write(append(h0.append(nil), f...)); err != nil {
			_ = raw.Reset()
			return nil, 0, false
		}
		_ = raw.Close()
		return nil, 0, false
	}
	_ = raw.SetDeadline(time.Time{})
	return p, min(rpc.Class(class[0]), rpc.Background), true
}

// handle has streams of a protocol served by goroutines that Close waits for.
func (h *Host) handle(proto string, member bool, serve func(network.Stream, bool)) {
	h.net.SetStreamHandler(protocolID(proto), func(raw network.Stream) {
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			_ = raw.Reset()
			return
		}
		h.wg.Add(1)
		h.mu.Unlock()
		defer h.wg.Done()
		serve(raw, member)
	})
}

// linkUp notes a new connection. That of a stranger does not last.
func (h *Host) linkUp(_ network.Network, c network.Conn) {
	l := &link{}
	l.ctx, l.end = context.WithCancel(h.ctx)
	p := h.peerBy(c.RemotePeer())
	l.guest = p == nil || !h.member(p.id)
	crowded := false
	h.mu.Lock()
	h.links[c] = l
	if l.guest {
		crowded = h.guests.Add(1) > strangers
		l.timer = time.AfterFunc(strangerStay, func() {
			if p == nil || !h.member(p.id) {
				_ = c.Close()
			}
		})
	}
	h.mu.Unlock()
	switch {
	case (crowded || p == nil) && c.Stat().Direction == network.DirInbound:
		h.spawn(func() { _ = c.Close() })
	case p != nil && direct(c):
		h.prefer(p)
	}
	h.nudge()
}

func (h *Host) linkDown(_ network.Network, c network.Conn) {
	h.mu.Lock()
	l := h.links[c]
	delete(h.links, c)
	h.mu.Unlock()
	if l != nil {
		l.end()
	}
	if l != nil && h.noGuest(l) {
		h.forget(c)
	}
	h.nudge()
}

// settle counts the link of a stranger who became a member among those of strangers no
// more.
func (h *Host) settle(c network.Conn) {
	h.mu.Lock()
	l := h.links[c]
	for same, other := range h.links { // streams may show their connection in another coat
		if l == nil && same.ID() == c.ID() {
			l = other
		}
	}
	h.mu.Unlock()
	if l != nil {
		h.noGuest(l)
	}
}

// noGuest ends what is peculiar to a stranger's link and reports whether it was one.
func (h *Host) noGuest(l *link) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !l.guest {
		return false
	}
	l.guest = false
	l.timer.Stop()
	h.guests.Add(-1)
	return true
}

// forget drops what is known of a stranger who left: there may be any number of them.
func (h *Host) forget(c network.Conn) {
	id, ok := nodeOf(c.RemotePeer())
	if !ok || h.member(id) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for other := range h.links {
		if other.RemotePeer() == c.RemotePeer() {
			return
		}
	}
	delete(h.peers, id)
}

// linkOf returns a context that ends with the connection.
func (h *Host) linkOf(c network.Conn) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.links[c]; l != nil {
		return l.ctx
	}
	for same, l := range h.links { // streams may show their connection in another coat
		if same.ID() == c.ID() {
			return l.ctx
		}
	}
	ctx, end := context.WithCancel(h.ctx)
	end()
	return ctx
}

// prefer has new calls take a direct connection where there was one through a relay.
func (h *Host) prefer(p *peer) {
	for i := range p.lanes {
		l := p.lanes[i].lane.Load()
		if l == nil {
			continue
		}
		if s, ok := l.rw.(network.Stream); ok && !direct(s.Conn()) {
			p.lanes[i].lane.CompareAndSwap(l, nil) // what is under way ends where it began
		}
	}
}

// spawn runs f in a goroutine that Close waits for.
func (h *Host) spawn(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.wg.Go(f)
	}
}

// apart is spawn for what has to be done even when the host closes, which does not hold
// it up any more then.
func (h *Host) apart(f func()) {
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.wg.Go(f)
	}
	h.mu.Unlock()
	if closed {
		f()
	}
}

// tell says to those who watch what links come and go, until the host closes.
func (h *Host) tell(events event.Subscription) {
	for {
		select {
		case <-h.ctx.Done():
			return
		case e, ok := <-events.Out():
			if !ok {
				return
			}
			h.told(e)
		}
	}
}

func (h *Host) told(e any) {
	switch e := e.(type) {
	case event.EvtPeerConnectednessChanged:
		// Of strangers nobody is told, nor is anything kept: there may be any number.
		if id, ok := nodeOf(e.Peer); !ok || !h.member(id) && !h.knows(id) {
			return
		}
		p := h.peerBy(e.Peer)
		if p == nil {
			return
		}
		up := e.Connectedness != network.NotConnected
		p.told.Store(up)
		if up {
			p.hopeful()
		}
		h.mu.Lock()
		watchers := append([]func(ident.NodeID, bool){}, h.watchers...)
		h.mu.Unlock()
		for _, f := range watchers {
			f(p.id, up)
		}
	case event.EvtLocalReachabilityChanged:
		h.places.public.Store(e.Reachability == network.ReachabilityPublic)
		h.nudge()
	}
}

// knows reports whether it was told that a link to this node came up, so that its end is
// told too, though it may be no member any more.
func (h *Host) knows(id ident.NodeID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[id]
	return p != nil && p.told.Load()
}
