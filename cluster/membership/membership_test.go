package membership

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/disk/kv"
	"rhizome/net/rpc"
)

// club is some nodes in one process.
type club struct {
	t     *testing.T
	ctx   context.Context
	net   *rpc.Memory
	nodes map[byte]*node
}

type node struct {
	*Members
	id   ident.NodeID
	fs   vfs.FS
	rows *kv.Store
	link *rpc.MemoryNode
	mu   sync.Mutex
	told map[ident.NodeID][]string // where others are, as the links were told
	stop context.CancelFunc
	done chan struct{}
}

func id(n byte) ident.NodeID { return ident.NodeID{n} }

func place(n byte, zone string) layout.Node {
	return layout.Node{ID: id(n), Zone: zone, Capacity: 1 << 30}
}

func newClub(t *testing.T) *club {
	ctx, cancel := context.WithCancel(t.Context())
	c := &club{t: t, ctx: ctx, nodes: map[byte]*node{},
		net: rpc.NewMemory(rpc.MemoryOptions{Seed: 1, Way: rpc.Way{Delay: 10 * time.Millisecond}})}
	t.Cleanup(func() {
		cancel()
		for n := range c.nodes {
			c.stop(n)
		}
		c.net.Close()
	})
	return c
}

// start brings a node up, with these layouts if it has none.
func (c *club) start(n byte, first ...*layout.Layout) *node {
	c.t.Helper()
	old := c.nodes[n]
	x := &node{id: id(n), done: make(chan struct{}), told: map[ident.NodeID][]string{}}
	if x.fs = vfs.NewCrashable(); old != nil {
		x.fs = old.fs
	}
	var err error
	if x.rows, err = kv.Open(x.fs, "rows", kv.Options{}); err != nil {
		c.t.Fatal(err)
	}
	g := &late{}
	links := c.net.Node(x.id, g)
	x.link = links
	x.Members, err = Open(Config{
		Node: x.id, Rows: x.rows, Clock: clock.System{}, Links: links, Dial: x.dialled,
		Adopt: func(*layout.Layout) {}, Logger: slog.New(slog.DiscardHandler),
		Describe: func(card *Card) {
			card.Release = "test"
			card.Imported = make([]byte, 128)
			for i := range card.Imported {
				card.Imported[i] = 0xff
			}
		},
	}, first...)
	if err != nil {
		c.t.Fatal(err)
	}
	g.set(x.Members)
	links.OnLink(x.Linked)
	ctx, cancel := context.WithCancel(c.ctx)
	x.stop = cancel
	go func() {
		defer close(x.done)
		if err := x.Run(ctx); err != nil {
			c.t.Error(err)
		}
	}()
	c.nodes[n] = x
	return x
}

// dialled notes where another node is said to be.
func (x *node) dialled(n ident.NodeID, at []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.told[n] = at
}

func (c *club) stop(n byte) {
	x := c.nodes[n]
	c.net.Crash(x.id)
	x.stop()
	<-x.done
	_ = x.link.Close() // waits for what is being answered
	if x.rows != nil {
		_ = x.rows.Close()
		x.rows = nil
	}
}

// late is a guard that lets everybody in until there are members.
type late struct {
	mu sync.Mutex
	m  *Members
}

func (l *late) set(m *Members) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.m = m
}

func (l *late) Member(id ident.NodeID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.m == nil || l.m.Member(id)
}

// add brings a node in through another.
func (c *club) add(through *node, n byte, zone string) *node {
	c.t.Helper()
	l, err := through.Change(c.ctx, 0, func(*layout.Layout) []layout.Change { return []layout.Change{layout.Add(place(n, zone))} })
	if err != nil {
		c.t.Fatal(err)
	}
	x := c.start(n, l)
	if err := x.KeepCards(through.Cards()); err != nil {
		c.t.Fatal(err)
	}
	return x
}

func (c *club) agree(version uint64) {
	c.t.Helper()
	for n, x := range c.nodes {
		ctx, cancel := context.WithTimeout(c.ctx, 3*Period)
		err := x.Await(ctx, func() bool { return x.Layout().Version >= version && x.allUp() })
		cancel()
		if err != nil {
			c.t.Fatalf("node %d has layout %d and peers %+v: %v", n, x.Layout().Version, x.Peers(), err)
		}
	}
}

func (x *node) allUp() bool {
	for _, p := range x.Peers() {
		if !p.Up || p.Release != "test" || p.Layout < x.Layout().Version {
			return false
		}
	}
	return true
}

func three(t *testing.T) (*club, *node) {
	c := newClub(t)
	a := c.start(1, layout.Single(ident.ID{1}, place(1, "lyon")))
	c.add(a, 2, "brest")
	c.add(a, 3, "lille")
	c.agree(3)
	return c, a
}

func TestNodesFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := three(t)
		if got := len(c.nodes[3].Peers()); got != 2 {
			t.Errorf("the third node knows %d others", got)
		}
		if _, agreed := a.Clock().Skew(); !agreed {
			t.Error("three clocks of one machine do not agree")
		}
		if a.Member(id(9)) || !a.Member(id(2)) {
			t.Error("who is a member is not what the layout says")
		}
	})
}

func TestOfTwoChangesAtOnceOneWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := three(t)
		base := a.Layout().Version
		results := make(chan error, 2)
		for n, bytes := range map[byte]int64{1: 5 << 30, 2: 6 << 30} {
			go func() {
				_, err := c.nodes[n].Change(c.ctx, base, func(*layout.Layout) []layout.Change {
					return []layout.Change{layout.Capacity(id(n), bytes)}
				})
				results <- err
			}()
		}
		first, second := <-results, <-results
		if (first == nil) == (second == nil) {
			t.Errorf("the two changes ended with %v and %v", first, second)
		}
		if lost := errors.Join(first, second); !errors.Is(lost, errs.Conflict) {
			t.Errorf("the one that lost was told %v", lost)
		}
		c.agree(base + 1)
		for n, x := range c.nodes {
			if x.Layout().Version != base+1 {
				t.Errorf("node %d has layout %d", n, x.Layout().Version)
			}
		}
	})
}

func TestAChangeNeedsAMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := three(t)
		c.net.Cut(id(1), id(2))
		c.net.Cut(id(1), id(3))
		grow := func(*layout.Layout) []layout.Change { return []layout.Change{layout.Capacity(id(1), 7<<30)} }
		if _, err := a.Change(c.ctx, 0, grow); !errors.Is(err, errs.Unavailable) {
			t.Errorf("a change of one node of three ends with %v", err)
		}
		other := func(*layout.Layout) []layout.Change { return []layout.Change{layout.Capacity(id(2), 8<<30)} }
		l, err := c.nodes[2].Change(c.ctx, 0, other)
		if err != nil || l.Version != 4 {
			t.Fatalf("a change of two nodes of three ends with %v", err)
		}
		c.net.Heal(id(1), id(2))
		c.net.Heal(id(1), id(3))
		c.agree(4)
		if got := a.Layout().Node(id(2)).Capacity; got != 8<<30 {
			t.Errorf("the node that was cut off sees a capacity of %d", got)
		}
	})
}

func TestANodeComesBackWithWhatItKnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := three(t)
		edition := c.nodes[3].Cards()[0].Edition
		c.stop(3)
		if _, err := a.Change(c.ctx, 0, func(*layout.Layout) []layout.Change { return []layout.Change{layout.Capacity(id(1), 7<<30)} }); err != nil {
			t.Fatal(err)
		}
		x := c.start(3)
		if x.Layout().Version != 3 {
			t.Errorf("it starts with layout %d", x.Layout().Version)
		}
		c.agree(4)
		if card, _ := a.Card(id(3)); card.Edition <= edition {
			t.Errorf("its card has edition %d, and had %d before", card.Edition, edition)
		}
	})
}

func TestARemovedNodeIsNoMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := three(t)
		if _, err := a.Change(c.ctx, 0, func(*layout.Layout) []layout.Change { return []layout.Change{layout.RemoveLost(id(3))} }); err != nil {
			t.Fatal(err)
		}
		if a.Member(id(3)) || len(a.Peers()) != 1 {
			t.Error("the node is still a member")
		}
		if err := c.nodes[3].Exchange(c.ctx, id(1)); !errors.Is(err, errs.Denied) {
			t.Errorf("it is answered: %v", err)
		}
		ctx, cancel := context.WithTimeout(c.ctx, 3*Period)
		defer cancel()
		if err := c.nodes[3].Await(ctx, func() bool { return c.nodes[3].Peers()[0].Refuses }); err != nil {
			t.Error("it does not hear that it was removed", err)
		}
	})
}

