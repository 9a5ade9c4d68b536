package core

import "math/bits"

// Phase is where a Proposer stands.
type Phase uint8

// The phases.
const (
	Idle      Phase = iota
	Preparing       // send Prepare(Ballot) to all replicas, hand in the answers
	Deciding        // call Verdict, then Write or Keep
	Accepting       // send Accept(Next) to all replicas, hand in the answers
	Chosen          // Next was accepted by a majority, or nothing had to be written
	Stalled         // no majority can be had at this ballot: Start a higher one
)

// Verdict says what became of a change's earlier attempts.
type Verdict uint8

// The verdicts.
const (
	Open    Verdict = iota // none of them happened, and none will once a new one does
	Applied                // one happened
	Unknown                // one may have happened
)

// attempt is one ballot at which a change was sent to be accepted.
type attempt struct {
	ballot Ballot
	value  *Value
}

// Proposer takes one change of one row through its attempts.
type Proposer struct {
	n       int
	phase   Phase
	ballot  Ballot
	yes, no uint64 // replicas that agreed and that refused, by bit, at ballot and phase
	never   uint64 // those of no that never took it and never will
	beat    Ballot
	base    Record // highest record among the promises
	same    int    // promises that hold exactly base, for certain
	floor   Ballot // highest floor among the promises
	fence   uint64 // highest fence among the promises
	epoch   uint64
	next    Record
	own     bool   // next is a new value of this change
	made    Ballot // of Make: who forecloses the row goes above it
	sent    []attempt
	rules   rules
}

// NewProposer returns a Proposer for a row of n replicas, at most 64, and a change
// of the given epoch.
func NewProposer(n int, epoch uint64) Proposer { return Proposer{n: n, epoch: epoch} }

// Majority returns how many of n replicas decide.
func Majority(n int) int { return n/2 + 1 }

// Start begins an attempt at b, which is new and above every ballot used before.
func (p *Proposer) Start(b Ballot) {
	p.begin(Preparing, b)
	p.base, p.same, p.floor, p.next, p.own = Record{}, 0, Ballot{}, Record{}, false
}

func (p *Proposer) begin(phase Phase, b Ballot) {
	p.phase, p.ballot, p.yes, p.no, p.never = phase, b, 0, 0, 0
}

// Make says that the change makes a row that nobody else can know, at b. Who forecloses
// such a row, by a tombstone where he found nothing, does so above b.
func (p *Proposer) Make(b Ballot) {
	if p.made.IsZero() {
		p.made = b
	}
}

// Create begins the first attempt of a change that makes a row at b: it goes straight to
// Accept, which replicas take above a lower tombstone.
func (p *Proposer) Create(b Ballot, v *Value) {
	if len(p.sent) > 0 && !p.rules.createAgain {
		panic("core: only the first attempt may skip Prepare")
	}
	p.Make(b)
	p.Start(b)
	p.Write(v)
}

// WriteBack begins by offering a record as it is to the replicas that lack it;
// holders has a bit for each that is known to hold it.
func (p *Proposer) WriteBack(r Record, holders uint64) {
	p.Start(r.Ballot)
	p.begin(Accepting, r.Ballot)
	p.base, p.next, p.yes = r, r, holders
	p.tally(Chosen)
}

// Phase returns where the Proposer stands; Ballot the ballot it is at; Next what is
// to be accepted; Base what the change applies to.
func (p *Proposer) Phase() Phase   { return p.phase }
func (p *Proposer) Ballot() Ballot { return p.ballot }
func (p *Proposer) Next() Record   { return p.next }
func (p *Proposer) Base() Record   { return p.base }

// Beat returns the highest ballot that a refusal named.
func (p *Proposer) Beat() Ballot { return p.beat }

// Fenced reports whether a replica is closed to this change's epoch.
func (p *Proposer) Fenced() bool { return p.epoch < p.fence }

// Passes, in phase Deciding, reports whether the base was written by a change that may pass the
// fence. Then Keep may choose it anew though this change is Fenced: it keeps the base's epoch.
func (p *Proposer) Passes() bool { return !p.base.Ballot.IsZero() && p.base.Epoch >= p.fence }

// Sent reports whether an Accept of this change may still be under way.
func (p *Proposer) Sent() bool { return len(p.sent) > 0 }

