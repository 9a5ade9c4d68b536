package node

import (
	"slices"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/disk/kv"
	"rhizome/net/rpc"
)

// TestFormerHoldersAreKnown: who had bytes is asked for them even when all nodes say that
// they have nothing left to fetch, which they do as long as they have not heard of rows.
func TestFormerHoldersAreKnown(t *testing.T) {
	place := func(n byte) layout.Node {
		return layout.Node{ID: ident.NodeID{n}, Zone: "home", Capacity: 1 << 30}
	}
	one := layout.Single(ident.New(), place(1))
	two, err := layout.Next(one, layout.Add(place(2)), layout.Drain(ident.NodeID{1}, true))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := kv.Open(vfs.NewCrashable(), "rows", kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	net := rpc.NewMemory(rpc.MemoryOptions{})
	defer net.Close()
	m, err := membership.Open(membership.Config{Node: ident.NodeID{3}, Rows: rows, Clock: clock.System{},
		Links: net.Node(ident.NodeID{3}, nil), Dial: func(ident.NodeID, []string) {}}, one, two)
	if err != nil {
		t.Fatal(err)
	}
	var cards []membership.Card
	for n := byte(1); n <= 2; n++ {
		cards = append(cards, membership.Card{Node: ident.NodeID{n}, Edition: 1, Layout: two.Version})
	}
	if err := m.KeepCards(cards); err != nil {
		t.Fatal(err)
	}
	p, id := plans{m}, ident.New()
	if got := p.Holders(id); !slices.Equal(got, []ident.NodeID{{2}}) {
		t.Fatalf("the holders are %v", got)
	}
	if got := p.Former(id); !slices.Equal(got, []ident.NodeID{{1}}) {
		t.Errorf("the former holders are %v", got)
	}
}
