package membership

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/net/rpc"
)

// Methods of this package.
const (
	methodExchange rpc.Method = 0x0101
	methodVote     rpc.Method = 0x0102
)

const (
	exchangeTime = 5 * time.Second
	// atOnce bounds the exchanges under way, neighbours those of one period: in a large
	// rhizome news travels on by itself.
	atOnce     = 16
	neighbours = 16
	// askAgain is how long it is between two tries to reach a node at the start.
	askAgain = 100 * time.Millisecond
	// maxCards and maxLayouts bound one answer.
	maxCards   = 2000
	maxLayouts = 8
)

// ask is a request for news, with our own.
type ask struct {
	Card   Card              `cbor:"1,keyasint"`
	Layout uint64            `cbor:"2,keyasint"`
	Known  map[string]uint64 `cbor:"3,keyasint"` // editions of cards by node
	// Lineage is that of Layout.
	Lineage ident.ID `cbor:"4,keyasint"`
	// Apart tells that the asker found the other's layout to be none of its own.
	Apart bool `cbor:"5,keyasint,omitempty"`
}

// tell answers it.
type tell struct {
	Cards   []Card   `cbor:"1,keyasint"`
	Layouts [][]byte `cbor:"2,keyasint"`
	Time    int64    `cbor:"3,keyasint"` // Unix microseconds, of the machine's clock
	Layout  uint64   `cbor:"4,keyasint"`
	Lineage ident.ID `cbor:"5,keyasint"` // of Layout
	Apart   bool     `cbor:"6,keyasint,omitempty"`
	// Older tells the asker that its rows are an old copy.
	Older bool `cbor:"7,keyasint,omitempty"`
}

func (m *Members) serve() {
	m.cfg.Links.Handle(methodExchange, rpc.Members, m.answer)
	m.cfg.Links.Handle(methodVote, rpc.Members, rpc.After(m.cfg.MayVote, m.handleVote))
}

// answer handles another node's ask.
func (m *Members) answer(ctx context.Context, from ident.NodeID, request []byte) ([]byte, error) {
	var a ask
	if err := codec.Decode(request, &a); err != nil {
		return nil, err
	}
	if a.Card.Node != from {
		return nil, errs.New(errs.Denied, "a node tells of itself only")
	}
	if a.Lineage.IsZero() {
		return nil, errLineage
	}
	if a.Apart || m.differs(a.Layout, a.Lineage) {
		l := m.Layout()
		m.part(from, Apart{a.Layout, a.Lineage})
		return codec.Encode(tell{Layout: l.Version, Lineage: l.Lineage, Apart: true}), nil
	}
	if older, err := m.forgot(&a.Card); err != nil {
		return nil, err
	} else if older {
		l := m.Layout()
		return codec.Encode(tell{Layout: l.Version, Lineage: l.Lineage, Older: true}), nil
	}
	if err := m.take(a.Card); err != nil {
		return nil, err
	}
	m.meet(from, true)
	if err := m.refresh(); err != nil {
		return nil, err
	}
	out := m.newsFor(&a)
	if a.Layout > out.Layout {
		m.Changed() // ask for what it has
	}
	out.Time = m.cfg.Clock.Now().UnixMicro()
	return codec.Encode(out), nil
}

// newsFor collects what the asker lacks.
func (m *Members) newsFor(a *ask) tell {
	m.mu.Lock()
	defer m.mu.Unlock()
	latest := m.chain.Latest()
	t := tell{Layout: latest.Version, Lineage: latest.Lineage}
	for _, l := range m.chain.Behind(a.Layout) {
		if len(t.Layouts) < maxLayouts {
			t.Layouts = append(t.Layouts, l.Encode())
		}
	}
	for id, c := range m.cards {
		if c.Edition > a.Known[string(id[:])] && len(t.Cards) < maxCards && id != a.Card.Node {
			t.Cards = append(t.Cards, c)
		}
	}
	if id := m.card.Node; m.card.Edition > a.Known[string(id[:])] {
		t.Cards = append(t.Cards, m.card)
	}
	return t
}

// Exchange swaps news with a node until neither knows of a newer layout. It fails with errOlder
// if the other says that this node's rows are an old copy.
func (m *Members) Exchange(ctx context.Context, with ident.NodeID) error {
	for {
		before := m.Layout().Version
		more, err := m.exchange(ctx, with)
		if err != nil || !more || m.Layout().Version == before {
			return err
		}
	}
}

