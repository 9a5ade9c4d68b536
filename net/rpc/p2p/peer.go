package p2p

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"rhizome/base/ident"
	"rhizome/net/rpc"
)

const classes = int(rpc.Background) + 1

// peer is what is known of another node. It lasts as long as the host.
type peer struct {
	id  ident.NodeID
	pid libpeer.ID

	lanes [classes + 1]slot // the last is for methods of rpc.Anyone
	opens chan struct{}     // holds one for each transfer that we opened

	trusted  atomic.Bool  // it was served as a member
	told     atomic.Bool  // OnLink heard that it is up
	rtt      atomic.Int64 // smoothed, in nanoseconds
	sampled  atomic.Int64 // when the way was measured last, on the host's stopwatch
	heardAt  atomic.Int64 // when something came or went last
	waiting  atomic.Int64 // calls and openings under way
	probedAt atomic.Int64 // when the ping was sent that nothing followed; 0 if none

	memory  *budget
	serving atomic.Int64 // transfers of theirs that are open

	mu       sync.Mutex
	delay    time.Duration // before the next attempt to connect
	notUntil time.Time
	why      error // of the last attempt
}

// slot holds a lane. Who opens it holds busy.
type slot struct {
	busy chan struct{}
	lane atomic.Pointer[lane]
}

func (h *Host) newPeer(id ident.NodeID, pid libpeer.ID) *peer {
	p := &peer{id: id, pid: pid, opens: make(chan struct{}, peerTransfers), memory: newBudget(peerMemory, h.memory)}
	for i := range p.lanes {
		p.lanes[i].busy = make(chan struct{}, 1)
	}
	return p
}

// heard notes that the other side lives.
func (p *peer) heard(now int64) {
	p.heardAt.Store(now)
	if p.probedAt.Load() != 0 {
		p.probedAt.Store(0)
	}
}

// measured takes a round trip into the smoothed one (RFC 6298, section 2).
func (p *peer) measured(rtt time.Duration) {
	old := p.rtt.Load()
	if old == 0 {
		p.rtt.Store(max(1, int64(rtt)))
		return
	}
	p.rtt.Store(max(1, old+(int64(rtt)-old)/8))
}

// mayTry returns why the last attempt failed if it is too early for another.
func (p *peer) mayTry() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delay > 0 && time.Now().Before(p.notUntil) { // stopwatch
		return p.why
	}
	return nil
}

// failed lengthens the delay.
func (p *peer) failed(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()                          // stopwatch
	if p.delay == 0 || now.After(p.notUntil) { // several who tried at once count once
		p.delay = min(max(2*p.delay, firstDelay), lastDelay)
		p.notUntil, p.why = now.Add(p.delay), why
	}
}

// hopeful ends the delay.
func (p *peer) hopeful() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.why = 0, nil
}

// lane returns the lane of a slot, and opens it if need be.
func (h *Host) lane(ctx context.Context, p *peer, at int) (*lane, error) {
	s := &p.lanes[at]
	if l := s.lane.Load(); l != nil && l.alive() {
		return l, nil
	}
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, rpc.Broken("no link to node %v came up in time: %w", p.id, ctx.Err())
	}
	if l := s.lane.Load(); l != nil && l.alive() {
		return l, nil
	}
	member, class, proto := true, rpc.Class(at), laneProto
	if at == classes {
		member, class, proto = false, rpc.Urgent, anyoneLaneProto
	}
	raw, err := h.stream(ctx, p, proto)
	if err != nil {
		return nil, err
	}
	if _, err := raw.Write([]byte{byte(class)}); err != nil {
		_ = raw.Reset()
		return nil, rpc.Broken("the link to node %v broke: %w", p.id, err)
	}
	l := h.start(raw, p, class, laneConfig{limit: messageLimit(member)})
	if l == nil {
		return nil, closed()
	}
	s.lane.Store(l)
	return l, nil
}

// start makes a lane of a stream, which the host then owns; nil if the host is closed.
func (h *Host) start(raw network.Stream, p *peer, class rpc.Class, cfg laneConfig) *lane {
	cfg.heard = func() { p.heard(h.now()) }
	cfg.moved = h.moved(p)
	cfg.measured, cfg.crew = p.measured, &h.crew
	if cfg.memory == nil {
		cfg.memory = p.memory
	}
	if class == rpc.Background {
		cfg.pace, cfg.came = h.paceCalls, h.paceAnswers
	}
	return h.own(raw, cfg)
}

// moved returns what notes that a write was taken. One that had to wait says that the
// other side took what came before.
func (h *Host) moved(p *peer) func(time.Duration) {
	return func(blocked time.Duration) {
		if blocked > 20*time.Millisecond {
			p.heard(h.now())
		}
	}
}
