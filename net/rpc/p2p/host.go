package p2p

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"rhizome/base/crew"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// Host is a node's links. Handle and HandleStream come before Start; Close ends it.
type Host struct {
	rpc.Table
	opts   Options
	self   ident.NodeID
	log    *slog.Logger
	born   time.Time
	memory *budget

	background *rate.Limiter // what is sent
	coming     *rate.Limiter // what comes, of Background too
	strange    *rate.Limiter
	relayed    *rate.Limiter

	ctx   context.Context
	end   context.CancelFunc
	wg    sync.WaitGroup
	crew  crew.Crew // answers calls
	asked gauge
	net   host.Host
	loop  *rpc.MemoryNode

	mu       sync.Mutex
	closed   bool
	peers    map[ident.NodeID]*peer
	lanes    map[*lane]struct{}
	links    map[network.Conn]*link
	watchers []func(ident.NodeID, bool)

	guests  atomic.Int64  // strangers connected
	guest   *budget       // memory of strangers' requests
	stir    chan struct{} // wakes the watch
	changed chan struct{} // wakes who keeps places at relays
	places  places
	closers []func() error
}

// link is one connection; ctx ends with it.
type link struct {
	ctx   context.Context
	end   context.CancelFunc
	guest bool
	timer *time.Timer
}

var _ rpc.Links = (*Host)(nil)

// New returns links that are not open yet.
func New(o Options) (*Host, error) {
	if len(o.Key) != ed25519.PrivateKeySize {
		return nil, errs.New(errs.Invalid, "a node's key has 64 bytes")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Host{opts: o, log: o.Log, born: time.Now(), // stopwatch
		self:   ident.NodeID(o.Key.Public().(ed25519.PublicKey)),
		memory: newBudget(totalMemory, nil), guest: newBudget(strangerMemory, nil),
		strange: rate.NewLimiter(strangerRate, 2*strangerRate),
		peers:   map[ident.NodeID]*peer{}, lanes: map[*lane]struct{}{}, links: map[network.Conn]*link{},
		stir: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
	h.loop = rpc.NewLoop(h.self, &h.Table)
	h.background, h.coming = rate.NewLimiter(rate.Inf, writeSize), rate.NewLimiter(rate.Inf, writeSize)
	h.SetBackground(o.Background)
	h.relayed = limiter(o.Relay.Rate)
	h.ctx, h.end = context.WithCancel(context.Background())
	return h, nil
}

func limiter(perSecond int) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, writeSize)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(perSecond/10, writeSize))
}

// now is a monotonic time in nanoseconds.
func (h *Host) now() int64 { return int64(time.Since(h.born)) } // stopwatch

// Self implements rpc.Links.
func (h *Host) Self() ident.NodeID { return h.self }

// SetBackground changes the limit on Background traffic, in bytes per second each way; 0 is
// none.
func (h *Host) SetBackground(perSecond int) {
	most := rate.Inf
	if perSecond > 0 {
		most = rate.Limit(perSecond)
	}
	h.background.SetLimit(most)
	h.coming.SetLimit(most)
}

// pace waits until n bytes of Background may be sent.
func (h *Host) pace(ctx context.Context, n int) error {
	return h.background.WaitN(ctx, min(n, writeSize))
}

// paceComing waits until more may be read after n bytes of Background that came: who sends
// them is held up by what is not read.
func (h *Host) paceComing(ctx context.Context, n int) error {
	return h.coming.WaitN(ctx, min(n, writeSize))
}

// paceAnswers is paceComing for n bytes of a message of so many in all: as with paceCalls, small
// ones count and are not waited for.
func (h *Host) paceAnswers(ctx context.Context, n, of int) error {
	if of > smallCall {
		return h.paceComing(ctx, n)
	}
	h.coming.ReserveN(time.Now(), n) // stopwatch
	return nil
}

// smallCall is up to how many bytes of calls do not wait for what is limited.
const smallCall = 16 << 10

// paceCalls is pace for messages. Small ones go at once and count, so that transfers wait
// for them and they for no transfer.
func (h *Host) paceCalls(ctx context.Context, n int) error {
	if n > smallCall {
		return h.pace(ctx, n)
	}
	h.background.ReserveN(time.Now(), n) // stopwatch
	return nil
}

func (h *Host) member(id ident.NodeID) bool {
	return id == h.self || h.opts.Guard != nil && h.opts.Guard.Member(id)
}

// peer returns what is known of a node; errs.Invalid if that is no key.
func (h *Host) peer(id ident.NodeID) (*peer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.peers[id]; p != nil {
		return p, nil
	}
	pid, err := peerOf(id)
	if err != nil {
		return nil, err
	}
	p := h.newPeer(id, pid)
	h.peers[id] = p
	return p, nil
}

// peerBy is peer by libp2p's name; nil if no node has it.
func (h *Host) peerBy(pid libpeer.ID) *peer {
	id, ok := nodeOf(pid)
	if !ok {
		return nil
	}
	p, err := h.peer(id)
	if err != nil {
		return nil
	}
	return p
}

// OnLink has f called whenever a link comes up or goes down, one call after another.
// It is called before Start; f returns soon.
func (h *Host) OnLink(f func(id ident.NodeID, up bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers = append(h.watchers, f)
}

// Distance implements rpc.Links.
func (h *Host) Distance(to ident.NodeID) (rtt time.Duration, up bool) {
	if to == h.self {
		return 0, true
	}
	h.mu.Lock()
	p := h.peers[to]
	h.mu.Unlock()
	if p == nil {
		return 0, false
	}
	return time.Duration(p.rtt.Load()), h.connected(p)
}

// Relayed reports whether a node is reached through another one only.
func (h *Host) Relayed(to ident.NodeID) bool {
	h.mu.Lock()
	p := h.peers[to]
	h.mu.Unlock()
	return p != nil && h.connected(p) && !h.direct(p)
}

// Recheck ends the links to those whom the guard let in and lets in no more.
func (h *Host) Recheck() {
	h.mu.Lock()
	var out []*peer
	for _, p := range h.peers {
		if p.trusted.Load() {
			out = append(out, p)
		}
	}
	h.mu.Unlock()
	for _, p := range out {
		if !h.member(p.id) {
			p.trusted.Store(false)
			_ = h.net.Network().ClosePeer(p.pid)
		}
	}
	h.nudge()
}

// own starts a lane that Close waits for; nil if the host is closed.
func (h *Host) own(raw network.Stream, cfg laneConfig) *lane {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = raw.Reset()
		return nil
	}
	l := newLane(raw, cfg)
	h.lanes[l] = struct{}{}
	h.wg.Go(func() {
		l.wait()
		h.mu.Lock()
		delete(h.lanes, l)
		h.mu.Unlock()
	})
	return l
}

// Close ends all links and waits for the handlers.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	var lanes []*lane
	for l := range h.lanes {
		lanes = append(lanes, l)
	}
	h.mu.Unlock()
	h.end()
	for _, l := range lanes {
		l.fail(closed())
	}
	var err error
	for _, c := range h.closers {
		if cerr := c(); err == nil {
			err = cerr
		}
	}
	_ = h.loop.Close()
	h.wg.Wait()
	h.crew.Close()
	return err
}

func closed() error { return rpc.Broken("this node's links are closed") }
