package register

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
)

// sizes are the numbers of replicas that the same suite runs on.
var sizes = []int{1, 3}

func each(t *testing.T, f func(t *testing.T, c *cluster)) {
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) { f(t, newCluster(t, n)) })
	}
}

func TestUpdateAndRead(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, row := ctxFor(t), Row{1, "p", "k"}
		s := c.store(0)
		v, b, err := s.Read(ctx, row)
		if v != nil || !b.IsZero() || err != nil {
			t.Fatalf("absent row read as %v %v %v", v, b, err)
		}
		want := &Value{Data: []byte("d"), Blob: []byte("b"), Count: 3, Bytes: -4, Pending: true}
		_, err = s.Update(ctx, row, put(want))
		check(t, err)
		got, b, err := c.store(len(c.nodes)-1).Read(ctx, row)
		check(t, err)
		if fmt.Sprint(*got) != fmt.Sprint(*want) || b.IsZero() {
			t.Fatalf("read %v at %v, wrote %v", *got, b, *want)
		}
		_, err = s.Update(ctx, row, Change{Apply: func(*Value) (*Value, error) { return nil, errNo }})
		if !errors.Is(err, errNo) {
			t.Fatalf("refusal came back as %v", err)
		}
		_, err = s.Update(ctx, row, remove())
		check(t, err)
		if got, _, err := s.Read(ctx, row); got != nil || err != nil {
			t.Fatalf("deleted row read as %v %v", got, err)
		}
	})
}

func TestIncrementsAreNotLost(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		const workers, times = 8, 10
		ctx, row := ctxFor(t), Row{1, "p", "counter"}
		var wg sync.WaitGroup
		var unknown atomic.Int64
		for w := range workers {
			wg.Go(func() {
				for range times {
					_, err := c.store(w%len(c.nodes)).Update(ctx, row, Change{Apply: func(old *Value) (*Value, error) {
						n := 0
						if old != nil {
							_, _ = fmt.Sscan(string(old.Data), &n)
						}
						return text(fmt.Sprint(n + 1)), nil
					}})
					if errors.Is(err, errs.Unavailable) && len(c.nodes) > 1 {
						unknown.Add(1) // outrun by more than a row remembers
					} else if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		v, _, err := c.store(0).Read(ctx, row)
		check(t, err)
		var n int
		_, _ = fmt.Sscan(data(v), &n)
		if most := workers * times; n > most || n < most-int(unknown.Load()) {
			t.Fatalf("counted to %d, want %d, with %d unknown", n, most, unknown.Load())
		}
	})
}

func TestOneOfManyCreatorsWins(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx := ctxFor(t)
		var mu sync.Mutex
		won, lost := 0, 0
		var wg sync.WaitGroup
		for w := range 50 {
			wg.Go(func() {
				_, err := c.store(w%len(c.nodes)).Update(ctx, Row{1, "p", "k"}, Change{Apply: func(old *Value) (*Value, error) {
					if old != nil {
						return nil, errs.New(errs.Exists, "exists")
					}
					return text(fmt.Sprint(w)), nil
				}})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case errors.Is(err, errs.Exists):
					lost++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 || lost != 49 {
			t.Fatalf("%d won and %d lost", won, lost)
		}
	})
}

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, row := ctxFor(t), Row{1, "fresh", ""}
		s := c.store(0)
		check(t, s.Create(ctx, row, s.NewBallot(), text("x")))
		v, _, err := s.Read(ctx, row)
		check(t, err)
		if data(v) != "x" {
			t.Fatalf("read %s", data(v))
		}
	})
}

// TestCreateIsForeclosed: a Create that comes late fails above a tombstone that was put
// where its row was to come, and that was forgotten.
func TestCreateIsForeclosed(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, row := ctxFor(t), Row{1, "fresh", ""}
		maker, other := c.store(0), c.store(1%len(c.nodes))
		b := maker.NewBallot()
		b.Round += 1_000_000_000
		_, err := other.Update(ctx, row, Change{Above: b, AbsentToo: true, Apply: func(v *Value) (*Value, error) { return v, nil }})
		check(t, err)
		if len(c.nodes) == 1 {
			left, err := other.Forget(ctx, 0)
			check(t, err)
			if left > 0 {
				t.Fatal("the tombstone is not forgotten")
			}
		}
		if err := maker.Create(ctx, row, b, text("x")); errs.KindOf(err) != errs.Exists && errs.KindOf(err) != errs.Unavailable {
			t.Fatalf("it ends with %v", err)
		}
		if v, _, err := maker.Read(ctx, row); v != nil || err != nil {
			t.Fatalf("%v, %v", v, err)
		}
	})
}

