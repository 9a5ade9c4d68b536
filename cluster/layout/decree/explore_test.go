package decree

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

// scope is what is explored: every order in which messages arrive, are lost, come
// again, and voters restart.
type scope struct {
	voters, proposers int
	ballots           int // attempts in all, dealt out to the proposers in turn
	restarts          int
	broken            rules
}

// world is one state. A message that was sent can arrive at any time, any number of
// times, or never; an answer likewise.
type world struct {
	live, disk []Acceptor
	proposers  []Proposer
	started    int
	restarts   int
	asked      []bool      // by ballot: Prepare was sent
	told       [][]byte    // by ballot: the value that Accept was sent with
	promises   [][]*Answer // by ballot and voter
	accepted   []uint64    // by ballot: voters that said they accepted
}

func ballot(b int) Ballot { return Ballot{Round: uint64(b + 1)} }

func first(sc scope) *world {
	w := &world{asked: make([]bool, sc.ballots), told: make([][]byte, sc.ballots), accepted: make([]uint64, sc.ballots)}
	for range sc.voters {
		w.live = append(w.live, Acceptor{rules: sc.broken})
	}
	w.disk = slices.Clone(w.live)
	for i := range sc.proposers {
		p := NewProposer(sc.voters, []byte{byte('a' + i)})
		p.rules = sc.broken
		w.proposers = append(w.proposers, *p)
	}
	for range sc.ballots {
		w.promises = append(w.promises, make([]*Answer, sc.voters))
	}
	return w
}

func (w *world) clone() *world {
	c := *w
	c.live, c.disk, c.proposers = slices.Clone(w.live), slices.Clone(w.disk), slices.Clone(w.proposers)
	c.asked, c.told, c.accepted = slices.Clone(w.asked), slices.Clone(w.told), slices.Clone(w.accepted)
	c.promises = slices.Clone(w.promises)
	for i := range c.promises {
		c.promises[i] = slices.Clone(w.promises[i])
	}
	for i := range c.proposers {
		p := &c.proposers[i]
		p.yes.words, p.no.words, p.sources = slices.Clone(p.yes.words), slices.Clone(p.no.words), slices.Clone(p.sources)
	}
	return &c
}

// key writes down what makes a world differ from another.
func (w *world) key() string {
	var b strings.Builder
	value := func(v []byte) {
		if len(v) == 0 {
			v = []byte{'-'}
		}
		b.WriteByte(v[0])
	}
	for _, list := range [][]Acceptor{w.live, w.disk} {
		for i := range list {
			b.WriteByte(byte(list[i].Promised.Round))
			b.WriteByte(byte(list[i].Accepted.Round))
			value(list[i].Value)
		}
	}
	for i := range w.proposers {
		p := &w.proposers[i]
		b.WriteByte(byte(p.phase))
		b.WriteByte(byte(p.ballot.Round))
		b.WriteByte(byte(p.base.Round))
		b.WriteByte(p.wanted[0])
		value(p.value)
		if len(p.yes.words) > 0 {
			b.WriteByte(byte(p.yes.words[0]))
			b.WriteByte(byte(p.yes.count))
		}
	}
	b.WriteByte(byte(w.started))
	b.WriteByte(byte(w.restarts))
	for i := range w.asked {
		value(w.told[i])
		b.WriteByte(byte(w.accepted[i]))
		for _, a := range w.promises[i] {
			if a == nil {
				b.WriteByte(255)
				continue
			}
			b.WriteByte(byte(a.Accepted.Round))
			b.WriteByte(a.Hash[0])
		}
	}
	return b.String()
}

// step says what happened between two worlds.
type step struct {
	what string
	a, b int
}

func (s step) String() string { return fmt.Sprintf(s.what, s.a, s.b) }

// tidy forgets answers that nobody waits for any more.
func (w *world) tidy() {
	for b := range w.promises {
		if p := &w.proposers[b%len(w.proposers)]; p.phase != Preparing || p.ballot != ballot(b) {
			clear(w.promises[b])
		}
	}
}

