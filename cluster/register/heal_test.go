package register

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// cut takes a home off the network or brings it back.
func (w *town) cut(i int, off bool) {
	for k := range w.homes {
		if k == i {
			continue
		}
		a, b := w.homes[i].id, w.homes[k].id
		if off {
			w.net.Cut(a, b)
			w.net.Cut(b, a)
		} else {
			w.net.Heal(a, b)
			w.net.Heal(b, a)
		}
	}
}

// alike reports whether all replicas hold the same rows.
func (w *town) alike() bool {
	seen := make(map[string]int)
	for _, h := range w.homes {
		_ = Records(context.Background(), h.kv, func(r RawRecord) error {
			seen[fmt.Sprint(r.Row, r.Cell.Ballot, r.Cell.Soft)]++
			return nil
		}, nil)
	}
	for _, n := range seen {
		if n != len(w.homes) {
			return false
		}
	}
	return true
}

// TestHealing writes while a replica is away and looks for what it missed.
func TestHealing(t *testing.T) {
	w := newTown(t, 3, "123", "p0", "p1")
	ctx, s := ctxFor(t), w.homes[0].coord
	row := func(i int) Row { return Row{1, fmt.Sprint("p", i%2), fmt.Sprint(i)} }
	for i := range 40 {
		_, err := s.Update(ctx, row(i), put(text("old")))
		check(t, err)
	}
	w.cut(2, true)
	for i := range 60 {
		ch := put(text("new"))
		if i%3 == 0 {
			ch = remove()
		}
		_, err := s.Update(ctx, row(i), ch)
		check(t, err)
	}
	if left, err := s.Forget(ctx, 0); err != nil || left == 0 {
		t.Fatalf("%d tombstones wait while a replica is away: %v", left, err)
	}
	if w.alike() {
		t.Fatal("the replica that was away missed nothing")
	}
	// An attempt that came to nothing leaves a promise above what is handed over.
	_, err := w.homes[2].rep.Prepare(ctx, 1, row(1), Ballot{Round: 1 << 62})
	check(t, err)
	w.cut(2, false)
	s.LinkUp(w.homes[2].id)
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- s.Heal(run) }()
	eventually(t, "alike", w.alike)
	stop()
	check(t, <-done)
	for _, h := range w.homes {
		agree(t, h.rep)
		eventually(t, "forgotten", func() bool {
			left, err := h.coord.Forget(ctx, 0)
			return err == nil && left == 0
		})
	}
	w.holdsAfterHealing(t, row)
	w.quiet(t)
}

func (w *town) holdsAfterHealing(t *testing.T, row func(int) Row) {
	for i := range 60 {
		v, _, err := w.homes[2].coord.Read(ctxFor(t), row(i))
		check(t, err)
		if want := map[bool]string{true: "<absent>", false: "new"}[i%3 == 0]; data(v) != want {
			t.Fatalf("row %d is %s", i, data(v))
		}
	}
}

// quiet checks that comparing equal replicas fetches nothing but digests.
func (w *town) quiet(t *testing.T) {
	t.Helper()
	for _, h := range w.homes {
		h.coord.Close() // what was left behind
	}
	w.net.Counts()
	for i := range w.homes {
		check(t, w.homes[0].coord.healWith(ctxFor(t), w.homes[i].id, nil))
	}
	for at, n := range w.net.Counts() {
		if at.Method != methodDigests {
			t.Errorf("%d calls of method %x", n, rpc.Method(at.Method))
		}
	}
}

// attempt makes one comparison, with one node, whatever is due when, and returns how it went.
func (c *Coordinator) attempt(ctx context.Context, n ident.NodeID) error {
	e := c.heal.nodes[n]
	e.at = time.Now()
	err := errors.New("nothing is due")
	c.heal.begin(func(k ident.NodeID, partitions map[int]struct{}) {
		if k == n {
			err = nil
		}
	})
	if err == nil {
		partitions := e.partitions
		err = c.healWith(ctx, n, partitions)
		c.heal.ended(n, partitions, err)
	}
	return err
}

// TestHealingKeepsWhatFailed misses more while a comparison fails.
func TestHealingKeepsWhatFailed(t *testing.T) {
	w := newTown(t, 2, "12", "p0", "p1")
	c, away := w.homes[0].coord, w.homes[1].id
	more := func(n ident.NodeID) (Source, error) {
		c.heal.add(n, w.hot[1])
		return nil, errNotYet
	}
	c.cfg.Local.options.Source = more
	c.heal.add(away, w.hot[0])
	if c.attempt(ctxFor(t), away) == nil {
		t.Fatal("nothing is left though nothing was compared")
	}
	due := c.heal.nodes[away]
	for _, p := range w.hot {
		if _, ok := due.partitions[p]; !ok || !due.due {
			t.Errorf("partition %d is not compared again: %+v", p, due)
		}
	}
	c.heal.add(away)
	if c.attempt(ctxFor(t), away) == nil {
		t.Fatal("nothing is left though nothing was compared")
	}
	if due := c.heal.nodes[away]; !due.due || due.partitions != nil {
		t.Errorf("not all is compared again: %+v", due)
	}
}

