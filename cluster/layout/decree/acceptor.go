package decree

// Acceptor is what one voter remembers of one decree. All of it is durable. The zero
// Acceptor has heard of nothing.
type Acceptor struct {
	// Promised is the highest ballot promised: nothing below it is accepted.
	Promised Ballot `cbor:"1,keyasint"`
	// Accepted is the ballot at which Value was accepted; zero: none was.
	Accepted Ballot `cbor:"2,keyasint"`
	Value    []byte `cbor:"3,keyasint"`

	rules rules
}

// Answer is what a voter says to a Prepare or an Accept.
type Answer struct {
	// Ballot is the one that was asked about.
	Ballot Ballot `cbor:"1,keyasint"`
	// Beat is the ballot to exceed after a refusal; zero: the voter did as asked.
	Beat Ballot `cbor:"2,keyasint,omitempty"`
	// Accepted and Hash say, in answer to a Prepare, what was accepted before.
	Accepted Ballot `cbor:"3,keyasint,omitempty"`
	Hash     Hash   `cbor:"4,keyasint,omitempty"`
}

// Prepare promises b, unless a higher ballot was promised. write reports whether the
// Acceptor must be durable before the answer leaves. Asked again it answers again.
func (a *Acceptor) Prepare(b Ballot) (answer Answer, write bool) {
	if b.Less(a.Promised) || b.IsZero() {
		return Answer{Ballot: b, Beat: a.Promised}, false
	}
	write = a.Promised.Less(b)
	if !a.rules.noPromise {
		a.Promised = b
	}
	answer = Answer{Ballot: b, Accepted: a.Accepted}
	if !a.Accepted.IsZero() {
		answer.Hash = HashOf(a.Value)
	}
	return answer, write && !a.rules.lazyPromise
}

// Accept takes the value, which is not empty, at b, unless a higher ballot was
// promised. write: see Prepare. The value is kept, so nobody may change it.
func (a *Acceptor) Accept(b Ballot, value []byte) (answer Answer, write bool) {
	if (b.Less(a.Promised) || b.IsZero()) && !a.rules.acceptAny {
		return Answer{Ballot: b, Beat: a.Promised}, false
	}
	if a.Accepted == b {
		return Answer{Ballot: b}, false
	}
	a.Promised, a.Accepted, a.Value = b, b, value
	return Answer{Ballot: b}, !a.rules.lazyAccept
}

// Fetch returns the value accepted, if it is the one named.
func (a *Acceptor) Fetch(h Hash) ([]byte, bool) {
	if a.Accepted.IsZero() || HashOf(a.Value) != h {
		return nil, false
	}
	return a.Value, true
}

// rules are switches that break the protocol, one rule at a time. Only tests set
// them, to show that the explorer sees each rule missing; the zero value is the
// protocol.
type rules struct {
	noPromise   bool // Prepare does not bind
	lazyPromise bool // a promise is not durable before the answer
	lazyAccept  bool // nor is what was accepted
	acceptAny   bool // Accept does not look at the promise
	ownValue    bool // a proposer proposes its own value whatever was accepted
	anyValue    bool // it proposes what it heard of first, not what was accepted last
	half        bool // half of the voters are enough
	twice       bool // a voter's answer counts each time it comes
}
