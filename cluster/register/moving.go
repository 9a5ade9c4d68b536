package register

import (
	"context"
	"slices"
	"sync"
	"time"

	"rhizome/base/ident"
	"rhizome/net/rpc"
)

const (
	// movers is how many partitions are imported side by side, and busyMovers how many
	// while it has a load of busyLoad calls a second that people wait for.
	movers     = 8
	busyMovers = 2
	busyLoad   = 20
	// lookBusy is how often the others look whether they still do.
	lookBusy = 200 * time.Millisecond
	// moveSoon and moveLate bound the time between two attempts at what did not succeed.
	moveSoon = 50 * time.Millisecond
	moveLate = 30 * time.Second
)

// Progress says how far a replica has come with the layout it knows.
type Progress struct {
	Served   int // partitions that this node is to serve
	Imported int // those of them that are here whole
	Kept     int // partitions that it keeps for others until these have imported them
	// Unsure are those of Served that have two replicas and of which this one cannot answer
	// alone yet: it imports them, or has not compared them with the other one.
	Unsure int
}

// Progress tells how far this replica has come.
func (r *Replica) Progress() (p Progress) {
	for g := range r.tenures {
		switch t := r.tenures[g].Load(); {
		case t.member():
			p.Served++
			if t.whole() {
				p.Imported++
			}
			if t.pair && !(t.sure && t.whole()) {
				p.Unsure++
			}
		case t.rows != 0:
			p.Kept++
		}
	}
	return p
}

// moved tells Move that there may be something to do.
func (r *Replica) moved() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Move imports what this node is to serve and drops what the others have taken over,
// whenever a layout makes that necessary, until ctx ends. It returns nil.
func (r *Replica) Move(ctx context.Context) error {
	ctx = rpc.Behind(ctx)
	pause := moveSoon
	for {
		left, did := r.importAll(ctx)
		kept, dropped := r.retire(ctx)
		if pause *= 2; did || dropped {
			pause = moveSoon
		}
		var again <-chan time.Time
		t := time.NewTimer(min(pause, moveLate))
		if left+kept > 0 {
			again = t.C
		}
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-r.wake:
			pause = moveSoon
		case <-again:
			pause = min(pause, moveLate)
		}
		t.Stop()
	}
}

// importAll goes once through the partitions that are not complete and returns how many
// are left, and whether any was completed.
func (r *Replica) importAll(ctx context.Context) (left int, did bool) {
	work := make(chan *importing)
	var mu sync.Mutex
	var wg sync.WaitGroup
	handed := make(chan struct{}) // closed when nothing is left to begin
	for n := range movers {
		wg.Go(func() {
			for i := range work {
				err := r.importGroup(ctx, i)
				mu.Lock()
				if err != nil {
					left++
				} else {
					did = true
				}
				mu.Unlock()
				if n >= busyMovers {
					r.awaitQuiet(handed)
				}
			}
		})
	}
	for g := range r.tenures {
		if t := r.tenures[g].Load(); t.imp != nil && ctx.Err() == nil {
			work <- t.imp
		}
	}
	close(handed)
	close(work)
	wg.Wait()
	return left, did
}

// awaitQuiet waits while people wait for this node, until over is closed.
func (r *Replica) awaitQuiet(over <-chan struct{}) {
	if r.options.Load == nil {
		return
	}
	tick := time.NewTicker(lookBusy)
	defer tick.Stop()
	for r.options.Load() >= busyLoad {
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}

// importGroup imports what is left of a partition, page by page.
func (r *Replica) importGroup(ctx context.Context, i *importing) error {
	for {
		i.mu.Lock()
		at := i.cursor
		i.mu.Unlock()
		p, err := r.pull(ctx, i, ExportQuery{Begin: at, Limit: pageRows, Fences: len(at) == 0})
		if err != nil {
			return err
		}
		if err := r.install(ctx, i, p, true); err != nil || p.whole {
			return err
		}
	}
}

// retire drops rows of earlier terms that all replicas of the present one have, and
// returns how many partitions are kept.
func (r *Replica) retire(ctx context.Context) (kept int, dropped bool) {
	if r.options.Plans == nil {
		return 0, false
	}
	l := r.options.Plans.Layout()
	missing := make(map[Term]int) // how many replicas have not said that they imported it
	asked := make(map[ident.NodeID][]Term)
	for g := range r.tenures {
		t, p := r.tenures[g].Load(), partitionOf(g)
		if t.rows == 0 || t.member() {
			continue
		}
		kept++
		if x := (Term{Partition: p, Term: t.Known}); l.Term(p) == t.Known {
			for _, n := range l.Replicas(p) {
				missing[x]++
				asked[n] = append(asked[n], x)
			}
		}
	}
	for n, of := range asked {
		for k, ok := range r.askImported(ctx, n, of) {
			if ok {
				missing[of[k]]--
			}
		}
	}
	var gone []int
	for x, n := range missing {
		if n == 0 {
			gone = append(gone, groupIn(x.Partition))
		}
	}
	slices.Sort(gone)
	if err := r.dropGroups(gone, l.Term); err != nil {
		return kept, false
	}
	return kept - len(gone), len(gone) > 0
}

func (r *Replica) askImported(ctx context.Context, n ident.NodeID, of []Term) []bool {
	src, err := r.options.Source(n)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*pullWait)
	defer cancel()
	got, err := src.Imported(ctx, of)
	if err != nil || len(got) != len(of) {
		return nil
	}
	return got
}

// dropGroups drops the rows of earlier terms, if the present terms are still these.
func (r *Replica) dropGroups(gone []int, term func(partition int) uint64) error {
	r.adopting.Lock()
	defer r.adopting.Unlock()
	var changes []change
	for _, g := range gone {
		t := r.tenures[g].Load()
		if t.member() || t.Known != term(partitionOf(g)) {
			continue
		}
		next := *t
		next.rows, next.Serving, next.was, next.had, next.ready = 0, 0, 0, 0, false
		changes = append(changes, change{group: g, old: t, next: &next, wipe: true})
	}
	if len(changes) == 0 {
		return nil
	}
	return r.seal(changes)
}