// TestHealingWaitsForNobodyElse: a node that is away holds up neither what another missed,
// nor itself once it is back.
func TestHealingWaitsForNobodyElse(t *testing.T) {
	w := newTown(t, 3, "123", "p0")
	c, away, other := w.homes[0].coord, w.homes[1].id, w.homes[2].id
	c.cfg.Local.options.Source = func(ident.NodeID) (Source, error) { return nil, errNotYet }
	soon := func(n ident.NodeID) bool { return time.Until(c.heal.nodes[n].at) <= healSoon }
	c.heal.add(away)
	for range 9 {
		if c.attempt(ctxFor(t), away) == nil {
			t.Fatal("it was not away")
		}
		c.heal.add(away, w.hot[0]) // what it misses does not make it answer
	}
	if soon(away) {
		t.Error("a node that is away is asked all the time")
	}
	if c.heal.add(other, w.hot[0]); !soon(other) {
		t.Error("what another node missed waits for the one that is away")
	}
	if c.LinkUp(away); !soon(away) {
		t.Error("a node that is back waits as if it were away")
	}
	c.attempt(ctxFor(t), away)
	if pause := c.heal.nodes[away].pause; pause > 2*healSoon {
		t.Errorf("the next attempt comes after %v", pause)
	}
}

// shortPages is a source whose pages have a few rows.
type shortPages struct{ Source }

func (s shortPages) Heads(ctx context.Context, q HeadsQuery) (*Heads, error) {
	h, err := s.Source.Heads(ctx, q)
	if err == nil && len(h.Heads) > 7 {
		h = &Heads{Heads: h.Heads[:7], More: true, Next: rowKey(headKey, h.Heads[7].Row)[1:]}
	}
	return h, err
}

// TestHealingGoesOnceThrough: a replica that lacks rows in all buckets costs one walk.
func TestHealingGoesOnceThrough(t *testing.T) {
	w := newTown(t, 3, "123", "p0", "p1")
	ctx, s := ctxFor(t), w.homes[0].coord
	fill := func(n int) {
		t.Helper()
		w.cut(2, true)
		for i := range n {
			_, err := s.Update(ctx, Row{Table(1 + i%3), fmt.Sprint("p", i%2), fmt.Sprint(n, i)}, put(text("new")))
			check(t, err)
		}
		w.cut(2, false)
		s.Close() // what was left behind
	}
	fill(400)
	w.net.Counts()
	check(t, s.healWith(ctx, w.homes[2].id, nil))
	for at, n := range w.net.Counts() {
		if at.Method == methodHeads && n > len(w.hot) {
			t.Errorf("%d walks through %d partitions", n, len(w.hot))
		}
	}
	if !w.alike() {
		t.Error("rows are still missing")
	}
	fill(50)
	source := s.cfg.Local.options.Source
	s.cfg.Local.options.Source = func(n ident.NodeID) (Source, error) {
		src, err := source(n)
		return shortPages{src}, err
	}
	check(t, s.healWith(ctx, w.homes[2].id, nil))
	if !w.alike() {
		t.Error("rows are missing behind a page's end")
	}
}

// TestHealingBehindAFinalFence: what came through a final fence reaches a replica that promised
// more meanwhile; what did not come through is not chosen by healing.
func TestHealingBehindAFinalFence(t *testing.T) {
	w := newTown(t, 3, "123", "p0")
	ctx, s, late := ctxFor(t), w.homes[0].coord, w.homes[2]
	through, short := Row{1, "p0", "through"}, Row{1, "p0", "short"}
	for _, row := range []Row{through, short} {
		_, err := s.Update(ctx, row, put(text("old")))
		check(t, err)
	}
	s.Close() // what was left behind: all three hold it
	w.cut(2, true)
	before, _, err := s.Read(ctx, short)
	check(t, err)
	a, err := late.rep.Read(ctx, 1, short)
	check(t, err)
	rec := a.Record // somebody's change that only this one took
	rec.Ballot, rec.Value = Ballot{Round: rec.Ballot.Round + 1<<40}, text("lost")
	_, err = late.rep.Accept(ctx, 1, short, rec)
	check(t, err)
	check(t, s.Fence(ctx, 1, "p0", EpochFinal))
	end := remove()
	end.Epoch = EpochFinal
	_, err = s.Update(ctx, through, end)
	check(t, err)
	_, err = late.rep.Prepare(ctx, 1, through, Ballot{Round: 1 << 62})
	check(t, err)
	w.cut(2, false)
	check(t, s.healWith(ctx, late.id, nil))
	s.Close()
	if a, err := late.rep.Read(ctx, 1, through); err != nil || a.Record.Value != nil {
		t.Errorf("the replica that was away holds %+v, %v", a.Record, err)
	}
	if v, _, err := s.Read(ctx, short); err != nil || data(v) != data(before) {
		t.Errorf("what the fence kept out is %s, %v", data(v), err)
	}

	// Where a majority cannot say, a change that passes the fence decides.
	w.cut(1, true)
	scan := Scan{Table: 1, Parts: []string{"p0"}, Limit: 10, Fence: EpochFinal}
	var open *UnsettledError
	if _, err := s.Scan(ctx, scan); !errors.As(err, &open) || open.Row != short || !errors.Is(err, ErrFenced) {
		t.Fatalf("a scan over a row that nobody may settle: %v", err)
	}
	_, err = s.Update(ctx, short, end)
	check(t, err)
	if p, err := s.Scan(ctx, scan); err != nil || len(p.Entries) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
}