// TestFloorsAreHeard: a node with a slow clock takes ballots above the floors it hears of.
func TestFloorsAreHeard(t *testing.T) {
	c := newCluster(t, 1)
	ctx, s := ctxFor(t), c.store(0)
	fast := s.NewBallot()
	fast.Round += 1_000_000_000
	_, err := s.Update(ctx, Row{1, "p", "k"}, Change{Ballot: fast, Apply: func(*Value) (*Value, error) { return text("x"), nil }})
	check(t, err)
	s.observe(fast)
	_, err = s.Update(ctx, Row{1, "p", "k"}, remove())
	check(t, err)
	_, err = s.Forget(ctx, 0)
	check(t, err)
	slow := NewCoordinator(Config{Node: nodeID(9), Clock: clock.System{}, Layout: func() *layout.Layout { return c.layout },
		Peer: func(id ident.NodeID) (Peer, error) { return c.link(id) }})
	defer slow.Close()
	_, _, err = slow.Read(ctx, Row{1, "p", "other"})
	check(t, err)
	check(t, slow.Create(ctx, Row{1, "p", "fresh"}, slow.NewBallot(), text("y")))
}

func TestFenceRefusesLowerEpochs(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, row := ctxFor(t), Row{1, "p", "k"}
		s := c.store(0)
		check(t, s.Fence(ctx, 1, "p", 5))
		ch := put(text("x"))
		ch.Epoch = 4
		if _, err := s.Update(ctx, row, ch); !errors.Is(err, errs.Conflict) {
			t.Fatalf("an update below the fence: %v", err)
		}
		ch.Epoch = 5
		_, err := s.Update(ctx, row, ch)
		check(t, err)
		if _, err := s.Update(ctx, Row{1, "q", "k"}, put(text("x"))); err != nil {
			t.Fatalf("an update elsewhere: %v", err)
		}
		for i := range c.nodes {
			c.crash(i)
		}
		ch.Epoch = 4
		if _, err := c.store(0).Update(ctx, row, ch); !errors.Is(err, errs.Conflict) {
			t.Fatalf("an update below the fence after a power cut: %v", err)
		}
	})
}

func TestBallotRules(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, row := ctxFor(t), Row{1, "p", "k"}
		s := c.store(0)
		first := s.NewBallot()
		later, err := s.Update(ctx, row, put(text("other")))
		check(t, err)
		// first is too low by now, so Raise is asked, and refuses.
		var raised Ballot
		_, err = s.Update(ctx, row, Change{Ballot: first, Apply: put(text("mine")).Apply, Raise: func(_ context.Context, b Ballot) error {
			raised = b
			return errNo
		}})
		if !errors.Is(err, errNo) || raised.Compare(first) <= 0 {
			t.Fatalf("raised to %v, got %v", raised, err)
		}
		v, at, err := s.Read(ctx, row)
		check(t, err)
		if data(v) != data(later) {
			t.Fatalf("row holds %s", data(v))
		}
		// An identity update above a ballot is written, another is not.
		identity := func(old *Value) (*Value, error) { return old, nil }
		_, err = s.Update(ctx, row, Change{Apply: identity})
		check(t, err)
		if _, b, _ := s.Read(ctx, row); b != at {
			t.Fatal("an identity update that fences nothing was written")
		}
		above := s.NewBallot()
		_, err = s.Update(ctx, row, Change{Apply: identity, Above: above})
		check(t, err)
		if _, b, _ := s.Read(ctx, row); b.Compare(above) <= 0 {
			t.Fatal("an identity update above a ballot was not written above it")
		}
	})
}

func TestAbsentToo(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, row := ctxFor(t), Row{1, "p", "k"}
		s := c.store(0)
		old := s.NewBallot()
		_, err := s.Update(ctx, row, Change{AbsentToo: true, Above: old, Apply: func(v *Value) (*Value, error) { return v, nil }})
		check(t, err)
		_, b, err := s.Read(ctx, row)
		check(t, err)
		if b.Compare(old) <= 0 {
			t.Fatalf("the absent row was not fenced: %v", b)
		}
	})
}