// TestTwoHistoriesAreToldApart: one node of three recovers alone while the two others, of
// which one is then lost, decide something else. Both that are left refuse each other.
func TestTwoHistoriesAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := three(t)
		old := a.Layout()
		c.net.Cut(id(1), id(2))
		c.net.Cut(id(1), id(3))
		grow := func(*layout.Layout) []layout.Change { return []layout.Change{layout.Capacity(id(2), 7<<30)} }
		if _, err := c.nodes[2].Change(c.ctx, 0, grow); err != nil {
			t.Fatal(err)
		}
		c.knows(3, old.Version+1)
		c.stop(2)
		l, err := a.Recover(c.ctx, old.Version, id(2))
		if err != nil || l.After != old.Version {
			t.Fatal(l, err)
		}
		c.net.Heal(id(1), id(3))
		x := c.nodes[3]
		ctx, cancel := context.WithTimeout(c.ctx, 3*Period)
		defer cancel()
		for _, m := range []*node{a, x} {
			if err := m.Await(ctx, func() bool { return m.parted() == 1 }); err != nil {
				t.Fatal(err, m.Peers())
			}
		}
		if a.Member(id(3)) || x.Member(id(1)) || a.Up(id(3)) {
			t.Error("nodes of two histories take each other for members")
		}
		if l := x.Layout(); l.Version != old.Version+1 || l.Lineage != old.Lineage {
			t.Errorf("the other took up layout %d", l.Version)
		}
		next, err := a.Recover(c.ctx, 0, id(3))
		if err != nil || len(next.Nodes) != 1 {
			t.Error("it cannot go on without the other", err)
		}
	})
}

// knows waits until a node has a layout.
func (c *club) knows(n byte, version uint64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 3*Period)
	defer cancel()
	if err := c.nodes[n].Await(ctx, func() bool { return c.nodes[n].Layout().Version == version }); err != nil {
		c.t.Fatal(err)
	}
}

func (x *node) parted() (n int) {
	for _, p := range x.Peers() {
		if p.Apart != nil {
			n++
		}
	}
	return n
}

// TestARecoveryAsksFirst: who is to be left behind must not answer, and what others know is
// learned before.
func TestARecoveryAsksFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := three(t)
		if _, err := a.Recover(c.ctx, 0, id(2)); !errors.Is(err, errs.Conflict) {
			t.Errorf("a node that answers is left behind: %v", err)
		}
		base := a.Layout().Version
		c.net.Cut(id(1), id(2))
		c.net.Cut(id(1), id(3))
		grow := func(*layout.Layout) []layout.Change { return []layout.Change{layout.Capacity(id(2), 7<<30)} }
		if _, err := c.nodes[2].Change(c.ctx, 0, grow); err != nil {
			t.Fatal(err)
		}
		c.knows(3, base+1)
		c.stop(2)
		c.net.Heal(id(1), id(3))
		if _, err := a.Recover(c.ctx, base, id(2)); !errors.Is(err, errs.Conflict) || a.Layout().Version != base+1 {
			t.Errorf("it recovers from layout %d, others have a newer one: %v", base, err)
		}
		l, err := a.Recover(c.ctx, 0, id(2))
		if err != nil || l.After != base+1 {
			t.Fatal(err)
		}
		c.knows(3, l.Version)
	})
}

// TestAnAddressThatAPersonGave: it is kept over a restart, in front of those that were known.
func TestAnAddressThatAPersonGave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := three(t)
		c.stop(2)
		x := c.nodes[3]
		const at, own = "/ip4/192.0.2.7/tcp/3901", "/ip4/10.0.0.7/tcp/3901"
		if err := x.SetAddresses(id(2), []string{at}); err != nil {
			t.Fatal(err)
		}
		if err := x.SetAddresses(id(9), []string{at}); !errors.Is(err, errs.NotFound) {
			t.Errorf("a stranger has an address: %v", err)
		}
		is := func(when string, want ...string) {
			t.Helper()
			for _, p := range x.Peers() {
				if p.Node == id(2) && !slices.Equal(p.Addresses, want) {
					t.Errorf("%s it is looked for at %q", when, p.Addresses)
				}
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			if got := x.told[id(2)]; !slices.Equal(got, want) {
				t.Errorf("%s the links were told %q", when, got)
			}
		}
		is("at first", at)
		c.stop(3)
		x = c.start(3)
		is("after a restart", at)
		if err := x.take(Card{Node: id(2), Edition: 1 << 50, Addresses: []string{own}}); err != nil {
			t.Fatal(err)
		}
		is("after its card came", at, own)
		c.stop(3)
		x = c.start(3)
		is("after a restart with its card", at, own)
		if err := x.SetAddresses(id(2), nil); err != nil {
			t.Fatal(err)
		}
		is("after that was taken back", own)
		c.stop(3)
		x = c.start(3)
		is("after a restart without", own)
	})
}

// TestALayoutWithoutALineageIsRefused: it may be of either history, so that whoever names
// it is neither heard nor taken for a node of another.
func TestALayoutWithoutALineageIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := three(t)
		request := codec.Encode(&ask{Card: Card{Node: id(2), Edition: 99}, Layout: a.Layout().Version})
		if _, err := a.answer(t.Context(), id(2), request); !errors.Is(err, errs.Invalid) || a.parted() != 0 || !a.Member(id(2)) {
			t.Errorf("%v, %d apart", err, a.parted())
		}
	})
}
