package membership

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/layout/decree"
	"rhizome/net/rpc"
)

const (
	voteTime = 3 * time.Second // for one round of votes
	decide   = 20 * time.Second
	tries    = 10 // at a change without a base
	// awayLong is from when on an absence is taken for no restart any more, and decideSoon
	// how long is tried to decide while too few of the voters are left besides.
	awayLong   = 10 * time.Second
	decideSoon = 2 * time.Second
)

// The questions of a ballot.
const (
	askPrepare = iota
	askAccept
	askFetch
)

// voteAsk is one question about layout Version, by a node that knows all before it.
type voteAsk struct {
	Version uint64        `cbor:"1,keyasint"`
	What    int           `cbor:"2,keyasint"`
	Ballot  decree.Ballot `cbor:"3,keyasint"`
	Value   []byte        `cbor:"4,keyasint,omitempty"`
	Hash    decree.Hash   `cbor:"5,keyasint"`
}

// voteTell answers it. Layout says that the voter knows the outcome, and what it is;
// Behind that it lacks a layout before that one.
type voteTell struct {
	Answer decree.Answer `cbor:"1,keyasint"`
	Layout []byte        `cbor:"2,keyasint,omitempty"`
	Behind bool          `cbor:"3,keyasint,omitempty"`
	Value  []byte        `cbor:"4,keyasint,omitempty"`
}

// voters returns who decides about the layout after l: who keeps something, or is to. A
// node that just joined, or was drained, has no say until it has a share: it may never
// come up.
func voters(l *layout.Layout) []ident.NodeID {
	keeps := make([]bool, len(l.Nodes))
	for _, replicas := range l.Assigned {
		for _, i := range replicas {
			keeps[i] = true
		}
	}
	var out []ident.NodeID
	for i, n := range l.Nodes {
		if (n.Capacity > 0 || n.Witness) && (keeps[i] || !n.Draining) {
			out = append(out, n.ID)
		}
	}
	if len(out) == 0 { // one node that was never told its capacity
		out = l.Replicas(0)
	}
	return out
}

// handleVote answers another node's question.
func (m *Members) handleVote(ctx context.Context, from ident.NodeID, request []byte) ([]byte, error) {
	var a voteAsk
	if err := codec.Decode(request, &a); err != nil {
		return nil, err
	}
	t, err := m.vote(&a)
	if err != nil {
		return nil, err
	}
	if t.Behind {
		m.Changed()
	}
	return codec.Encode(t), nil
}

