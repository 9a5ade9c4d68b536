package register

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

func TestPromisesSurviveAPowerCut(t *testing.T) {
	c := newCluster(t, 1)
	ctx, row := ctxFor(t), Row{1, "p", "k"}
	low, high := Ballot{Round: 5}, Ballot{Round: 9}
	a, err := c.nodes[0].rep.Prepare(ctx, 1, row, high)
	check(t, err)
	if a.Refusal != core.None {
		t.Fatalf("%+v", a)
	}
	c.crash(0)
	rec := core.Record{Ballot: low, Value: text("x")}
	if a, err := c.nodes[0].rep.Accept(ctx, 1, row, rec); err != nil || a.Refusal != core.Stale {
		t.Fatalf("an Accept below a promise made before a power cut: %+v %v", a, err)
	}
	if a, err := c.nodes[0].rep.Prepare(ctx, 1, row, low); err != nil || a.Refusal != core.Stale || a.Beat.Less(high) {
		t.Fatalf("a Prepare below a promise made before a power cut: %+v %v", a, err)
	}
}

func TestPromisesOutliveTheirCells(t *testing.T) {
	c := newCluster(t, 1)
	ctx, r := ctxFor(t), c.nodes[0].rep
	row := func(i int) Row { return Row{1, "p", fmt.Sprint(i)} }
	const n = 2 * shardCount * keptPerShard
	for i := range n {
		a, err := r.Prepare(ctx, 1, row(i), Ballot{Round: uint64(i + 2)})
		check(t, err)
		if a.Refusal != core.None {
			t.Fatalf("promise %d: %+v", i, a)
		}
	}
	held := 0
	for i := range r.shards {
		held += len(r.shards[i].cells)
	}
	if held > shardCount*keptPerShard+shardCount {
		t.Fatalf("%d cells are held", held)
	}
	for i := range n {
		rec := core.Record{Ballot: Ballot{Round: uint64(i + 1)}}
		if a, err := r.Accept(ctx, 1, row(i), rec); err != nil || a.Refusal != core.Stale {
			t.Fatalf("promise %d was taken back: %+v %v", i, a, err)
		}
	}
}

func TestAnotherNodesStoreIsRefused(t *testing.T) {
	c := newCluster(t, 1)
	_, err := OpenReplica(c.nodes[0].kv, nodeID(4), ReplicaOptions{})
	if !errors.Is(err, errs.Conflict) {
		t.Fatal(err)
	}
}

func TestForgetting(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, s := ctxFor(t), c.store(0)
		for i := range 50 {
			row := Row{1, fmt.Sprint(i % 3), fmt.Sprint(i)}
			_, err := s.Update(ctx, row, put(text("x")))
			check(t, err)
			_, err = s.Update(ctx, row, remove())
			check(t, err)
		}
		s.coordSettle(c)
		late := s.NewBallot()
		for _, n := range c.nodes {
			// What a replica did not confirm in time is left for the next time.
			for left := -1; left != 0; {
				var err error
				left, err = n.coord.Forget(ctx, 0)
				check(t, err)
			}
			check(t, Records(ctx, n.kv, func(r RawRecord) error { return fmt.Errorf("%v is left", r) }, nil))
		}
		for i := range c.nodes {
			c.crash(i)
		}
		// Nothing older than the deletion comes back.
		old := core.Record{Ballot: Ballot{Round: 1}, Value: text("old")}
		a, err := c.nodes[0].rep.Accept(ctx, 1, Row{1, "0", "0"}, old)
		check(t, err)
		if a.Refusal != core.Stale {
			t.Fatalf("an Accept older than a forgotten deletion: %+v", a)
		}
		ch := put(text("new"))
		ch.Ballot = late
		_, err = c.store(0).Update(ctx, Row{1, "0", "0"}, ch)
		check(t, err)
		s.coordSettle(c)
		c.store(0).coordSettle(c)
		for _, n := range c.nodes {
			agree(t, n.rep)
		}
	})
}

