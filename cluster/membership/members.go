package membership

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/disk/kv"
	"rhizome/net/rpc"
)

// Period is how often two nodes exchange cards when nothing happens.
const Period = 30 * time.Second

// Config says what Members works with.
type Config struct {
	Node  ident.NodeID
	Rows  *kv.Store
	Clock clock.Clock // this machine's
	// Links reach the others.
	Links rpc.Links
	// Dial tells the links where a node is.
	Dial func(node ident.NodeID, addresses []string)
	// Adopt makes the floors above take up a layout that is in force from now on and
	// durable. What it cannot do now it does later: it is called at the start too.
	Adopt func(*layout.Layout)
	// Describe fills in what this node's card tells beside Node, Edition and Layout.
	Describe func(*Card)
	// MayVote, if not nil, is closed when this node may vote: others wait for it.
	MayVote <-chan struct{}
	// Recheck, if not nil, has the links ask again who is a member.
	Recheck func()
	Logger  *slog.Logger
}

// Members knows the rhizome's nodes. All methods are safe for concurrent use.
type Members struct {
	cfg   Config
	clock *Clock
	wake  chan struct{} // exchange with all soon

	opened   time.Time
	learning sync.Mutex // held while layouts are made durable and adopted

	judging    sync.Mutex // held while it is kept who came with an old copy
	refreshing sync.Mutex // held while our card is made anew
	refreshed  time.Time
	grown      time.Time // when the age grew last
	wrote      uint64    // what was written by then

	mu    sync.Mutex
	chain *layout.Chain
	card  Card // our own, as it was told last
	cards map[ident.NodeID]Card
	given map[ident.NodeID][]string // addresses that a person gave
	met   map[ident.NodeID]meeting
	apart map[ident.NodeID]Apart
	// olders came with an old copy of their rows; outdated: so did this one.
	olders   map[ident.NodeID]bool
	outdated bool
	told     []chan struct{} // who waits for news
}

// meeting is what is known of the contact with a node.
type meeting struct {
	up    bool
	since time.Time // up or away since then
	seen  time.Time // the last exchange
	// refused: it said that this node is no member.
	refused bool
}

// Peer is what is known of another node. Its Addresses are those that a person gave, and then
// those of its card.
type Peer struct {
	Card
	Up bool
	// Since is when it came up or went away, as this node saw it, in the agreed time; zero if
	// it was never met.
	Since time.Time
	RTT   time.Duration
	// Apart says which layout it goes by, if that is none of this node's; else nil.
	Apart *Apart
	// Refuses: it says that this node is no member there.
	Refuses bool
	// Older: it came with an old copy of its rows, and was told so.
	Older bool
}

// Open takes up what is stored. first is the layout of a node that has none yet: its
// own, or those that a join brought.
func Open(cfg Config, first ...*layout.Layout) (*Members, error) {
	m := &Members{
		cfg: cfg, opened: cfg.Clock.Now(), clock: NewClock(cfg.Clock), wake: make(chan struct{}, 1),
		cards: map[ident.NodeID]Card{}, given: map[ident.NodeID][]string{}, met: map[ident.NodeID]meeting{}, apart: map[ident.NodeID]Apart{}, olders: map[ident.NodeID]bool{},
	}
	if err := m.load(first); err != nil {
		return nil, err
	}
	m.serve()
	return m, nil
}

// Layout returns the layout in force here.
func (m *Members) Layout() *layout.Layout {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.chain.Latest()
}

// Chain returns the layouts so far.
func (m *Members) Chain() *layout.Chain {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.chain
}

// Clock returns the agreed time.
func (m *Members) Clock() *Clock { return m.clock }

// Member implements rpc.Guard. A node that goes by another layout is none until this one
// starts again and asks it once more. While this node's rows are an old copy nobody is.
func (m *Members) Member(id ident.NodeID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, apart := m.apart[id]
	return !apart && !m.outdated && m.chain.Latest().Node(id) != nil
}

// Card returns what is known of a node.
func (m *Members) Card(id ident.NodeID) (Card, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id == m.cfg.Node {
		return m.card, true
	}
	c, ok := m.cards[id]
	return c, ok
}

// Peers returns the other members, in the order of the layout.
func (m *Members) Peers() []Peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Peer
	for _, n := range m.chain.Latest().Nodes {
		if n.ID == m.cfg.Node {
			continue
		}
		p := Peer{Card: m.cards[n.ID], Up: m.met[n.ID].up, Since: m.At(m.met[n.ID].since), Refuses: m.met[n.ID].refused}
		p.Node, p.Addresses = n.ID, m.addresses(n.ID)
		p.RTT, _ = m.cfg.Links.Distance(n.ID)
		if a, ok := m.apart[n.ID]; ok {
			p.Apart, p.Up = &a, false
		}
		if p.Older = m.olders[n.ID]; p.Older {
			p.Up = false
		}
		out = append(out, p)
	}
	return out
}

// At returns what the agreed time was when this machine's clock was read; zero if it was not.
// What passed since then is measured by the monotonic clock.
func (m *Members) At(read time.Time) time.Time {
	if read.IsZero() {
		return read
	}
	return m.clock.Now().Add(-max(0, m.cfg.Clock.Now().Sub(read)))
}

// Up reports whether a node answers.
func (m *Members) Up(id ident.NodeID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, apart := m.apart[id]
	return id == m.cfg.Node || m.met[id].up && !apart && !m.olders[id]
}

// Away returns for how long a node has not answered, 0 if it does. One that was not met yet
// counts as away since this node began to look for it.
func (m *Members) Away(id ident.NodeID) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, apart := m.apart[id]
	at := m.met[id]
	switch {
	case id == m.cfg.Node, at.up && !apart && !m.olders[id]:
		return 0
	case at.since.IsZero():
		at.since = m.opened
	}
	return max(time.Nanosecond, m.cfg.Clock.Now().Sub(at.since))
}

// Cards returns all cards, this node's too, for a node that joins.
func (m *Members) Cards() []Card {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []Card{m.card}
	for _, c := range m.cards {
		out = append(out, c)
	}
	return out
}

// Changed asks that this node's card be told anew soon.
func (m *Members) Changed() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// News returns a channel that is closed at the next change of a layout, a card or of
// who is up.
func (m *Members) News() <-chan struct{} {
	c := make(chan struct{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, c)
	return c
}

// news wakes who waits. m.mu is held.
func (m *Members) news() {
	for _, c := range m.told {
		close(c)
	}
	m.told = nil
}

// Await waits until done says so, looking again at each change.
func (m *Members) Await(ctx context.Context, done func() bool) error {
	for {
		next := m.News()
		if done() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return errs.Newf(errs.Unavailable, "waiting for the other nodes was given up: %w", ctx.Err())
		}
	}
}
