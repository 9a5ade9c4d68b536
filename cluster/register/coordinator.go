package register

import (
	"context"
	crand "crypto/rand"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/clock"
	"rhizome/base/crew"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
)

// Config says what a Coordinator works with.
type Config struct {
	Node ident.NodeID
	// Layout returns the present layout. It is called for each operation.
	Layout func() *layout.Layout
	// Peer returns a replica by its node; it may fail, and need not connect at once.
	Peer func(ident.NodeID) (Peer, error)
	// Away, if set, tells for how long a node has not answered anybody here, 0 if it does.
	// It does not block.
	Away func(ident.NodeID) time.Duration
	// Behind, if set, is told of a node that knows a newer layout. It does not block.
	Behind func(ident.NodeID)
	// Local is this node's own replica, nil on a gateway node.
	Local *Replica
	Clock clock.Clock
	// Seed decides every draw: attempts of ballots and waits. Drawn at random if zero,
	// which it has to be outside tests: a ballot is never to come again.
	Seed [32]byte
	// Timeout bounds an operation whose context has no deadline; 30 s if zero.
	Timeout time.Duration
	// CallTimeout bounds one call to a replica; 5 s if zero.
	CallTimeout time.Duration
	// Linger is how long a read waits for the replicas that are left when the first
	// ones disagree; 50 ms if zero.
	Linger time.Duration
	// Jitter returns a time up to most to wait before another attempt; random if nil.
	Jitter func(most time.Duration) time.Duration
}

// Coordinator is the Store: it carries out operations on rows by asking their
// replicas, from any node. It is safe for concurrent use.
type Coordinator struct {
	cfg   Config
	round atomic.Uint64 // highest round used or heard of
	draws draws
	rows  queues
	heal  heal
	again again
	calls crew.Crew // makes calls to replicas
	left  leftCalls

	vouching vouching
	silent   silence
	ending   chan struct{} // closed when Close was called
	closed   sync.Once
}

var _ Store = (*Coordinator)(nil)

// NewCoordinator returns a Coordinator. Close it when no operation is under way.
func NewCoordinator(cfg Config) *Coordinator {
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = 5 * time.Second
	}
	if cfg.Linger == 0 {
		cfg.Linger = 50 * time.Millisecond
	}
	c := &Coordinator{cfg: cfg, heal: heal{wake: make(chan struct{}, 1)}, again: again{seed: maphash.MakeSeed()}, ending: make(chan struct{})}
	c.draws.seed(cfg.Seed)
	if cfg.Jitter == nil {
		c.cfg.Jitter = c.draws.upTo
	}
	if cfg.Local != nil {
		c.observe(cfg.Local.Start())
	}
	return c
}

// Close waits for calls to replicas that were left behind when a majority had
// answered. Each ends by itself within Config.CallTimeout.
func (c *Coordinator) Close() {
	c.closed.Do(func() { close(c.ending) })
	c.calls.Close()
}

// NewBallot is Store's. Its round follows the clock where that is ahead of every
// round met so far.
func (c *Coordinator) NewBallot() Ballot {
	now := uint64(max(c.cfg.Clock.Now().UnixMicro(), 0))
	for {
		last := c.round.Load()
		next := max(now, last+1)
		if c.round.CompareAndSwap(last, next) {
			return Ballot{Round: next, Node: c.cfg.Node.Short(), Attempt: c.draws.uint64()}
		}
	}
}

// ballotAbove returns a new ballot above b.
func (c *Coordinator) ballotAbove(b Ballot) Ballot {
	c.observe(b)
	return c.NewBallot()
}

func (c *Coordinator) observe(b Ballot) {
	for {
		last := c.round.Load()
		if b.Round <= last || c.round.CompareAndSwap(last, b.Round) {
			return
		}
	}
}

// place is where a partition key's rows are.
type place struct {
	term  uint64
	nodes []ident.NodeID
}

func (c *Coordinator) place(part string) place { return placeIn(c.cfg.Layout(), part) }

func placeIn(l *layout.Layout, part string) place {
	p := l.Partition(part)
	return place{l.Term(p), l.Replicas(p)}
}

func (c *Coordinator) peer(n ident.NodeID) (Peer, error) {
	if c.cfg.Local != nil && n == c.cfg.Node {
		return c.cfg.Local, nil
	}
	return c.cfg.Peer(n)
}

// hopeless reports whether trying again cannot help.
func hopeless(err error) bool {
	return err != nil && errs.KindOf(err) != errs.Unavailable
}

// unavailable is the error of an operation that found no majority.
func unavailable(cause error) error {
	if cause == nil {
		cause = errors.New("replicas disagree")
	}
	return errs.Newf(errs.Unavailable, "not enough replicas answered; the outcome may be unknown, try again: %w", cause)
}

// bounded gives an operation that has no deadline one.
func (c *Coordinator) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.cfg.Timeout)
}

// pause waits before the next attempt: a random time up to a few times that which the
// last one took, so that of two coordinators that outbid each other one gets through.
func (c *Coordinator) pause(ctx context.Context, attempt int, took time.Duration) error {
	took = min(max(took, time.Millisecond), time.Second) // of a clock that may have been set by years
	most := took << min(attempt, 3)
	t := time.NewTimer(c.cfg.Jitter(min(most, time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// draws is a source of chance for many goroutines.
type draws struct {
	mu  sync.Mutex
	src *rand.Rand
}

func (d *draws) seed(seed [32]byte) {
	if seed == [32]byte{} {
		_, _ = crand.Read(seed[:]) // never fails
	}
	d.src = rand.New(rand.NewChaCha8(seed))
}

func (d *draws) uint64() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.src.Uint64()
}

func (d *draws) upTo(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.src.Int64N(int64(most)))
}

// queues lets one change of a row at a time go out from this node, so that its own
// callers do not outbid each other.
type queues struct {
	shards [shardCount]struct {
		mu sync.Mutex
		m  map[Row]*queue
	}
}

type queue struct {
	turn chan struct{}
	refs int
}

// enter waits for the caller's turn; leave ends it.
func (q *queues) enter(ctx context.Context, row Row) (leave func(), err error) {
	w, gone := q.join(row)
	select {
	case w.turn <- struct{}{}:
		return func() { <-w.turn; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, unavailable(ctx.Err())
	}
}

// tryEnter is enter for who does not wait.
func (q *queues) tryEnter(row Row) (leave func(), ok bool) {
	w, gone := q.join(row)
	select {
	case w.turn <- struct{}{}:
		return func() { <-w.turn; gone() }, true
	default:
		gone()
		return nil, false
	}
}

func (q *queues) join(row Row) (w *queue, gone func()) {
	s := &q.shards[Shard(row.Sort+row.Part, shardCount)]
	s.mu.Lock()
	if w = s.m[row]; w == nil {
		if s.m == nil {
			s.m = make(map[Row]*queue)
		}
		w = &queue{turn: make(chan struct{}, 1)}
		s.m[row] = w
	}
	w.refs++
	s.mu.Unlock()
	return w, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if w.refs--; w.refs == 0 {
			delete(s.m, row)
		}
	}
}
