package decree

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
)

// sim is a seeded world of one goroutine: voters that crash and come back with what
// was stored, proposers that crash and come back with nothing, a network that delays,
// reorders, repeats and loses. A seed is a run.
type sim struct {
	rng     *rand.Rand
	now     int
	queue   events
	voters  []Acceptor
	stored  [][]byte // records
	down    []int    // until when
	loss    float64
	repeat  float64
	broken  rules
	outcome map[string]bool
	ended   int
}

type event struct {
	at, seq int
	run     func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(e any)   { *q = append(*q, e.(event)) }
func (q *events) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

func (s *sim) after(d int, run func()) {
	heap.Push(&s.queue, event{s.now + d, s.rng.IntN(1 << 30), run})
}

// send carries a message, or loses it, or carries it twice.
func (s *sim) send(run func()) {
	for range 1 + s.rng.IntN(2) {
		if s.rng.Float64() >= s.loss {
			s.after(1+s.rng.IntN(20), run)
		}
		if s.rng.Float64() >= s.repeat {
			return
		}
	}
}

// ask carries a message to a voter and its answer back.
func (s *sim) ask(v int, handle func(*Acceptor) (Answer, bool), reply func(Answer)) {
	s.send(func() {
		if s.down[v] > s.now {
			return
		}
		a, write := handle(&s.voters[v])
		if write {
			s.stored[v] = s.voters[v].Encode()
		}
		s.send(func() { reply(a) })
	})
}

func (s *sim) crash(v int) {
	s.down[v] = s.now + s.rng.IntN(100)
	s.voters[v] = Acceptor{rules: s.broken}
	if s.stored[v] != nil {
		a, err := DecodeAcceptor(s.stored[v])
		if err != nil {
			panic(err.Error())
		}
		a.rules = s.broken
		s.voters[v] = *a
	}
}

// propose takes a value through attempts until one is chosen, or patience ends.
func (s *sim) propose(id int, p *Proposer, round uint64, patience int) {
	if patience == 0 {
		return
	}
	b := Ballot{Round: max(round, p.Beat().Round+1), Node: uint64(id), Attempt: s.rng.Uint64()}
	p.Start(b)
	for v := range s.voters {
		s.ask(v, func(a *Acceptor) (Answer, bool) { return a.Prepare(b) }, func(a Answer) {
			if p.Ballot() == b && p.Phase() == Preparing {
				s.promised(p, b, p.Promised(v, a))
			}
		})
	}
	s.after(60+s.rng.IntN(200), func() {
		switch {
		case p.Phase() == Chosen || p.Ballot() != b:
			return
		case s.rng.IntN(8) == 0: // the proposer crashed, and another starts from nothing
			p = NewProposer(len(s.voters), p.own)
			p.rules = s.broken
		}
		s.propose(id, p, b.Round+1, patience-1)
	})
}

func (s *sim) promised(p *Proposer, b Ballot, phase Phase) {
	switch phase {
	case Accepting:
		s.accept(p, b)
	case Fetching:
		for _, v := range p.Sources() {
			s.send(func() {
				value, ok := s.voters[v].Fetch(p.Wanted())
				if ok && s.down[v] <= s.now && p.Ballot() == b && p.Phase() == Fetching && p.Fetched(value) == Accepting {
					s.accept(p, b)
				}
			})
		}
	}
}

func (s *sim) accept(p *Proposer, b Ballot) {
	value := p.Value()
	for v := range s.voters {
		s.ask(v, func(a *Acceptor) (Answer, bool) { return a.Accept(b, value) }, func(a Answer) {
			if p.Phase() == Accepting && p.Accepted(v, a) == Chosen {
				s.outcome[string(p.Value())] = true
				s.ended++
			}
		})
	}
}

// play runs one seed and returns the values that proposers took for chosen.
func play(seed uint64, broken rules) *sim {
	rng := rand.New(rand.NewPCG(seed, 0))
	n := []int{1, 2, 3, 3, 4, 5, 7, 70}[rng.IntN(8)]
	s := &sim{rng: rng, voters: make([]Acceptor, n), stored: make([][]byte, n), down: make([]int, n), broken: broken, outcome: map[string]bool{}}
	if rng.IntN(3) > 0 {
		s.loss, s.repeat = rng.Float64()*0.3, rng.Float64()*0.3
	}
	for v := range s.voters {
		s.voters[v].rules = broken
	}
	for id := range 1 + rng.IntN(4) {
		p := NewProposer(n, fmt.Appendf(nil, "value %d", id))
		p.rules = broken
		s.after(rng.IntN(100), func() { s.propose(id, p, 1, 12) })
	}
	for range rng.IntN(8) {
		s.after(rng.IntN(800), func() { s.crash(rng.IntN(n)) })
	}
	for len(s.queue) > 0 {
		e := heap.Pop(&s.queue).(event)
		s.now = e.at
		e.run()
	}
	return s
}

func TestSimulation(t *testing.T) {
	runs, ended, chosen := uint64(3000), 0, 0
	for seed := uint64(1); seed <= runs; seed++ {
		s := play(seed, rules{})
		if len(s.outcome) > 1 {
			t.Fatalf("seed %d: chosen were %v", seed, s.outcome)
		}
		chosen += len(s.outcome)
		ended += s.ended
	}
	t.Logf("%d runs, a value chosen in %d, %d proposers heard of it", runs, chosen, ended)
	if chosen < int(runs)*9/10 {
		t.Errorf("a value was chosen in %d of %d runs", chosen, runs)
	}
}

// TestSimulationSeesBrokenRules is no substitute for the explorer: that a promise is
// durable matters in one history of many thousands.
func TestSimulationSeesBrokenRules(t *testing.T) {
	for name, broken := range map[string]rules{
		"promises do not bind":                  {noPromise: true},
		"what was accepted is not durable":      {lazyAccept: true},
		"Accept does not look at the promise":   {acceptAny: true},
		"a proposer insists on its own value":   {ownValue: true},
		"half of the voters are enough":         {half: true},
		"a voter's answer counts as it arrives": {twice: true},
	} {
		seed := uint64(1)
		for seed <= 20_000 && len(play(seed, broken).outcome) < 2 {
			seed++
		}
		if t.Logf("%s: seed %d", name, seed); seed > 20_000 {
			t.Errorf("%s: not seen", name)
		}
	}
}

// TestManyVoters: as many as there can be.
func TestManyVoters(t *testing.T) {
	n := MaxVoters
	voters := make([]Acceptor, n)
	old := Ballot{Round: 1}
	voters[n-1].Accept(old, []byte("old"))
	p := NewProposer(n, []byte("new"))
	b := Ballot{Round: 2}
	p.Start(b)
	for v := n - 1; p.Phase() == Preparing; v-- {
		a, _ := voters[v].Prepare(b)
		p.Promised(v, a)
	}
	if p.Phase() != Fetching || len(p.Sources()) != 1 || p.Sources()[0] != n-1 {
		t.Fatal(p.Phase(), p.Sources())
	}
	value, _ := voters[n-1].Fetch(p.Wanted())
	if p.Fetched([]byte("another")) != Fetching || p.Fetched(value) != Accepting || p.Own() {
		t.Fatal("fetched", p.Phase())
	}
	count := 0
	for v := 0; p.Phase() == Accepting; v++ {
		a, _ := voters[v].Accept(b, p.Value())
		p.Accepted(v, a)
		count++
	}
	if count != Majority(n) || p.Phase() != Chosen || string(p.Value()) != "old" {
		t.Fatal(count, p.Phase())
	}
}

func TestRefusalsEndAnAttempt(t *testing.T) {
	p := NewProposer(3, []byte("v"))
	b, high := Ballot{Round: 1}, Ballot{Round: 9, Node: 4}
	p.Start(b)
	p.Promised(0, Answer{Ballot: b, Beat: high})
	p.Promised(0, Answer{Ballot: b, Beat: high})
	if p.Phase() != Preparing {
		t.Fatal("one refusal, heard twice, ended the attempt")
	}
	if p.Promised(1, Answer{Ballot: b, Beat: high}) != Stalled || p.Beat() != high {
		t.Fatal(p.Phase(), p.Beat())
	}
}
