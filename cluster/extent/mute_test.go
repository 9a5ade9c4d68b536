package extent

import (
	"context"
	"errors"
	"slices"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// TestMuteHolderIsNotAskedAgain: whoever writes after a writer that waited in vain for a
// holder does not wait for it too, unless it is needed.
func TestMuteHolderIsNotAskedAgain(t *testing.T) {
	h := newHomes(t, 3)
	x, every := h.all[0], []ident.NodeID{homeID(0), homeID(1), homeID(2)}
	if got := x.reachable(every, 2); len(got) != 3 {
		t.Fatal("asked before:", got)
	}
	way := func(w rpc.Way) { h.net.SetWay(homeID(0), homeID(2), w) }
	_, err := x.half("k", noise(12*FrameSize), func() { way(rpc.Way{Rate: 1 << 10}) })
	must(t, err)
	defer way(rpc.Way{})
	if got := x.reachable(every, 2); !slices.Equal(got, every[:2]) {
		t.Error("asked after:", got)
	}
	if got := x.reachable(every, 3); len(got) != 3 {
		t.Error("of three needed, asked:", got)
	}
	x.mute.forget(homeID(2))
	if got := x.reachable(every, 2); len(got) != 3 {
		t.Error("asked when it was heard again:", got)
	}
}

// TestOneNodeLeavesPlaces: streams of one node, which may be gone, leave places to others.
func TestOneNodeLeavesPlaces(t *testing.T) {
	const n = 8
	a, life := newTurns(n), context.Background()
	gone, cancel := context.WithCancel(life)
	cancel()
	enter := func(i int) (func(), error) {
		if len(a.join(homeID(i))) < n/2 && len(a.all) < n { // else it would wait
			a.part(homeID(i))
			return a.enter(life, life, homeID(i))
		}
		a.part(homeID(i))
		return a.enter(gone, life, homeID(i))
	}
	var leave []func()
	for i := range 2 {
		for range n / 2 {
			l, err := enter(i)
			must(t, err)
			leave = append(leave, l)
		}
		if _, err := enter(i); !errors.Is(err, errs.Unavailable) {
			t.Fatal(i, "has more than its share:", err)
		}
	}
	if _, err := enter(2); !errors.Is(err, errs.Unavailable) {
		t.Fatal("more than all:", err)
	}
	for _, l := range leave {
		l()
	}
	if len(a.nodes) != 0 || len(a.all) != 0 {
		t.Fatal("places are kept:", len(a.nodes), len(a.all))
	}
}