func TestTombstoneStaysWhileAReplicaIsAway(t *testing.T) {
	c := newCluster(t, 3)
	ctx, row, s := ctxFor(t), Row{1, "p", "k"}, c.store(0)
	_, err := s.Update(ctx, row, put(text("x")))
	check(t, err)
	s.coordSettle(c)
	c.set(2, func(n *node) { n.down = true })
	_, err = s.Update(ctx, row, remove())
	check(t, err)
	s.coordSettle(c)
	if left, err := s.Forget(ctx, 0); err != nil || left != 1 {
		t.Fatalf("%d left: %v", left, err)
	}
	c.set(2, func(n *node) { n.down = false })
	c.set(0, func(n *node) { n.down = true })
	if v, _, err := c.store(2).Read(ctx, row); v != nil || err != nil {
		t.Fatalf("deleted row read as %v %v", v, err)
	}
}

// TestLossyLinks counts with links that lose every tenth call and answer.
func TestLossyLinks(t *testing.T) {
	c := newCluster(t, 3)
	ctx, row := ctxFor(t), Row{1, "p", "counter"}
	for i := range c.nodes {
		c.set(i, func(n *node) { n.loss = 0.1 })
	}
	var done, unknown atomic.Int64
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for range 40 {
				_, err := c.store(w).Update(ctx, row, Change{Apply: func(old *Value) (*Value, error) {
					n := 0
					if old != nil {
						_, _ = fmt.Sscan(string(old.Data), &n)
					}
					return text(fmt.Sprint(n + 1)), nil
				}})
				if err == nil {
					done.Add(1)
				} else {
					unknown.Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range c.nodes {
		c.set(i, func(n *node) { n.loss = 0 })
	}
	v, _, err := c.store(0).Read(ctx, row)
	check(t, err)
	var n int64
	_, _ = fmt.Sscan(data(v), &n)
	if n < done.Load() || n > done.Load()+unknown.Load() || done.Load() < 60 {
		t.Fatalf("counted to %d: %d done, %d unknown", n, done.Load(), unknown.Load())
	}
}

// TestDamagedRows: rows that cannot be read stop neither those who walk over all, nor
// those who read others.
func TestDamagedRows(t *testing.T) {
	c := newCluster(t, 1)
	ctx, s := ctxFor(t), c.store(0)
	for i := range 20 {
		_, err := s.Update(ctx, Row{1, "p", fmt.Sprint(i)}, put(&Value{Data: []byte{byte(i)}, Blob: []byte("blob"), Count: 1, Pending: i%2 == 0}))
		check(t, err)
	}
	_, err := s.Update(ctx, Row{1, "p", "3"}, remove())
	check(t, err)
	// Damage a head and a blob.
	n := c.nodes[0]
	b := n.kv.NewBatch()
	b.Set(rowKey(headKey, Row{1, "p", "5"}), []byte{recordVersion, 0})
	b.Delete(rowKey(blobKey, Row{1, "p", "7"}))
	check(t, b.Commit())

	whole, lost := 0, 0
	check(t, Records(ctx, n.kv, func(rec RawRecord) error {
		whole++
		want, err := n.rep.Read(ctx, 1, rec.Row)
		check(t, err)
		if rec.Cell.Ballot != want.Record.Ballot || data(rec.Cell.Value) != data(want.Record.Value) {
			t.Errorf("row %v: %+v, want %+v", rec.Row, rec.Cell, want.Record)
		}
		return nil
	}, func(key []byte, err error) error {
		if !errors.Is(err, errs.Corrupt) {
			return err
		}
		lost++
		return nil
	}))
	if whole != 18 || lost != 2 {
		t.Errorf("%d rows are whole and %d damaged", whole, lost)
	}
	for _, key := range []string{"5", "7"} {
		if _, err := n.rep.Read(ctx, 1, Row{1, "p", key}); !errors.Is(err, errs.Corrupt) {
			t.Errorf("damaged row %s: %v", key, err)
		}
	}
	live := 0
	err = n.rep.Rows(ctx, 1, func(Row, *Value) error { live++; return nil })
	if live != 18 || !errors.Is(err, errs.Corrupt) {
		t.Errorf("%d live rows, %v", live, err)
	}
	stop := errors.New("stop")
	if err := n.rep.Rows(ctx, 1, func(Row, *Value) error { return stop }); err != stop {
		t.Errorf("stopped with %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	c := newCluster(t, 1)
	ctx, cancel := context.WithCancel(ctxFor(t))
	done := make(chan error)
	go func() { done <- c.store(0).Run(ctx) }()
	cancel()
	check(t, <-done)
}