// vote answers one question, and makes durable what the answer promises. It is called
// for this node's own voice too.
func (m *Members) vote(a *voteAsk) (*voteTell, error) {
	m.learning.Lock()
	defer m.learning.Unlock()
	chain := m.Chain()
	if l := chain.At(a.Version); l != nil {
		return &voteTell{Layout: l.Encode()}, nil
	}
	if a.Version != chain.Latest().Version+1 {
		return &voteTell{Behind: true}, nil
	}
	acceptor, err := m.acceptor(a.Version)
	if err != nil {
		return nil, err
	}
	t, write := new(voteTell), false
	switch a.What {
	case askPrepare:
		t.Answer, write = acceptor.Prepare(a.Ballot)
	case askAccept:
		if err := sensible(chain, a.Value); err != nil {
			return nil, err
		}
		t.Answer, write = acceptor.Accept(a.Ballot, a.Value)
	case askFetch:
		t.Value, _ = acceptor.Fetch(a.Hash)
	}
	if write {
		b := m.cfg.Rows.NewBatch()
		b.Set(voteKey(a.Version), acceptor.Encode())
		if err := b.Commit(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// sensible refuses to vote for what is no next layout.
func sensible(chain *layout.Chain, value []byte) error {
	l, err := layout.Decode(value)
	if err == nil {
		_, err = chain.Append(l)
	}
	return err
}

func (m *Members) acceptor(version uint64) (*decree.Acceptor, error) {
	raw, err := m.cfg.Rows.Get(voteKey(version))
	if errors.Is(err, errs.NotFound) {
		return new(decree.Acceptor), nil
	}
	if err != nil {
		return nil, err
	}
	return decree.DecodeAcceptor(raw)
}

// errLost says that another change came first.
var errLost = errs.New(errs.Conflict, "another change of the layout came first: look at what it is now, and try again")

// Change proposes a change of the layout and returns the one that is in force then. make
// says what to change, given the present layout; nothing to change is no change. base is
// the version it was decided upon: if another came since, it is refused with
// errs.Conflict; 0 tries again on whatever is there. errs.Unavailable: no majority
// answers, or a change before is not taken up yet; it may happen all the same.
func (m *Members) Change(ctx context.Context, base uint64, wanted func(*layout.Layout) []layout.Change) (*layout.Layout, error) {
	ctx, cancel := context.WithTimeout(ctx, decide)
	defer cancel()
	for try := 0; ; try++ {
		l := m.Layout()
		if base != 0 && l.Version != base {
			return nil, errLost
		}
		changes := wanted(l)
		if len(changes) == 0 {
			return l, nil
		}
		next, err := layout.Next(l, changes...)
		if err != nil {
			return nil, err
		}
		if err := m.ready(l, next); err != nil {
			if err := m.awaitReady(ctx, l, next, err); err != nil {
				return nil, err
			}
		}
		won, err := m.propose(ctx, l, next)
		switch {
		case err != nil:
			return nil, err
		case won:
			return next, nil
		case base != 0 || try >= tries:
			return nil, errLost
		}
	}
}

// ready reports whether a majority of the replicas of every partition that would move has
// taken it up where it is.
func (m *Members) ready(l, next *layout.Layout) error {
	waiting := 0
	for p := range l.Assigned {
		if next.Term(p) == l.Term(p) || l.Term(p) == 1 && l.Version == 1 {
			continue
		}
		replicas := l.Replicas(p)
		have := 0
		for _, id := range replicas {
			c, _ := m.Card(id)
			if c.Layout >= l.Term(p) && c.Has(p) {
				have++
			}
		}
		if have < decree.Majority(len(replicas)) {
			waiting++
		}
	}
	if waiting > 0 {
		return errs.Newf(errs.Unavailable, "the nodes still take up the change before: %d of %d slices are left; try again soon", waiting, len(l.Assigned))
	}
	return nil
}

// awaitReady waits for that as long as there is time.
func (m *Members) awaitReady(ctx context.Context, l, next *layout.Layout, err error) error {
	m.Changed()
	for err != nil {
		news := m.News()
		if err = m.ready(l, next); err == nil {
			return nil
		}
		timer := time.NewTimer(time.Second)
		select {
		case <-news:
		case <-timer.C:
			m.Changed() // our own card may be old
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		timer.Stop()
	}
	return nil
}

// propose has the layout after l chosen, and reports whether it is next.
func (m *Members) propose(ctx context.Context, l, next *layout.Layout) (won bool, err error) {
	b := &ballot{m: m, voters: voters(l), version: next.Version}
	if m.deserted(b.voters) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, decideSoon)
		defer cancel()
	}
	b.p = decree.NewProposer(len(b.voters), next.Encode())
	chosen, err := b.run(ctx)
	if err != nil {
		return false, err
	}
	if err := m.learn(chosen); err != nil {
		return false, err
	}
	if l := m.Chain().At(next.Version); l == nil || l.Lineage != next.Lineage {
		return false, errLost // a recovery came first
	}
	return decree.HashOf(chosen.Encode()) == decree.HashOf(next.Encode()), nil
}

// deserted reports whether so many voters have been away for long that no majority is left.
func (m *Members) deserted(voters []ident.NodeID) bool {
	there := 0
	for _, id := range voters {
		if m.Away(id) < awayLong {
			there++
		}
	}
	return there < decree.Majority(len(voters))
}

// ballot is one decision under way.
type ballot struct {
	m       *Members
	voters  []ident.NodeID
	version uint64
	p       *decree.Proposer
	round   uint64
	outcome *layout.Layout // if a voter knows it
}

// run tries until the decision is known or ctx ends.
func (b *ballot) run(ctx context.Context) (*layout.Layout, error) {
	for {
		if err := b.attempt(ctx); err != nil {
			return nil, err
		}
		if b.outcome != nil {
			return b.outcome, nil
		}
		if b.p.Phase() == decree.Chosen {
			return layout.Decode(b.p.Value())
		}
		timer := time.NewTimer(time.Duration(1+rand.IntN(300)) * time.Millisecond) // by chance, so that two do not outbid each other for ever
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, errs.Newf(errs.Unavailable, "not enough nodes answer to decide about the layout; it may yet be decided: %w", ctx.Err())
		}
	}
}

func (b *ballot) attempt(ctx context.Context) error {
	b.round = max(b.round, b.p.Beat().Round) + 1
	b.p.Start(decree.Ballot{Round: b.round, Node: b.m.cfg.Node.Short(), Attempt: ident.Random()})
	b.askAll(ctx, &voteAsk{What: askPrepare, Ballot: b.p.Ballot()}, b.p.Promised)
	if b.p.Phase() == decree.Fetching {
		b.fetch(ctx)
	}
	if b.p.Phase() == decree.Accepting {
		b.askAll(ctx, &voteAsk{What: askAccept, Ballot: b.p.Ballot(), Value: b.p.Value()}, b.p.Accepted)
	}
	return nil
}

// askAll asks all voters and hands their answers in until the phase ends.
func (b *ballot) askAll(ctx context.Context, a *voteAsk, hand func(int, decree.Answer) decree.Phase) {
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	a.Version = b.version
	type reply struct {
		from int
		tell *voteTell
	}
	replies := make(chan reply, len(b.voters))
	var wg sync.WaitGroup
	for i, id := range b.voters {
		wg.Go(func() {
			t, err := b.ask(ctx, id, a)
			if err != nil {
				t = nil
			}
			replies <- reply{i, t}
		})
	}
	defer wg.Wait()
	phase := b.p.Phase()
	for range b.voters {
		r := <-replies
		if r.tell == nil {
			continue
		}
		if len(r.tell.Layout) > 0 {
			if l, err := layout.Decode(r.tell.Layout); err == nil && l.Version == b.version {
				b.outcome = l
				cancel()
				return
			}
		}
		if !r.tell.Behind && hand(r.from, r.tell.Answer) != phase {
			cancel()
			return
		}
	}
}

func (b *ballot) ask(ctx context.Context, id ident.NodeID, a *voteAsk) (*voteTell, error) {
	if id == b.m.cfg.Node {
		return b.m.vote(a)
	}
	raw, err := b.m.cfg.Links.Call(ctx, id, rpc.Control, methodVote, codec.Encode(a))
	if err != nil {
		return nil, err
	}
	t := new(voteTell)
	return t, codec.Decode(raw, t)
}

// fetch gets the value that was accepted before.
func (b *ballot) fetch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	for _, i := range b.p.Sources() {
		t, err := b.ask(ctx, b.voters[i], &voteAsk{Version: b.version, What: askFetch, Hash: b.p.Wanted()})
		if err == nil && b.p.Fetched(t.Value) == decree.Accepting {
			return
		}
	}
}