func (m *Members) exchange(ctx context.Context, with ident.NodeID) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	request := m.ask()
	before := m.cfg.Clock.Now()
	raw, err := m.cfg.Links.Call(ctx, with, rpc.Control, methodExchange, codec.Encode(request))
	after := m.cfg.Clock.Now()
	if err != nil {
		return false, err
	}
	var t tell
	if err := codec.Decode(raw, &t); err != nil {
		return false, err
	}
	if t.Lineage.IsZero() {
		return false, errLineage
	}
	if t.Older {
		return false, errOlder
	}
	if err := m.agree(ctx, with, request, &t); err != nil {
		return false, err
	}
	m.meet(with, true)
	m.clock.Compare(with, time.UnixMicro(t.Time).UTC(), before, after)
	if err := m.learnEncoded(t.Layouts); err != nil {
		return false, err
	}
	for _, c := range t.Cards {
		if err := m.take(c); err != nil {
			return false, err
		}
	}
	return len(t.Layouts) > 0 && t.Layout > m.Layout().Version, nil
}

// errLineage refuses who names a layout and not its lineage: it may be of either history.
var errLineage = errs.New(errs.Invalid, "the other node does not say of which lineage its layout is: it runs a release that this one cannot work with")

func (m *Members) ask() *ask {
	m.mu.Lock()
	defer m.mu.Unlock()
	latest := m.chain.Latest()
	a := &ask{Card: m.card, Layout: latest.Version, Lineage: latest.Lineage, Known: map[string]uint64{}}
	for id, c := range m.cards {
		a.Known[string(id[:])] = c.Edition
	}
	return a
}

func (m *Members) learnEncoded(raw [][]byte) error {
	var ls []*layout.Layout
	for _, b := range raw {
		l, err := layout.Decode(b)
		if err != nil {
			return err
		}
		ls = append(ls, l)
	}
	return m.learn(ls...)
}

// take keeps a card if it is newer than what is known, and tells the links.
func (m *Members) take(c Card) error {
	if err := c.check(); err != nil {
		return err
	}
	m.mu.Lock()
	old, known := m.cards[c.Node]
	if c.Node == m.cfg.Node || known && (c.Edition <= old.Edition || c.older(&old)) || m.chain.Latest().Node(c.Node) == nil {
		m.mu.Unlock()
		return nil
	}
	m.cards[c.Node] = c
	m.news()
	m.mu.Unlock()
	m.dial(c.Node)
	if known && slices.Equal(old.Addresses, c.Addresses) && old.age() == c.age() && old.Run == c.Run {
		return nil
	}
	return m.keepCard(c)
}

// given are the addresses of another member that a person gave.
type given struct {
	Node      ident.NodeID `cbor:"1,keyasint"`
	Addresses []string     `cbor:"2,keyasint"`
}

// SetAddresses says where another member is found besides what its card says, in place of what was
// said so before; none takes that back. It is durable. errs.NotFound if it is no member.
func (m *Members) SetAddresses(node ident.NodeID, addresses []string) error {
	g := given{node, addresses[:min(len(addresses), MaxAddresses)]}
	if slices.ContainsFunc(g.Addresses, func(a string) bool { return !sane(a) }) {
		return errs.New(errs.Invalid, "the address of a node is too long")
	}
	m.mu.Lock()
	if m.chain.Latest().Node(node) == nil || node == m.cfg.Node {
		m.mu.Unlock()
		return errs.Newf(errs.NotFound, "there is no other node %s", node)
	}
	m.given[node] = g.Addresses
	m.mu.Unlock()
	m.dial(node)
	b := m.cfg.Rows.NewBatch()
	if len(g.Addresses) == 0 {
		b.Delete(givenKey(node))
	} else {
		b.Set(givenKey(node), codec.Encode(g))
	}
	return b.Commit()
}

// addresses are where a node may be found: where a person said, then where it says itself. m.mu is
// held.
func (m *Members) addresses(node ident.NodeID) []string {
	all := slices.Clone(m.given[node])
	for _, a := range m.cards[node].Addresses {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// dial tells the links where a node may be found.
func (m *Members) dial(node ident.NodeID) {
	m.mu.Lock()
	all := m.addresses(node)
	m.mu.Unlock()
	m.cfg.Dial(node, all)
}

// Linked tells that a link came up or went down.
func (m *Members) Linked(node ident.NodeID, up bool) {
	m.meet(node, up)
	if up {
		m.Changed()
	}
}

// meet notes whether a node answers.
func (m *Members) meet(node ident.NodeID, up bool) {
	now := m.cfg.Clock.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	old, known := m.met[node]
	next := meeting{up: up, since: old.since, seen: old.seen, refused: old.refused && !up}
	if up {
		next.seen = now
	}
	if !known || old.up != up {
		next.since = now
		defer m.news()
	}
	m.met[node] = next
}

// refused notes whether a node says that this one is no member. One with an old copy of its
// rows says so to everybody.
func (m *Members) refused(node ident.NodeID, yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.met[node]
	yes = yes && !m.olders[node]
	if old.refused != yes {
		old.refused = yes
		m.met[node] = old
		m.news()
		if yes {
			m.Changed() // what do the others say?
		}
	}
}

// Run exchanges news until ctx ends. It returns nil.
func (m *Members) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-m.wake:
		}
		if m.Older() {
			<-ctx.Done()
			return nil
		}
		if err := m.refresh(); err != nil {
			return err
		}
		if err := m.exchangeWith(ctx, m.someone(round)); err != nil {
			return err
		}
		timer.Reset(m.period())
	}
}