// Promised takes replica number from's answer to Prepare, Accepted that to Accept.
// They return the phase then. Answers that come late, again or about another ballot
// are ignored.
func (p *Proposer) Promised(from int, a Answer) Phase {
	if p.due(Preparing, from, a) {
		p.learn(a)
		p.tally(Deciding)
	}
	return p.phase
}

// Accepted: see Promised.
func (p *Proposer) Accepted(from int, a Answer) Phase {
	if p.due(Accepting, from, a) {
		p.tally(Chosen)
	}
	return p.phase
}

// due notes an answer and reports whether it is one that agrees.
func (p *Proposer) due(phase Phase, from int, a Answer) bool {
	if p.phase != phase || a.Ballot != p.ballot || (p.yes|p.no)&(1<<from) != 0 {
		return false
	}
	if a.Refusal != None {
		p.refused(from, a)
		return false
	}
	p.yes |= 1 << from
	return true
}

func (p *Proposer) refused(from int, a Answer) {
	p.no |= 1 << from
	p.beat = p.beat.Max(a.Beat)
	if a.Never || p.rules.neverTwice {
		p.never |= 1 << from
	}
	if p.own && p.phase == Accepting && bits.OnesCount64(p.never) == p.n {
		p.sent = p.sent[:len(p.sent)-1] // nobody has it, and nobody ever will
	}
	if a.Refusal == Fenced {
		p.fence = max(p.fence, a.Fence)
	}
	if bits.OnesCount64(p.no) > p.n-Majority(p.n) {
		p.phase = Stalled
	}
}

func (p *Proposer) learn(a Answer) {
	p.floor, p.fence = p.floor.Max(a.Floor), max(p.fence, a.Fence)
	switch c := a.Record.Ballot.Compare(p.base.Ballot); {
	case c > 0:
		p.base, p.same = a.Record, 0
	case c < 0:
		return
	}
	if !a.Soft {
		p.same++
	}
}

func (p *Proposer) tally(won Phase) {
	if bits.OnesCount64(p.yes) >= Majority(p.n) {
		p.phase = won
	}
}

// Verdict, in phase Deciding, tells what became of earlier attempts; of an Applied
// one, the value it wrote. After Applied call Keep; after Unknown give up.
func (p *Proposer) Verdict() (Verdict, *Value) {
	horizon, v := p.base.horizon(p.floor), Open
	if p.base.Ballot.IsZero() && !p.made.IsZero() && p.made.Compare(p.floor) <= 0 && !p.rules.makeAnew {
		v = Unknown // somebody may have foreclosed the row, and that was forgotten
	}
	for _, s := range p.sent {
		if p.base.has(s.ballot) && !p.rules.noRecent {
			return Applied, s.value
		}
		if s.ballot.Compare(horizon) <= 0 && !p.rules.noHorizon && !p.rules.noRecent {
			v = Unknown
		}
	}
	return v, nil
}

// Write, in phase Deciding, proposes v, nil for a deletion, in place of the base.
func (p *Proposer) Write(v *Value) {
	p.next = p.base.follow(p.ballot, v, p.floor, p.epoch)
	p.sent = append(p.sent[:len(p.sent):len(p.sent)], attempt{p.ballot, v})
	p.begin(Accepting, p.ballot)
	p.own = true
}

// Keep, in phase Deciding, leaves the value as it is. Once Chosen, the base is what
// the row held, and no earlier attempt that was not Applied ever will be. It is
// written anew if that is needed to make it so, or if always is set.
func (p *Proposer) Keep(always bool) {
	if !always && p.settled() {
		p.phase = Chosen
		return
	}
	p.next = p.base.again(p.ballot, p.floor, p.epoch)
	p.begin(Accepting, p.ballot)
}

// settled reports whether the base is chosen, and above what this change sent.
func (p *Proposer) settled() bool {
	if p.rules.blindRefusal {
		return true
	}
	for _, s := range p.sent {
		if !s.ballot.Less(p.base.Ballot) {
			return false
		}
	}
	return p.same >= Majority(p.n)
}

// Resize makes the next attempt one among n replicas.
func (p *Proposer) Resize(n int) { p.n = n }