// Recover goes on without nodes that are gone for good, although no majority is left to
// decide it: a person does. The others learn of it like of any layout. Where nodes that
// are named gone come back, they are no members. All others are asked first for newer
// layouts. base: see Change. errs.Conflict if one that is named gone answers.
func (m *Members) Recover(ctx context.Context, base uint64, gone ...ident.NodeID) (*layout.Layout, error) {
	if base == 0 {
		base = m.Layout().Version
	}
	if err := m.askBefore(ctx, gone); err != nil {
		return nil, err
	}
	l := m.Layout()
	if l.Version != base {
		return nil, errLost
	}
	next, err := layout.Next(l, layout.Recover(ident.New(), gone...))
	if err != nil {
		return nil, err
	}
	if err := m.learn(next); err != nil {
		return nil, err
	}
	if m.Layout() != next { // one was chosen meanwhile
		return nil, errLost
	}
	return next, nil
}

// askBefore asks all others for news before a recovery, and whether those are gone that
// are to be left behind.
func (m *Members) askBefore(ctx context.Context, gone []ident.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, decide)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var there error
	turn := make(chan struct{}, atOnce)
	for _, id := range m.Layout().IDs() {
		if id == m.cfg.Node {
			continue
		}
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			if err := m.Exchange(ctx, id); err != nil || !slices.Contains(gone, id) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			there = errs.Newf(errs.Conflict, "node %s answers, so it is not lost: nothing was changed", id)
		})
	}
	wg.Wait()
	return there
}
