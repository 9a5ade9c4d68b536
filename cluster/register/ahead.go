package register

import (
	"context"
	"maps"
	"slices"
	"sync"

	"rhizome/cluster/register/core"
)

// Ahead is what a Coordinator begins for one request before that asks for it, so that
// round trips to other nodes which do not need each other's answers overlap: reads,
// and the Prepares of changes to come.
//
// It takes nothing away from what a Store promises. A read begins after its request
// did, and serves as often as it was asked for: whoever asks again under the same context, or has changed the
// row meanwhile, gets a new one. A Prepare changes nothing; the change that takes its
// promises computes its value from them and sends its Accept under their ballot, as if
// it had asked itself.
//
// A nil *Ahead begins nothing. All methods are safe for concurrent use.
type Ahead struct {
	c      *Coordinator
	parent *Ahead
	opaque bool // reads of parent are not to be seen
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	reads    map[Row]*begun[core.Record]
	weights  map[partID]*begun[sums]
	scans    []*begunScan
	promises map[Row]*promises
}

// Beginner is a Store that can begin ahead. A nil *Ahead says that it is of no use:
// this node has all replicas itself.
type Beginner interface {
	// Ahead returns a context under which what the Ahead began is taken. Close ends it,
	// when nothing runs under the context any more.
	Ahead(ctx context.Context) (context.Context, *Ahead)
}

// begun is an answer under way.
type begun[T any] struct {
	done chan struct{}
	v    T
	err  error
	more int // how often it may be taken beside once
}

type begunScan struct {
	scan Scan
	begun[*Page]
}

// promises are the answers to a Prepare, and this node's turn to change the row.
type promises struct {
	ballot Ballot
	at     place
	calls  *calls[core.Answer]
	leave  func()
}

type aheadKey struct{}

// Ahead implements Beginner.
func (c *Coordinator) Ahead(ctx context.Context) (context.Context, *Ahead) {
	if c.alone() {
		return ctx, nil
	}
	return c.within(ctx, false)
}

func (c *Coordinator) within(ctx context.Context, opaque bool) (context.Context, *Ahead) {
	a := &Ahead{c: c, parent: c.aheadOf(ctx), opaque: opaque}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return context.WithValue(ctx, aheadKey{}, a), a
}

// Afresh returns a context under which no read is taken that was begun before.
func Afresh(ctx context.Context) context.Context {
	a, _ := ctx.Value(aheadKey{}).(*Ahead)
	if a == nil {
		return ctx
	}
	return context.WithValue(ctx, aheadKey{}, &Ahead{c: a.c, parent: a, opaque: true, closed: true})
}

func (c *Coordinator) aheadOf(ctx context.Context) *Ahead {
	if a, _ := ctx.Value(aheadKey{}).(*Ahead); a != nil && a.c == c {
		return a
	}
	return nil
}

// Close gives up what was not taken and waits until it has ended.
func (a *Ahead) Close() {
	if a == nil {
		return
	}
	a.mu.Lock()
	a.closed = true
	a.reads, a.weights, a.scans = nil, nil, nil
	a.mu.Unlock()
	a.giveUp()
	a.cancel()
	a.work.Wait()
}

func (p *promises) drop() {
	p.calls.abandon()
	p.leave()
}

// Read begins to read rows. What was begun already serves once more.
func (a *Ahead) Read(rows ...Row) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, row := range rows {
		if b := a.reads[row]; b != nil {
			b.more++
			continue
		}
		if a.closed || checkRow(row) != nil {
			continue
		}
		if a.reads == nil {
			a.reads = make(map[Row]*begun[core.Record])
		}
		b := &begun[core.Record]{done: make(chan struct{})}
		a.reads[row] = b
		run(a, b, func(ctx context.Context) (core.Record, error) { return a.c.read(ctx, row) })
	}
}

// Scan begins a scan, of which the caller changes nothing any more.
func (a *Ahead) Scan(s Scan) {
	if a == nil || s.Fence != 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	b := &begunScan{s, begun[*Page]{done: make(chan struct{})}}
	a.scans = append(a.scans, b)
	run(a, &b.begun, func(ctx context.Context) (*Page, error) { return a.c.scan(ctx, s) })
}

// Weigh begins to ask for the weights of parts.
func (a *Ahead) Weigh(t Table, parts ...string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, part := range parts {
		id := partID{t, part}
		if a.closed || a.weights[id] != nil {
			continue
		}
		if a.weights == nil {
			a.weights = make(map[partID]*begun[sums])
		}
		b := &begun[sums]{done: make(chan struct{})}
		a.weights[id] = b
		run(a, b, func(ctx context.Context) (sums, error) { return a.c.weigh(ctx, t, part) })
	}
}

// run fills b in. a.mu is held.
func run[T any](a *Ahead, b *begun[T], f func(context.Context) (T, error)) {
	a.work.Go(func() {
		defer close(b.done)
		b.v, b.err = f(a.ctx)
	})
}

