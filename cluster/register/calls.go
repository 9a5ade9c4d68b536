package register

import (
	"context"
	"errors"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// verdict says whether more answers are wanted.
type verdict uint8

const (
	wait   verdict = iota
	linger         // those that come soon
	tarry          // those that come in the usual time
	enough
)

// asker is one call to one replica.
type asker[T any] func(context.Context, int, Peer) (T, error)

// calls are those of one step to all replicas of a place, side by side.
type calls[T any] struct {
	c       *Coordinator
	ctx     context.Context
	nodes   []ident.NodeID
	call    asker[T]
	replies chan reply[T]
	late    []int // those not made: too many calls to the node wait already

	mu   sync.Mutex
	over bool
	open uint64 // made and not answered
}

type reply[T any] struct {
	from int
	a    T
	err  error
}

// launch makes the calls. They end by themselves, whether anybody waits or not, but
// abandon or collect must come in the end.
func launch[T any](ctx context.Context, c *Coordinator, nodes []ident.NodeID, call asker[T]) *calls[T] {
	cs := &calls[T]{c: c, ctx: context.WithoutCancel(ctx), nodes: nodes, call: call, replies: make(chan reply[T], len(nodes))}
	for i, n := range nodes {
		if c.left.many(n) {
			cs.late = append(cs.late, i)
			continue
		}
		cs.begin(i)
	}
	return cs
}

func (cs *calls[T]) begin(i int) {
	cs.mu.Lock()
	cs.open |= 1 << i
	cs.mu.Unlock()
	cs.c.calls.Go(func() {
		ctx, cancel := cs.c.limited(cs.ctx)
		defer cancel()
		a, err := askOne(ctx, cs.c, cs.nodes[i], i, cs.call)
		cs.ended(i)
		cs.replies <- reply[T]{i, a, err}
	})
}

func (cs *calls[T]) ended(i int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open &^= 1 << i
	if cs.over {
		cs.c.left.add(cs.nodes[i], -1)
	}
}

// abandon says that nobody waits any more. Calls under way go on: a slow replica is to
// have the record too. One that was not made fails.
func (cs *calls[T]) abandon() {
	for _, i := range cs.late {
		_, _ = cs.call(cs.ctx, i, mute{})
	}
	cs.late = nil
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.over {
		return
	}
	cs.over = true
	for i, n := range cs.nodes {
		if cs.open&(1<<i) != 0 {
			cs.c.left.add(n, 1)
		}
	}
}

// collect hands the answers to take, one at a time, until take has enough, all have
// answered, or ctx ends. The error is that of a replica that failed, if take never had
// enough. Calls that were not made are made when the others are not enough, or slow.
func (cs *calls[T]) collect(ctx context.Context, take func(int, T) verdict) error {
	defer cs.abandon()
	var failed error
	var soon, slow <-chan time.Time
	if len(cs.late) > 0 {
		t := time.NewTimer(lateTime)
		defer t.Stop()
		slow = t.C
	}
	for left := len(cs.nodes) - len(cs.late); ; left-- {
		if left == 0 {
			left = cs.beginLate()
		}
		if left == 0 {
			return failed
		}
		select {
		case <-slow:
			left += cs.beginLate() + 1
		case r := <-cs.replies:
			if r.err != nil {
				if failed == nil || !errors.As(failed, new(*PlanError)) {
					failed = r.err
				}
				continue
			}
			switch v := take(r.from, r.a); v {
			case enough:
				return nil
			case linger, tarry:
				if soon == nil {
					t := time.NewTimer(cs.c.patience(v))
					defer t.Stop()
					soon = t.C
				}
			}
		case <-soon:
			return failed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// patience is how long those that are left are waited for.
func (c *Coordinator) patience(v verdict) time.Duration {
	if v == tarry {
		return singleAfter
	}
	return c.cfg.Linger
}

// lateTime is after how long calls are made that were put off.
const lateTime = time.Second

// beginLate makes the calls that were put off, and returns how many.
func (cs *calls[T]) beginLate() int {
	n := len(cs.late)
	for _, i := range cs.late {
		cs.begin(i)
	}
	cs.late = nil
	return n
}

// ask calls every node and collects.
func ask[T any](ctx context.Context, c *Coordinator, nodes []ident.NodeID, call asker[T], take func(int, T) verdict) error {
	if len(nodes) == 1 {
		a, err := askOne(ctx, c, nodes[0], 0, call)
		if err == nil {
			take(0, a)
		}
		return err
	}
	return launch(ctx, c, nodes, call).collect(ctx, take)
}

func askOne[T any](ctx context.Context, c *Coordinator, n ident.NodeID, i int, call asker[T]) (T, error) {
	p, err := c.peer(n)
	if err != nil {
		c.silent.note(n, true)
		var none T
		return none, err
	}
	if n == c.cfg.Node { // it is there, whatever it says
		a, err := call(ctx, i, p)
		c.heed(n, any(a), err)
		return a, err
	}
	heard := c.silent.heard(n)
	a, err := call(ctx, i, p)
	c.silent.ended(ctx, n, heard, c.cfg.Clock.Now(), err)
	c.heed(n, any(a), err)
	return a, err
}

// errSlow ends a call that had all of Config.CallTimeout.
var errSlow = errs.Newf(errs.Unavailable, "it took too long: %w", context.DeadlineExceeded)

// limited gives a call its time. That it had all of it, and not only what its caller had
// left, the cause of the context's end says.
func (c *Coordinator) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.cfg.CallTimeout, errSlow)
}

// leftCalls counts the calls to each node that nobody waits for any more. A node that
// does not answer is asked last while there are many, so that what is sent to it in
// vain takes bounded memory.
type leftCalls struct {
	mu sync.Mutex
	n  map[ident.NodeID]int
}

// maxLeft is how many calls to one node may go on that nobody waits for.
const maxLeft = 128

func (l *leftCalls) add(n ident.NodeID, d int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == nil {
		l.n = make(map[ident.NodeID]int)
	}
	if l.n[n] += d; l.n[n] == 0 {
		delete(l.n, n)
	}
}

func (l *leftCalls) many(n ident.NodeID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n[n] >= maxLeft
}

var errMute = errs.New(errs.Unavailable, "the replica has not answered for a while")
