package rpc

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"rhizome/base/ident"
)

// Memory is a network inside one process, for tests. It opens no socket and waits on
// timers alone, so that it runs under fake time (testing/synctest) too. What is decided
// by chance comes from a seed, one source for each direction. All methods are safe for
// concurrent use.
type Memory struct {
	opts  MemoryOptions
	tasks sync.WaitGroup // messages under way and handlers at work

	mu     sync.Mutex
	nodes  map[ident.NodeID]*MemoryNode // those alive
	ways   map[edge]*way
	counts map[Count]int
	ups    map[edge]bool // what was told to watchers

	news    []func() // what is to be told to watchers
	telling bool
}

// MemoryOptions says how the network behaves; the zero value is a network without
// delay and loss.
type MemoryOptions struct {
	Seed uint64
	// Way is how each direction behaves until SetWay says otherwise.
	Way Way
	// Detect is how long it takes to notice that nothing comes through: a call whose
	// request or answer was lost fails after it, and a cut link counts as up until then.
	// Zero is 4.5 seconds, as with real links; below zero is at once.
	Detect time.Duration
}

// Way is how messages travel from one node to another.
type Way struct {
	Delay  time.Duration // of each message
	Jitter time.Duration // at most so much more, by chance
	Loss   float64       // the share of calls' messages that vanish, 0 to 1; bytes of streams come late instead
	Rate   int           // bytes of streams per second; zero is no limit
}

// Count names what is counted: calls and streams begun, not those to oneself.
type Count struct {
	From, To ident.NodeID
	Method   Method
}

type edge struct{ from, to ident.NodeID }

func (e edge) back() edge { return edge{e.to, e.from} }

// way is one direction.
type way struct {
	Way
	chance *rand.Rand
	cut    bool
	since  time.Time     // when it was cut
	change chan struct{} // closed when cut changes
	free   time.Time     // when the last byte of streams has left
}

// NewMemory returns a network without nodes.
func NewMemory(o MemoryOptions) *Memory {
	switch {
	case o.Detect == 0:
		o.Detect = 4500 * time.Millisecond
	case o.Detect < 0:
		o.Detect = 0
	}
	return &Memory{opts: o, nodes: map[ident.NodeID]*MemoryNode{}, ways: map[edge]*way{},
		counts: map[Count]int{}, ups: map[edge]bool{}}
}

// Node starts a node, or starts it anew: one of that name that lives is crashed first.
// Without a guard everyone is a member.
func (n *Memory) Node(id ident.NodeID, guard Guard) *MemoryNode {
	n.Crash(id)
	return n.start(id, guard, &Table{})
}

// NewLoop returns a node alone, for calls and streams to oneself: whoever implements Links
// hands those on to it. Its Close waits for the handlers.
func NewLoop(id ident.NodeID, t *Table) *MemoryNode {
	n := NewMemory(MemoryOptions{}).start(id, nil, t)
	n.alone = true
	return n
}

func (n *Memory) start(id ident.NodeID, guard Guard, t *Table) *MemoryNode {
	node := &MemoryNode{Table: t, net: n, id: id, guard: guard, open: map[*memoryStream]struct{}{}}
	node.life, node.end = context.WithCancel(context.Background())
	n.mu.Lock()
	n.nodes[id] = node
	n.mu.Unlock()
	n.tell()
	return node
}

// Crash ends a node at once: its handlers vanish, calls from and to it fail. It does
// not wait for its handlers; Close does.
func (n *Memory) Crash(id ident.NodeID) {
	n.mu.Lock()
	node := n.nodes[id]
	n.mu.Unlock()
	if node != nil {
		n.crash(node)
	}
}

// crash ends one life of a node; that of its name which began later goes on.
func (n *Memory) crash(node *MemoryNode) {
	n.mu.Lock()
	if n.nodes[node.id] == node {
		delete(n.nodes, node.id)
	}
	n.mu.Unlock()
	node.end()
	node.drop(func(*memoryStream) bool { return true }, errGone())
	n.tell()
}

// Close crashes every node and waits until nothing runs.
func (n *Memory) Close() {
	n.mu.Lock()
	var ids []ident.NodeID
	for id := range n.nodes {
		ids = append(ids, id)
	}
	n.mu.Unlock()
	for _, id := range ids {
		n.Crash(id)
	}
	n.tasks.Wait()
}