// period is how long it is to the next exchange when nothing happens: shorter while
// something is being mended, so that people see how far it is.
func (m *Members) period() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	busy := m.card.Health.busy()
	for _, c := range m.cards {
		busy = busy || c.Health.busy()
	}
	if busy {
		return Period / 10
	}
	return Period
}

// someone returns whom to exchange news with: all others, or in turn some of many.
func (m *Members) someone(round int) []ident.NodeID {
	var out []ident.NodeID
	for _, n := range m.Layout().Nodes {
		if n.ID != m.cfg.Node {
			out = append(out, n.ID)
		}
	}
	if len(out) <= neighbours {
		return out
	}
	from := round * neighbours % len(out)
	return append(out, out...)[from : from+neighbours]
}

func (m *Members) exchangeWith(ctx context.Context, nodes []ident.NodeID) error {
	var wg sync.WaitGroup
	var older atomic.Pointer[ident.NodeID] // who said so: all are asked before this node falls silent
	turn := make(chan struct{}, atOnce)
	for _, id := range nodes {
		turn <- struct{}{}
		wg.Go(func() {
			switch err := m.Exchange(ctx, id); {
			case errors.Is(err, errOlder):
				older.Store(&id)
			case err != nil && ctx.Err() == nil:
				m.meet(id, false)
				m.refused(id, errors.Is(err, errs.Denied))
				m.cfg.Logger.Debug("no news from a node", "node", id, "error", err)
			}
			<-turn
		})
	}
	wg.Wait()
	if by := older.Load(); by != nil {
		return m.isOlder(*by)
	}
	return nil
}

// AskAround asks all others at once for news, and those that cannot be reached again and again, until
// one answers or ctx ends, and returns those who say that this node is no member, unless somebody said
// otherwise. It fails if this node's rows are an old copy.
func (m *Members) AskAround(ctx context.Context) (refusing []ident.NodeID, err error) {
	if m.Older() {
		return nil, errOlder
	}
	if err := m.refresh(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type reply struct {
		from ident.NodeID
		err  error
	}
	others := m.someone(0)
	replies := make(chan reply, len(others))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	again, enough := context.WithCancel(ctx)
	defer enough()
	for _, id := range others {
		wg.Go(func() { replies <- reply{id, m.reach(ctx, again, id)} })
	}
	var older *ident.NodeID
	for range others {
		switch r := <-replies; {
		case r.err == nil && older == nil:
			return nil, nil
		case errors.Is(r.err, errOlder):
			older = &r.from
			enough()
		case errors.Is(r.err, errs.Denied) && !m.cameOlder(r.from):
			m.refused(r.from, true)
			refusing = append(refusing, r.from)
		}
	}
	if older != nil {
		return nil, errors.Join(errOlder, m.isOlder(*older))
	}
	return refusing, nil
}

// reach exchanges news with a node, and tries again until again ends if it cannot be reached: its
// machine, or this one's network, may have been started at the same time as this node.
func (m *Members) reach(ctx, again context.Context, n ident.NodeID) error {
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		err := m.Exchange(ctx, n)
		if !errors.Is(err, errs.Unavailable) {
			return err
		}
		select {
		case <-again.Done():
			return err
		case <-tick.C:
		}
	}
}

// refresh makes our own card anew, at most twice a second.
func (m *Members) refresh() error {
	m.refreshing.Lock()
	defer m.refreshing.Unlock()
	now := m.cfg.Clock.Now()
	if age := now.Sub(m.refreshed); age >= 0 && age < time.Second/2 {
		return nil
	}
	m.refreshed = now
	if err := m.grow(now); err != nil {
		return err
	}
	m.mu.Lock()
	next := Card{Node: m.cfg.Node, Edition: m.card.Edition, Run: m.card.Run, Layout: m.chain.Latest().Version}
	m.mu.Unlock()
	m.cfg.Describe(&next)
	m.mu.Lock()
	defer m.mu.Unlock()
	if sameCard(&next, &m.card) {
		return nil
	}
	next.Edition++
	m.card = next
	m.news()
	return nil
}

func sameCard(a, b *Card) bool { return string(codec.Encode(a)) == string(codec.Encode(b)) }
