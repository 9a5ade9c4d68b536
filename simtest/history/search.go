package history

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// An operation of unknown outcome comes true at any later time, or never, so that a search
// which tries every set of them takes twice as long for each. Most of these sets are alike:
//
//   - one that changes nothing where it stands may as well stand at the end, where nobody looks;
//   - of deletes, any that comes true may as well be the one that was called first; so may any write of
//     a value that nobody saw, and any of those that were to be done only if there was nothing;
//   - such a write shows by nothing but a mismatch, and can be left out if none ended after its call.
//
// The search tries one set of each kind. TestSearchLeavesNothingOut compares it with one that tries all.

// unseen is the value of all bodies that nobody saw or named in a condition.
const unseen = -1

// move is an operation as it is searched with.
type move struct {
	Op
	kind moveKind
	turn int // among those of a kind of which one is as good as the other
}

type moveKind int

const (
	known     moveKind = iota
	single             // unknown, and like no other; of the kinds below any is as good as the next
	anyDelete          // unknown, without a condition
	anyWrite           // the same, of an unseen value
	anyNew             // of an unseen value, if there is none
	kinds              // their number
)

// place is where a search is: what the key holds, and how many of each kind were made.
type place struct {
	value int
	turns [kinds]int
}

// moves prepares the operations of one key.
func moves(ops []Op) []move {
	seen := map[int]bool{}
	mismatch := time.Duration(math.MinInt64) // when the last one ended
	for _, o := range ops {
		if o.Kind.reads() {
			seen[o.Value] = true
		}
		if o.Match != 0 {
			seen[o.Match] = true
		}
		if o.Outcome == Mismatch {
			mismatch = max(mismatch, o.Return)
		}
	}
	ops = slices.SortedStableFunc(slices.Values(ops), func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	var out []move
	var turns [kinds]int
	for _, o := range ops {
		m := move{Op: o}
		hidden := !o.Kind.reads() && o.Kind != Delete && !seen[o.Value]
		if hidden {
			m.Value = unseen
		}
		switch {
		case o.Outcome != Unknown:
		case hidden && mismatch < o.Call:
			continue
		default:
			m.kind = kindOf(o, hidden)
		}
		m.turn = turns[m.kind]
		turns[m.kind]++
		out = append(out, m)
	}
	return out
}

// kindOf is the kind of an operation of unknown outcome.
func kindOf(o Op, hidden bool) moveKind {
	switch {
	case o.Match != 0:
		return single
	case o.Kind == Delete && !o.New:
		return anyDelete
	case hidden && o.New:
		return anyNew
	case hidden:
		return anyWrite
	}
	return single
}

// check searches for an order of one key's operations that explains all answers.
func check(ops []Op, limit time.Duration) porcupine.CheckResult {
	var all []porcupine.Operation
	answered := 0
	for _, m := range moves(ops) {
		end := int64(m.Return)
		if m.kind != known {
			end = math.MaxInt64
		} else {
			answered++
		}
		all = append(all, porcupine.Operation{ClientId: m.Client, Input: m, Call: int64(m.Call), Return: end})
	}
	return porcupine.CheckOperationsTimeout(model(answered), all, limit)
}

// model is one key, with as many operations of known outcome.
func model(answered int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return place{} },
		Step: func(state, input, _ any) (bool, any) {
			ok, next := state.(place).after(input.(move), answered)
			return ok, next
		},
		Hash: func(state any) uint64 {
			p := state.(place)
			return uint64(p.value-unseen) | uint64(p.turns[anyDelete])<<20 | uint64(p.turns[anyWrite])<<35 | uint64(p.turns[anyNew])<<50
		},
	}
}

// after is where a move leads, if it can be made: one of unknown outcome that changes nothing only when all
// known ones were made.
func (p place) after(m move, answered int) (ok bool, next place) {
	if m.kind > single && m.turn != p.turns[m.kind] {
		return false, p
	}
	ok, value := step(p.value, m.Op)
	if m.kind != known && value == p.value && p.turns[known] < answered {
		return false, p
	}
	p.value = value
	p.turns[m.kind]++
	return ok, p
}

// step says whether an operation may have had its outcome in a state, and what follows.
func step(state int, o Op) (ok bool, next int) {
	if o.Kind.reads() {
		return state == o.Value, state
	}
	holds := (!o.New || state == 0) && (o.Match == 0 || state == o.Match)
	after := o.Value
	if o.Kind == Delete {
		after = 0
	}
	switch o.Outcome {
	case Done:
		return holds, after
	case Mismatch:
		return !holds, state
	case Absent:
		return o.Match != 0 && state == 0, state
	}
	// Unknown: in the state in which it comes true, if ever, its condition counts.
	if holds {
		return true, after
	}
	return true, state
}
