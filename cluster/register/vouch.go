package register

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"rhizome/base/ident"
	"rhizome/net/rpc"
)

const (
	// vouchSoon is how long a coordinator collects what it saw both of two replicas
	// accept before it tells them.
	vouchSoon = 100 * time.Millisecond
	// vouchRetry is how often replicas are asked about doubts that nobody vouched for.
	vouchRetry = 10 * time.Second
)

// vouching is what both of two replicas hold and are yet to be told so.
type vouching struct {
	mu     sync.Mutex
	due    map[[2]ident.NodeID][]Vouched
	urgent bool // people waited for some of it
	active bool
}

// chosen notes that all replicas of a place accepted a record. Of two, each is told soon
// that the other one did; if that is lost, heal makes up for it.
func (c *Coordinator) chosen(ctx context.Context, at place, row Row, b Ballot) {
	if len(at.nodes) != 2 || b.IsZero() {
		return
	}
	pair := [2]ident.NodeID(at.nodes)
	v := &c.vouching
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.due == nil {
		v.due = make(map[[2]ident.NodeID][]Vouched)
	}
	v.due[pair] = append(v.due[pair], Vouched{row, at.term, b})
	v.urgent = v.urgent || rpc.ClassOf(ctx, rpc.Urgent) == rpc.Urgent
	if !v.active {
		v.active = true
		c.calls.Go(c.vouch)
	}
}

// take returns what is due, and the context to tell of it under; if nothing is, whoever
// tells of it ends.
func (v *vouching) take() (due map[[2]ident.NodeID][]Vouched, ctx context.Context) {
	v.mu.Lock()
	defer v.mu.Unlock()
	ctx, due = context.Background(), v.due
	if !v.urgent {
		ctx = rpc.Behind(ctx)
	}
	v.due, v.urgent, v.active = nil, false, len(due) > 0
	return due, ctx
}

// vouch tells replicas until nothing is due.
func (c *Coordinator) vouch() {
	for {
		t := time.NewTimer(vouchSoon)
		select {
		case <-t.C:
		case <-c.ending:
			t.Stop()
		}
		due, ctx := c.vouching.take()
		if len(due) == 0 {
			return
		}
		to := make(map[ident.NodeID][]Vouched)
		for pair, of := range due {
			for _, n := range pair {
				to[n] = append(to[n], of...)
			}
		}
		var wg sync.WaitGroup
		for n, of := range to {
			wg.Go(func() { c.vouchTo(ctx, n, of) })
		}
		wg.Wait()
	}
}

// vouchTo tells one replica. One that does not answer finds out by itself: see Heal.
func (c *Coordinator) vouchTo(ctx context.Context, n ident.NodeID, of []Vouched) {
	for some := range slices.Chunk(of, maxVouched) {
		call, cancel := c.limited(ctx)
		_, err := askOne(call, c, n, 0, func(ctx context.Context, _ int, p Peer) ([]bool, error) { return p.Vouch(ctx, some) })
		cancel()
		if err != nil {
			return
		}
	}
}

// askDoubts asks the other replica of partitions which of the records that are in doubt
// here it holds.
func (c *Coordinator) askDoubts(ctx context.Context, src Source, of []Term) error {
	local := c.cfg.Local
	for _, x := range of {
		g := groupIn(x.Partition)
		if !local.tenures[g].Load().pairs(x.Term) || local.doubts.open[g].Load() == noDoubts {
			continue
		}
		for begin, first := []byte(nil), true; first || begin != nil; first = false {
			doubts, next, err := local.listDoubts(ctx, x, begin, maxVouched)
			if err == nil {
				err = c.askAbout(ctx, src, doubts)
			}
			if err != nil {
				return err
			}
			begin = next
		}
	}
	return nil
}

// askAbout asks the other replica which of some records it holds.
func (c *Coordinator) askAbout(ctx context.Context, src Source, doubts []Vouched) error {
	if len(doubts) == 0 {
		return nil
	}
	call, cancel := c.limited(ctx)
	defer cancel()
	held, err := src.Vouch(call, doubts)
	if errors.Is(err, rpc.ErrUnknownMethod) {
		return nil // it runs an older release
	}
	if err != nil {
		return err
	}
	both := doubts[:0:0]
	for k, ok := range held {
		if ok {
			both = append(both, doubts[k])
		}
	}
	_, err = c.cfg.Local.Vouch(ctx, both)
	return err
}