func TestLimits(t *testing.T) {
	c := newCluster(t, 1)
	ctx, s := ctxFor(t), c.store(0)
	big := strings.Repeat("x", MaxData+1)
	for name, err := range map[string]error{
		"data": errOf(s.Update(ctx, Row{1, "p", "k"}, put(text(big)))),
		"blob": errOf(s.Update(ctx, Row{1, "p", "k"}, put(&Value{Blob: []byte(big)}))),
		"key":  errOf(s.Update(ctx, Row{1, "p", big[:2000]}, put(text("")))),
	} {
		if !errors.Is(err, errs.TooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.Update(ctx, Row{1, "p", big[:1999]}, put(&Value{Data: []byte(big[:MaxData]), Blob: []byte(big[:MaxBlob])}))
	check(t, err)
}

func errOf(_ *Value, err error) error { return err }

func TestWorkListAndWeights(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx, s, local := ctxFor(t), c.store(0), c.nodes[0].rep
		var rows []Row
		var values []*Value
		for i := range 5 {
			row := Row{2, fmt.Sprint("p", i%2), fmt.Sprint(i)}
			v, err := s.Update(ctx, row, put(&Value{Data: []byte{byte(i)}, Pending: true, Count: 1, Bytes: 10}))
			check(t, err)
			rows, values = append(rows, row), append(values, v)
		}
		s.coordSettle(c)
		if n, err := local.PendingCount(ctx, 2); n != 5 || err != nil {
			t.Fatalf("%d rows are pending: %v", n, err)
		}
		first, err := local.Pending(ctx, 2, nil, 2)
		check(t, err)
		rest, err := local.Pending(ctx, 2, &first[1], 10)
		check(t, err)
		if len(first) != 2 || len(rest) != 3 {
			t.Fatalf("listed %v and %v", first, rest)
		}
		s.Settle(rows[0], values[1]) // not what the row holds
		s.Settle(rows[1], values[1])
		_, err = s.Update(ctx, rows[2], put(text("done")))
		check(t, err)
		s.coordSettle(c)
		if n, _ := local.PendingCount(ctx, 2); n != 3 {
			t.Fatalf("%d rows are pending, want 3", n)
		}
		count, bytes, err := s.Weight(ctx, 2, "p0")
		check(t, err)
		if count != 3 || bytes != 24 {
			t.Fatalf("weight %d %d", count, bytes)
		}
		_, err = s.Update(ctx, rows[0], remove())
		check(t, err)
		s.coordSettle(c)
		if count, bytes, _ := s.Weight(ctx, 2, "p0"); count != 2 || bytes != 14 {
			t.Fatalf("weight after a deletion %d %d", count, bytes)
		}
	})
}

// coordSettle waits for what majorities left behind.
func (c *Coordinator) coordSettle(cl *cluster) {
	for _, n := range cl.nodes {
		n.coord.Close()
	}
}

func TestMinorityAway(t *testing.T) {
	c := newCluster(t, 3)
	ctx, row := ctxFor(t), Row{1, "p", "k"}
	c.set(2, func(n *node) { n.down = true })
	_, err := c.store(0).Update(ctx, row, put(text("a")))
	check(t, err)
	c.set(2, func(n *node) { n.down = false })
	c.set(0, func(n *node) { n.down = true })
	v, _, err := c.store(2).Read(ctx, row)
	check(t, err)
	if data(v) != "a" {
		t.Fatalf("read %s", data(v))
	}
	c.set(1, func(n *node) { n.down = true })
	short, cancel := context.WithTimeout(ctx, 50_000_000)
	defer cancel()
	if _, err := c.store(2).Update(short, row, put(text("b"))); !errors.Is(err, errs.Unavailable) {
		t.Fatalf("an update without a majority: %v", err)
	}
}

func TestScanTellsOfAFence(t *testing.T) {
	c := newCluster(t, 3)
	ctx := ctxFor(t)
	c.set(2, func(n *node) { n.down = true })
	check(t, c.store(0).Fence(ctx, 1, "p", 3))
	c.set(2, func(n *node) { n.down = false })
	c.set(0, func(n *node) { n.down = true })
	for _, f := range []func() error{
		func() error { _, _, err := c.store(2).Read(ctx, Row{1, "p", "k"}); return err },
		func() error {
			_, err := c.store(2).Scan(ctx, Scan{Table: 1, Parts: []string{"p"}, Limit: 1})
			return err
		},
	} {
		check(t, f())
		if got := c.nodes[2].rep.fences.of(1, "p").told; got != 3 {
			t.Fatalf("the replica that was away is fenced at %d", got)
		}
	}
}
