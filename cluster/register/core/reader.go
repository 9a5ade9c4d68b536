package core

import "math/bits"

// Reader puts the answers to one read together. It counts only replicas that know of
// the highest fence met: what one of the others says may change by an Accept that the
// fence refuses elsewhere.
type Reader struct {
	n       int
	fence   uint64
	lag     bool
	answers []Answer // of those that served it
	from    []int
	heard   uint64
	rules   rules
}

// NewReader returns a Reader for a row of n replicas, at most 64.
func NewReader(n int) Reader { return Reader{n: n} }

// Answer takes what replica number from said. It returns the row's record and true
// as soon as a majority hold the identical one.
func (r *Reader) Answer(from int, a Answer) (Record, bool) {
	if r.heard&(1<<from) != 0 {
		return Record{}, false
	}
	r.heard |= 1 << from
	if a.Refusal != None || !r.level(a.Fence) {
		return Record{}, false
	}
	r.answers, r.from = append(r.answers[:len(r.answers):len(r.answers)], a), append(r.from[:len(r.from):len(r.from)], from)
	if r.rules.readAny && len(r.answers) >= Majority(r.n) {
		rec, _ := r.Highest()
		return rec, true
	}
	if bits.OnesCount64(r.holders(a.Record.Ballot)) >= Majority(r.n) {
		return a.Record, true
	}
	return Record{}, false
}

// level reports whether an answer from behind a fence counts, and drops those that no
// longer do.
func (r *Reader) level(fence uint64) bool {
	if fence == r.fence || r.rules.anyFence {
		return true
	}
	r.lag = r.lag || fence < r.fence || len(r.answers) > 0
	if fence > r.fence {
		r.fence, r.answers, r.from = fence, nil, nil
	}
	return fence == r.fence
}

// Fence returns the highest fence met and whether a replica does not know of it: it
// has to be told before the row is read again.
func (r *Reader) Fence() (fence uint64, lag bool) { return r.fence, r.lag }

// holders has a bit for each replica that holds the record at b for certain.
func (r *Reader) holders(b Ballot) (set uint64) {
	for i, a := range r.answers {
		if a.Record.Ballot == b && !a.Soft {
			set |= 1 << r.from[i]
		}
	}
	return set
}

// Single returns the number of the only one of two replicas that answered, and whether
// there is one: it may be asked to answer alone.
func (r *Reader) Single() (from int, ok bool) {
	if r.n != 2 || len(r.from) != 1 || r.Complete() {
		return 0, false
	}
	return r.from[0], true
}

// Silent reports whether no replica was heard of.
func (r *Reader) Silent() bool { return r.heard == 0 }

// Majority reports whether enough replicas answered to settle the row.
func (r *Reader) Majority() bool { return len(r.answers) >= Majority(r.n) }

// Complete reports whether nobody is left to answer.
func (r *Reader) Complete() bool { return bits.OnesCount64(r.heard) == r.n }

// Highest returns the highest record heard of and who holds it for certain, for
// Proposer.WriteBack. After a majority of answers it is at or above what was chosen
// when the read began.
func (r *Reader) Highest() (Record, uint64) {
	var best Record
	for _, a := range r.answers {
		if best.Ballot.Less(a.Record.Ballot) {
			best = a.Record
		}
	}
	return best, r.holders(best.Ballot)
}
