package decree

import "bytes"

// MaxVoters is how many can take part in a decree.
const MaxVoters = 1<<16 - 1

// Phase is where a Proposer stands.
type Phase uint8

// The phases.
const (
	Idle      Phase = iota
	Preparing       // send Prepare(Ballot) to all voters, hand in the answers
	Fetching        // ask one of Sources for the value that Wanted names, hand it in
	Accepting       // send Accept(Ballot, Value) to all voters, hand in the answers
	Chosen          // Value is chosen
	Stalled         // no majority can be had at this ballot: Start one above Beat
)

// Proposer takes one value through its attempts. It is used by one goroutine.
type Proposer struct {
	n       int
	own     []byte
	phase   Phase
	ballot  Ballot
	yes, no set // voters that agreed and that refused, at ballot and phase
	beat    Ballot
	base    Ballot // highest ballot among the promises at which something was accepted
	wanted  Hash
	sources []int // voters that accepted at base
	value   []byte
	rules   rules
}

// NewProposer returns a Proposer of value, 1 byte to MaxValue, among n voters, 1 to
// MaxVoters.
func NewProposer(n int, value []byte) *Proposer {
	return &Proposer{n: n, own: value}
}

// Majority returns how many of n voters decide.
func Majority(n int) int { return n/2 + 1 }

// Start begins an attempt at b, which is new and above every ballot used before. It
// can be called at any time, for example when too few voters answer.
func (p *Proposer) Start(b Ballot) {
	p.begin(Preparing)
	p.ballot, p.base, p.wanted, p.sources, p.value = b, Ballot{}, Hash{}, nil, nil
}

func (p *Proposer) begin(phase Phase) { p.phase, p.yes, p.no = phase, newSet(p.n), newSet(p.n) }

// Phase returns where the Proposer stands; Ballot the ballot it is at.
func (p *Proposer) Phase() Phase   { return p.phase }
func (p *Proposer) Ballot() Ballot { return p.ballot }

// Beat returns the highest ballot that a refusal named.
func (p *Proposer) Beat() Ballot { return p.beat }

// Value returns what is proposed, in phases Accepting and Chosen.
func (p *Proposer) Value() []byte { return p.value }

// Own reports, in phases Accepting and Chosen, whether Value is the one that this
// Proposer was made for, and not one that another had proposed before.
func (p *Proposer) Own() bool { return bytes.Equal(p.value, p.own) }

// Wanted and Sources say, in phase Fetching, which value is needed and which voters
// had it.
func (p *Proposer) Wanted() Hash   { return p.wanted }
func (p *Proposer) Sources() []int { return p.sources }

// Promised takes voter number from's answer to Prepare, Accepted that to Accept. They
// return the phase then. Answers that come late, again or about another ballot are
// ignored.
func (p *Proposer) Promised(from int, a Answer) Phase {
	if !p.due(Preparing, from, a) {
		return p.phase
	}
	p.learn(from, a)
	if p.enough() {
		p.propose()
	}
	return p.phase
}

// Accepted: see Promised.
func (p *Proposer) Accepted(from int, a Answer) Phase {
	if p.due(Accepting, from, a) && p.enough() {
		p.phase = Chosen
	}
	return p.phase
}

// Fetched takes, in phase Fetching, the value that was wanted. Another one is ignored.
func (p *Proposer) Fetched(value []byte) Phase {
	if p.phase == Fetching && HashOf(value) == p.wanted {
		p.accept(value)
	}
	return p.phase
}

// due notes an answer and reports whether it is one that agrees.
func (p *Proposer) due(phase Phase, from int, a Answer) bool {
	if p.phase != phase || a.Ballot != p.ballot || from < 0 || from >= p.n {
		return false
	}
	if (p.yes.has(from) || p.no.has(from)) && !p.rules.twice {
		return false
	}
	if a.Beat.IsZero() {
		p.yes.add(from)
		return true
	}
	p.no.add(from)
	if p.beat.Less(a.Beat) {
		p.beat = a.Beat
	}
	if p.no.count > p.n-Majority(p.n) {
		p.phase = Stalled
	}
	return false
}

func (p *Proposer) learn(from int, a Answer) {
	c := a.Accepted.Compare(p.base)
	if a.Accepted.IsZero() || c < 0 || c > 0 && p.rules.anyValue && !p.base.IsZero() {
		return
	}
	if c > 0 {
		p.base, p.wanted, p.sources = a.Accepted, a.Hash, nil
	}
	p.sources = append(p.sources, from)
}

func (p *Proposer) enough() bool {
	if p.rules.half {
		return p.yes.count >= p.n/2
	}
	return p.yes.count >= Majority(p.n)
}

// propose settles, a majority having promised, which value it must be.
func (p *Proposer) propose() {
	switch {
	case p.base.IsZero(), p.wanted == HashOf(p.own), p.rules.ownValue:
		p.accept(p.own)
	default:
		p.begin(Fetching)
	}
}

func (p *Proposer) accept(value []byte) {
	p.value = value
	p.begin(Accepting)
}

// set is a set of voters.
type set struct {
	words []uint64
	count int
}

func newSet(n int) set { return set{words: make([]uint64, (n+63)/64)} }

func (s *set) has(i int) bool { return s.words[i/64]>>(i%64)&1 != 0 }

func (s *set) add(i int) {
	s.words[i/64] |= 1 << (i % 64)
	s.count++
}