// SetWay says how one direction behaves from here on.
func (n *Memory) SetWay(from, to ident.NodeID, w Way) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.way(edge{from, to}).Way = w
}

// Cut lets nothing through in one direction until Heal.
func (n *Memory) Cut(from, to ident.NodeID) { n.setCut(edge{from, to}, true) }

// Heal undoes Cut.
func (n *Memory) Heal(from, to ident.NodeID) { n.setCut(edge{from, to}, false) }

func (n *Memory) setCut(e edge, cut bool) {
	n.tell() // what is noticed at this very moment was so before the change
	n.mu.Lock()
	w := n.way(e)
	if w.cut != cut {
		close(w.change)
		w.cut, w.since, w.change = cut, time.Now(), make(chan struct{}) // stopwatch
	}
	change := w.change
	n.mu.Unlock()
	n.tell()
	if cut {
		n.tasks.Go(func() { // who watches hears of it after Detect
			select {
			case <-change:
			case <-time.After(n.opts.Detect):
				n.sever(e)
				n.tell()
			}
		})
	}
}

// sever breaks the streams between two nodes.
func (n *Memory) sever(e edge) {
	for _, e := range []edge{e, e.back()} {
		if node := n.alive(e.from); node != nil {
			node.drop(func(s *memoryStream) bool { return s.peer == e.to }, Broken("nothing comes through to node %v", e.to))
		}
	}
}

// Count returns how many calls and streams were begun.
func (n *Memory) Count(c Count) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts[c]
}

// Counts returns what was counted since the last time, and begins anew.
func (n *Memory) Counts() map[Count]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	got := n.counts
	n.counts = map[Count]int{}
	return got
}

// way returns a direction; mu is held.
func (n *Memory) way(e edge) *way {
	w := n.ways[e]
	if w == nil {
		w = &way{Way: n.opts.Way, change: make(chan struct{})}
		if e.from == e.to {
			w.Way = Way{}
		}
		w.chance = rand.New(rand.NewPCG(n.opts.Seed^e.from.Short(), e.to.Short()))
		n.ways[e] = w
	}
	return w
}

// send puts a call's message on its way: how long it takes, and whether it is lost.
func (n *Memory) send(e edge) (delay time.Duration, lost bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := n.way(e)
	lost = w.chance.Float64() < w.Loss
	return w.delay(), lost || w.cut
}

func (w *way) delay() time.Duration {
	if w.Jitter <= 0 {
		return w.Delay
	}
	return w.Delay + time.Duration(w.chance.Int64N(int64(w.Jitter)))
}

// arrives reports whether a direction is open at the end of a message's way.
func (n *Memory) arrives(e edge) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.way(e).cut
}

func (n *Memory) alive(id ident.NodeID) *MemoryNode {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[id]
}

// up reports whether a link stands; mu is held.
func (n *Memory) up(e edge) bool {
	for _, w := range []*way{n.way(e), n.way(e.back())} {
		if w.cut && time.Since(w.since) >= n.opts.Detect { // stopwatch
			return false
		}
	}
	return n.nodes[e.from] != nil && n.nodes[e.to] != nil
}

// tell says to those who watch what changed: one after another, in order.
func (n *Memory) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for from, node := range n.nodes {
		for to := range n.everyone() {
			e := edge{from, to}
			if up := n.up(e); from != to && up != n.ups[e] {
				n.ups[e] = up
				for _, f := range node.watchers {
					n.news = append(n.news, func() { f(to, up) })
				}
			}
		}
	}
	for !n.telling && len(n.news) > 0 {
		f := n.news[0]
		n.news, n.telling = n.news[1:], true
		n.mu.Unlock()
		f()
		n.mu.Lock()
		n.telling = false
	}
}

// everyone returns who is alive or was known to be up; mu is held.
func (n *Memory) everyone() map[ident.NodeID]bool {
	all := map[ident.NodeID]bool{}
	for id := range n.nodes {
		all[id] = true
	}
	for e, up := range n.ups {
		if n.nodes[e.from] == nil {
			delete(n.ups, e) // a node that starts anew knows nothing
		} else if up {
			all[e.to] = true
		}
	}
	return all
}