// Prepare asks for the promises of a change of a row that is to come soon, under the
// given ballot, or one of its own if that is zero. Until the change is done, or Close,
// no other change of the row goes out from this node; where one does now, nothing is
// begun.
func (a *Ahead) Prepare(row Row, b Ballot) {
	if a == nil || checkRow(row) != nil {
		return
	}
	at := a.c.place(row.Part)
	if len(at.nodes) == 1 && at.nodes[0] == a.c.cfg.Node {
		return
	}
	leave, ok := a.c.rows.tryEnter(row)
	if !ok {
		return
	}
	if b.IsZero() {
		b = a.c.NewBallot()
	}
	p := &promises{ballot: b, at: at, leave: leave}
	p.calls = launch(a.ctx, a.c, at.nodes, prepare(at.term, row, b))
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.promises[row] != nil {
		p.drop()
		return
	}
	if a.promises == nil {
		a.promises = make(map[Row]*promises)
	}
	a.promises[row] = p
}

// wait returns what was begun once it is there.
func (b *begun[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-b.done:
		return b.v, b.err
	case <-ctx.Done():
		var none T
		return none, unavailable(ctx.Err())
	}
}

// taken calls f on every Ahead of ctx whose reads may be taken, the innermost first,
// until it returns something.
func taken[T any](ctx context.Context, c *Coordinator, f func(*Ahead) *T) *T {
	for a := c.aheadOf(ctx); a != nil; a = a.parent {
		a.mu.Lock()
		got := f(a)
		a.mu.Unlock()
		if got != nil || a.opaque {
			return got
		}
	}
	return nil
}

func (c *Coordinator) begunRead(ctx context.Context, row Row) *begun[core.Record] {
	return taken(ctx, c, func(a *Ahead) *begun[core.Record] {
		b := a.reads[row]
		if b == nil {
			return nil
		}
		if b.more--; b.more < 0 {
			delete(a.reads, row)
		}
		return b
	})
}

func (c *Coordinator) begunWeight(ctx context.Context, id partID) *begun[sums] {
	return taken(ctx, c, func(a *Ahead) *begun[sums] {
		b := a.weights[id]
		delete(a.weights, id)
		return b
	})
}

func (c *Coordinator) begunScan(ctx context.Context, s *Scan) *begunScan {
	return taken(ctx, c, func(a *Ahead) *begunScan {
		for i, b := range a.scans {
			if b.scan.equal(s) {
				a.scans = slices.Delete(a.scans, i, i+1)
				return b
			}
		}
		return nil
	})
}

func (s *Scan) equal(o *Scan) bool {
	return s.Table == o.Table && s.Prefix == o.Prefix && s.After == o.After && s.Limit == o.Limit &&
		s.Delimiter == o.Delimiter && s.Fence == o.Fence && s.Hidden == o.Hidden && slices.Equal(s.Parts, o.Parts)
}

// changing is told of every change of a row: what was begun before does not show it.
func (c *Coordinator) changing(ctx context.Context, row Row) {
	for a := c.aheadOf(ctx); a != nil; a = a.parent {
		a.mu.Lock()
		delete(a.reads, row)
		delete(a.weights, partID{row.Table, row.Part})
		a.scans = slices.DeleteFunc(a.scans, func(b *begunScan) bool {
			return b.scan.Table == row.Table && slices.Contains(b.scan.Parts, row.Part)
		})
		a.mu.Unlock()
	}
}

// closing is told of a fence: what was begun before it may rest on what it ends.
func (c *Coordinator) closing(ctx context.Context, t Table, part string) {
	for a := c.aheadOf(ctx); a != nil; a = a.parent {
		a.mu.Lock()
		maps.DeleteFunc(a.reads, func(row Row, _ *begun[core.Record]) bool { return row.Table == t && row.Part == part })
		a.mu.Unlock()
		c.changing(ctx, Row{Table: t, Part: part})
	}
}

// turn returns the promises that were begun for a change of the row, nil if none, and
// this node's turn to change it.
func (c *Coordinator) turn(ctx context.Context, row Row) (*promises, func(), error) {
	for a := c.aheadOf(ctx); a != nil; a = a.parent {
		a.mu.Lock()
		p := a.promises[row]
		delete(a.promises, row)
		a.mu.Unlock()
		if p != nil {
			return p, p.leave, nil
		}
	}
	if leave, ok := c.rows.tryEnter(row); ok {
		return nil, leave, nil
	}
	for a := c.aheadOf(ctx); a != nil; a = a.parent {
		a.giveUp() // who waits for a turn keeps nobody else waiting
	}
	leave, err := c.rows.enter(ctx, row)
	return nil, leave, err
}

// giveUp drops all promises.
func (a *Ahead) giveUp() {
	a.mu.Lock()
	left := a.promises
	a.promises = nil
	a.mu.Unlock()
	for _, p := range left {
		p.drop()
	}
}

// fits reports whether a change may use the promises: its references name no other
// ballot, and the row's place is still the one that was asked.
func (p *promises) fits(ch *Change, now place) bool {
	return p != nil && p.at.term == now.term && len(p.at.nodes) == len(now.nodes) &&
		ch.Above.Less(p.ballot) && (ch.Ballot.IsZero() || ch.Ballot == p.ballot)
}

// prepare is the call that asks one replica for its promise.
func prepare(term uint64, row Row, b Ballot) asker[core.Answer] {
	return func(ctx context.Context, _ int, p Peer) (core.Answer, error) { return p.Prepare(ctx, term, row, b) }
}
