package extent

import (
	"context"
	"fmt"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// moving are places that change while somebody asks who holds an extent: who asked before
// goes by the layout before.
type moving struct {
	*homes
	then func()
}

func (m *moving) Holders(id ident.ID) []ident.NodeID {
	out := m.homes.Holders(id)
	if f := m.then; f != nil {
		m.then = nil
		f()
	}
	return out
}

// TestNobodyReliesOnWhatLeaves: bytes move away and come back while the old holder is about
// to delete them. It must not be the reason why the other one deletes them too.
func TestNobodyReliesOnWhatLeaves(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 1, voters: 2})
	x, other := h.all[0], h.all[1]
	p := x.keep("k", noise(1000))
	h.settle()
	h.relay(1)
	other.mend.add(p.Extent, Missing, 0, 0)
	other.mendOnce()
	h.wantOn(p.Extent, 0, 1)
	var have []haveRecord
	x.Store.places = &moving{homes: h, then: func() {
		h.mu.Lock()
		h.holders, h.former = []ident.NodeID{x.id}, []ident.NodeID{other.id}
		h.mu.Unlock()
		var err error
		have, err = x.have(ctx, other.id, []ident.ID{p.Extent})
		must(t, err)
	}}
	must(t, x.leave(ctx, p.Extent))
	if len(have) != 1 {
		t.Fatal("nobody asked")
	}
	if have[0].There && !x.has(p.Extent) {
		t.Error("it said that it has what it deleted")
	}
	h.settle()
	h.sweep(1)
	h.settle()
	h.wantOn(p.Extent, 0)
	h.wantBytes(0, p, noise(1000))
}

// TestLostIsFoundAgain: what no node had is looked for when one comes back that may have it.
func TestLostIsFoundAgain(t *testing.T) {
	h := newHomes(t, 3)
	plain := noise(FrameSize)
	p := h.all[0].keep("k", plain)
	h.settle()
	x := h.all[2]
	must(t, x.disks.Delete(ctx, p.Extent))
	x.mend.lose(p.Extent, true)
	x.LinkUp(h.all[1].id)
	h.settle()
	h.wantOn(p.Extent, 0, 1, 2)
	if q := x.Progress(); q.Lost != 0 {
		t.Errorf("%+v", q)
	}
}

// oneAway is registers of which one row cannot be read.
type oneAway struct {
	register.Store
	row register.Row
}

func (s *oneAway) Read(ctx context.Context, row register.Row) (*register.Value, register.Ballot, error) {
	if row == s.row {
		return nil, register.Ballot{}, errs.New(errs.Unavailable, "its partition has no majority")
	}
	return s.Store.Read(ctx, row)
}

func (s *oneAway) ReadAll(ctx context.Context, rows ...register.Row) ([]*register.Value, error) {
	out := make([]*register.Value, len(rows))
	for i, row := range rows {
		var err error
		if out[i], _, err = s.Read(ctx, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// TestOneRowKeepsNoOthers: a row that cannot be read keeps the sweep, and what moves, from
// nothing but its own extent.
func TestOneRowKeepsNoOthers(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 2, voters: 4})
	var kept []Piece
	for i := range 5 {
		kept = append(kept, h.all[0].keep(fmt.Sprint(i), noise(1000)))
	}
	h.settle()
	h.spread()
	x := h.all[0]
	x.Store.regs = &oneAway{x.regs, Row(kept[0].Extent)}
	h.mu.Lock()
	h.former, h.holders = h.holders, []ident.NodeID{homeID(2), homeID(3)}
	h.mu.Unlock()
	rep, err := x.Sweep(ctx, func(ident.ID) {})
	wantKind(t, err, errs.Unavailable)
	if rep.Failed != 1 || rep.Queued != 4 {
		t.Errorf("%+v", rep)
	}
	x.mend.add(kept[0].Extent, Moved, 0, 0)
	h.sweep(2, 3)
	h.settle()
	for i, p := range kept {
		if x.has(p.Extent) != (i == 0) {
			t.Errorf("extent %d lies here: %v", i, x.has(p.Extent))
		}
	}
}