// steps calls emit with every world that may come next. Refusals are left out: all
// they do is to end an attempt, and an attempt may end at any time here.
func (sc *scope) steps(w *world, emit func(s step, n *world)) {
	if w.started < sc.ballots {
		n := w.clone()
		b := n.started
		n.started++
		n.proposers[b%sc.proposers].Start(ballot(b))
		n.asked[b] = true
		emit(step{"proposer %[2]d starts ballot %[1]d", b + 1, b % sc.proposers}, n)
	}
	for v := range sc.voters {
		sc.voter(w, v, emit)
		if w.restarts < sc.restarts {
			n := w.clone()
			n.restarts++
			n.live[v] = n.disk[v]
			emit(step{"voter %d restarts, number %d", v, n.restarts}, n)
		}
	}
	for i := range w.proposers {
		sc.proposer(w, i, emit)
	}
}

func (sc *scope) voter(w *world, v int, emit func(step, *world)) {
	for b := range sc.ballots {
		if w.asked[b] {
			voter := w.live[v]
			a, write := voter.Prepare(ballot(b))
			if p := &w.proposers[b%sc.proposers]; a.Beat.IsZero() && (voter.Promised != w.live[v].Promised || p.phase == Preparing && p.ballot == a.Ballot) {
				n := w.clone()
				n.store(v, voter, write)
				n.promises[b][v] = &a
				emit(step{"voter %d promises %d", v, b + 1}, n)
			}
		}
		if w.told[b] != nil {
			voter := w.live[v]
			a, write := voter.Accept(ballot(b), w.told[b])
			if a.Beat.IsZero() && (voter.Accepted != w.live[v].Accepted || w.accepted[b]>>v&1 == 0) {
				n := w.clone()
				n.store(v, voter, write)
				n.accepted[b] |= 1 << v
				emit(step{"voter %d accepts at %d", v, b + 1}, n)
			}
		}
	}
}

func (w *world) store(v int, a Acceptor, write bool) {
	w.live[v] = a
	if write {
		w.disk[v] = a
	}
}

func (sc *scope) proposer(w *world, i int, emit func(step, *world)) {
	p := &w.proposers[i]
	b := int(p.ballot.Round) - 1
	for v := range sc.voters {
		switch {
		case p.phase == Preparing && w.promises[b][v] != nil:
			n := w.clone()
			n.proposers[i].Promised(v, *w.promises[b][v])
			n.tell(i, b)
			emit(step{"proposer %d hears the promise of %d", i, v}, n)
		case p.phase == Fetching && slices.Contains(p.sources, v):
			if value, ok := w.live[v].Fetch(p.wanted); ok {
				n := w.clone()
				n.proposers[i].Fetched(value)
				n.tell(i, b)
				emit(step{"proposer %d fetches from %d", i, v}, n)
			}
		case p.phase == Accepting && w.accepted[b]>>v&1 != 0:
			n := w.clone()
			n.proposers[i].Accepted(v, Answer{Ballot: p.ballot})
			emit(step{"proposer %d hears that %d accepted", i, v}, n)
		}
	}
}

func (w *world) tell(i, b int) {
	if p := &w.proposers[i]; p.phase == Accepting {
		w.told[b] = p.value
	}
}

// wrong reports whether two values are chosen, or one is called so that is not.
func (w *world) wrong() bool {
	var chosen []byte
	for b, voters := range w.accepted {
		if bits.OnesCount64(voters) < Majority(len(w.live)) {
			continue
		}
		if chosen != nil && string(chosen) != string(w.told[b]) {
			return true
		}
		chosen = w.told[b]
	}
	for i := range w.proposers {
		if p := &w.proposers[i]; p.phase == Chosen && string(p.value) != string(chosen) {
			return true
		}
	}
	return false
}

type found struct {
	worlds int
	trace  []string
	chosen bool // some world has a chosen value
	other  bool // some proposer had another's value chosen
}

// explore visits every world of the scope, breadth first, up to a limit.
func explore(sc scope, limit int) (f found) {
	type way struct {
		parent uint64
		step   step
	}
	seed := maphash.MakeSeed()
	hash := func(w *world) uint64 { return maphash.String(seed, w.key()) }
	w := first(sc)
	seen := map[uint64]way{hash(w): {}}
	front := []*world{w}
	for len(front) > 0 && f.trace == nil && len(seen) < limit {
		var next []*world
		for _, w := range front {
			from := hash(w)
			sc.steps(w, func(s step, n *world) {
				n.tidy()
				k := hash(n)
				if _, ok := seen[k]; ok || f.trace != nil {
					return
				}
				seen[k] = way{from, s}
				next = append(next, n)
				f.look(n)
				if n.wrong() {
					for at := k; seen[at].step.what != ""; at = seen[at].parent {
						f.trace = append(f.trace, seen[at].step.String())
					}
					slices.Reverse(f.trace)
				}
			})
		}
		front = next
	}
	f.worlds = len(seen)
	return f
}

func (f *found) look(w *world) {
	for i := range w.proposers {
		if p := &w.proposers[i]; p.phase == Chosen {
			f.chosen = true
			f.other = f.other || !p.Own()
		}
	}
}

func TestExplore(t *testing.T) {
	for _, sc := range []scope{
		{voters: 1, proposers: 2, ballots: 4, restarts: 1},
		{voters: 2, proposers: 2, ballots: 3},
		{voters: 3, proposers: 2, ballots: 2, restarts: 1},
		{voters: 3, proposers: 2, ballots: 2, restarts: 2},
		{voters: 3, proposers: 3, ballots: 3},
	} {
		t.Run(fmt.Sprintf("%d voters, %d proposers, %d ballots, %d restarts", sc.voters, sc.proposers, sc.ballots, sc.restarts), func(t *testing.T) {
			const limit = 3_000_000
			f := explore(sc, limit)
			t.Logf("%d worlds", f.worlds)
			switch {
			case f.trace != nil:
				t.Fatalf("two values:\n%s", strings.Join(f.trace, "\n"))
			case f.worlds >= limit:
				t.Error("the scope is too large to be explored to the end")
			case !f.chosen || !f.other:
				t.Error("nothing is ever chosen, or never what another proposed")
			}
		})
	}
}

// TestEveryRuleIsNeeded breaks each rule and looks for the harm.
func TestEveryRuleIsNeeded(t *testing.T) {
	two := scope{voters: 3, proposers: 2, ballots: 2}
	three := scope{voters: 3, proposers: 3, ballots: 3}
	again := scope{voters: 3, proposers: 2, ballots: 2, restarts: 1}
	for _, b := range []struct {
		name   string
		in     scope
		broken rules
	}{
		{"promises do not bind", two, rules{noPromise: true}},
		{"a promise is not durable", again, rules{lazyPromise: true}},
		{"what was accepted is not durable", again, rules{lazyAccept: true}},
		{"Accept does not look at the promise", two, rules{acceptAny: true}},
		{"a proposer insists on its own value", two, rules{ownValue: true}},
		{"a proposer takes what it heard of first", three, rules{anyValue: true}},
		{"half of the voters are enough", scope{voters: 2, proposers: 2, ballots: 2}, rules{half: true}},
		{"an answer counts twice", two, rules{twice: true}},
	} {
		t.Run(b.name, func(t *testing.T) {
			b.in.broken = b.broken
			f := explore(b.in, 3_000_000)
			if f.trace == nil {
				t.Fatalf("nothing is wrong without the rule, in %d worlds", f.worlds)
			}
			t.Logf("%d worlds\n%s", f.worlds, strings.Join(f.trace, "\n"))
		})
	}
}
