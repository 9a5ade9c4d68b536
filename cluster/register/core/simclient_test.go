package core

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// opKind is what a client does to a row.
type opKind uint8

const (
	opRead opKind = iota
	opPut
	opAppend // new value = old value + own mark
	opCreate // refused if the row exists
	opDelete
	opTouch // identity update
	opKinds
)

// input and output are what a history tells of an operation on one key.
type input struct {
	kind opKind
	mark string
}

type output struct {
	value string // "" is absent
	known bool   // false: nobody knows whether it happened
	no    bool   // a create that was refused
}

const never = 1 << 40 // the time at which an unknown outcome may still come

// node is where clients run: it makes ballots.
type simNode struct {
	*sim
	id   uint64
	skew int
	last uint64
	hist map[string][]porcupine.Operation
}

func (n *simNode) ballot(above Ballot) Ballot {
	n.last = max(uint64(max(n.now+n.skew, 0)), n.last+1, above.Round+1)
	return Ballot{n.last, n.id, n.rng.Uint64() % 8}
}

func (n *simNode) note(key string, client int, in input, called int, out output) {
	ret := n.now
	if !out.known {
		ret = never
	}
	n.hist[key] = append(n.hist[key], porcupine.Operation{ClientId: client, Input: in, Call: int64(called), Output: out, Return: int64(ret)})
}

// client is one operation of a node under way.
type client struct {
	*simNode
	key      string
	in       input
	p        Proposer
	attempts int
	called   int
	id       int
	out      output
	finished bool
	then     func(Record, bool)
}

const maxAttempts = 12

func text(s string) *Value { return &Value{Data: []byte(s)} }

func str(v *Value) string {
	if v == nil {
		return ""
	}
	return string(v.Data)
}

// start begins an operation; then is told the record it left and whether that is
// known.
func (n *simNode) start(id int, key string, in input, then func(Record, bool)) *client {
	c := &client{simNode: n, key: key, in: in, called: n.now, id: id, then: then}
	c.p = NewProposer(len(n.replicas), 0)
	c.p.rules = n.rules
	if in.kind == opRead {
		c.read()
	} else {
		c.attempt()
	}
	return c
}

func (c *client) finish(out output, rec Record) {
	if c.finished {
		return
	}
	c.finished = true
	c.note(c.key, c.id, c.in, c.called, out)
	if c.then != nil {
		c.then(rec, out.known)
	}
}

// attempt prepares under a new ballot, and tries again if that comes to nothing.
func (c *client) attempt() {
	if c.finished {
		return
	}
	if c.attempts++; c.attempts > maxAttempts {
		c.finish(output{}, Record{})
		return
	}
	b := c.ballot(c.p.Beat())
	c.p.Start(b)
	c.again(b)
	for i := range c.replicas {
		call(c.sim, i, func(r *simReplica) Answer { return r.prepare(c.key, b) }, func(a Answer) {
			if c.p.Phase() == Preparing {
				c.step(c.p.Promised(i, a))
			}
		})
	}
}

// again sets the time after which an attempt at b is given up.
func (c *client) again(b Ballot) {
	c.after(4*c.slow+c.rng.IntN(6*c.slow), func() {
		if !c.finished && c.p.Ballot() == b {
			c.attempt()
		}
	})
}

func (c *client) step(p Phase) {
	switch p {
	case Deciding:
		c.decide()
	case Chosen:
		c.chosen()
	}
}

func (c *client) decide() {
	switch v, value := c.p.Verdict(); v {
	case Unknown:
		c.finish(output{}, Record{})
		return
	case Applied:
		c.out = output{value: str(value), known: true}
		c.p.Keep(false)
	default:
		c.propose(str(c.p.Base().Value))
	}
	if c.p.Phase() == Chosen {
		c.chosen()
		return
	}
	c.accept()
}

func (c *client) propose(old string) {
	c.out = output{known: true, value: c.in.mark}
	switch {
	case c.in.kind == opRead || c.in.kind == opTouch:
		c.out.value = old
		c.p.Keep(c.in.kind == opTouch && c.rng.IntN(2) == 0)
	case c.in.kind == opDelete:
		c.out.value = ""
		c.p.Write(nil)
	case c.in.kind == opCreate && old != "":
		c.out = output{known: true, no: true, value: old}
		c.p.Keep(false)
	case c.in.kind == opAppend:
		c.out.value = old + c.in.mark
		c.p.Write(text(c.out.value))
	default:
		c.p.Write(text(c.in.mark))
	}
}

func (c *client) accept() {
	rec := c.p.Next()
	for i := range c.replicas {
		call(c.sim, i, func(r *simReplica) Answer { return r.accept(c.key, rec) }, func(a Answer) {
			if c.p.Phase() == Accepting {
				c.step(c.p.Accepted(i, a))
			}
		})
	}
}

func (c *client) chosen() {
	rec := c.p.Next()
	if rec.Ballot.IsZero() {
		rec = c.p.Base()
	}
	c.finish(c.out, rec)
}

// read asks all, and settles what they differ in.
func (c *client) read() {
	r := NewReader(len(c.replicas))
	r.rules = c.rules
	over := false
	settle := func() {
		if over || c.finished {
			return
		}
		over = true
		best, holders := r.Highest()
		if !r.Majority() || best.Ballot.IsZero() {
			c.attempt()
			return
		}
		c.out = output{known: true, value: str(best.Value)}
		c.p.WriteBack(best, holders)
		c.again(best.Ballot)
		if c.p.Phase() == Chosen {
			c.chosen()
			return
		}
		c.accept()
	}
	c.after(3*c.slow, settle)
	for i := range c.replicas {
		call(c.sim, i, func(r *simReplica) Answer {
			return r.cell(c.key).Read(&r.limits)
		}, func(a Answer) {
			if over || c.finished {
				return
			}
			if rec, ok := r.Answer(i, a); ok {
				over = true
				c.finish(output{known: true, value: str(rec.Value)}, rec)
			} else if r.Complete() {
				settle()
			}
		})
	}
}

// scan lists all rows page by page and notes each row shown, or passed over, as a
// read that lasted as long as its page.
func (n *simNode) scan(id int, keys []string, after string, limit int, delimiter byte) {
	s := NewScanner([]int{len(n.replicas)})
	s.rules = n.rules
	done, called := false, n.now
	for i := range n.replicas {
		once := false
		call(n.sim, i, func(r *simReplica) Section { return r.scan(after, limit, delimiter) }, func(sec Section) {
			if done || once {
				return
			}
			once = true
			if done = s.Answer([]int{0}, sec); done {
				n.page(id, s, keys, after, limit, delimiter, called)
			}
		})
	}
}

func (n *simNode) page(id int, s *Scanner, keys []string, after string, limit int, delimiter byte, called int) {
	rows, through, more := s.Merge()
	shown := make(map[string]Merged)
	for _, m := range rows {
		shown[m.Key()] = m
	}
	for _, key := range keys {
		at := key
		if g := groupOf(key, delimiter); g != "" {
			at = g
		}
		m, ok := shown[at]
		if at <= after || more && at > through {
			continue
		}
		switch {
		case !ok || m.Settled && (m.Group == "" || m.Sort == key):
			n.note(key, id, input{kind: opRead}, called, output{known: true, value: str(m.Record.Value)})
		case !m.Settled && m.Group == "":
			n.start(id, key, input{kind: opRead}, nil).called = called
		}
	}
	if more {
		n.scan(id, keys, through, limit, delimiter)
	}
}

// forget asks every replica to confirm a tombstone that one holds, and drops it.
func (s *sim) forget(at int, key string) {
	r := s.replicas[at]
	c := r.cell(key)
	if r.down || c.Ballot.IsZero() || c.Value != nil {
		return
	}
	d := c.Ballot
	f := NewForgetter(len(s.replicas), 1)
	f.rules = s.rules
	for i := range s.replicas {
		call(s, i, func(r *simReplica) Confirmation {
			return r.cell(key).Confirm(d, &r.limits, 1)
		}, func(a Confirmation) {
			if !f.Answer(i, a) || r.down {
				return
			}
			if floor, ok := r.cell(key).Forget(d, &r.limits); ok {
				r.limits.Floor = floor
				delete(r.cells, key)
			}
		})
	}
}

// registerModel is the sequential row that histories are checked against.
var registerModel = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, in, out any) (bool, any) {
		return applyOp(state.(string), in.(input), out.(output))
	},
	Equal: func(a, b any) bool { return a.(string) == b.(string) },
	DescribeOperation: func(in, out any) string {
		return fmt.Sprintf("%+v -> %+v", in, out)
	},
}

func applyOp(old string, in input, out output) (bool, any) {
	next := old
	switch {
	case out.no:
		return old == out.value && old != "", old
	case in.kind == opDelete:
		next = ""
	case in.kind == opAppend:
		next = old + in.mark
	case in.kind == opCreate && old != "":
		return !out.known, old
	case in.kind == opPut || in.kind == opCreate:
		next = in.mark
	}
	return !out.known || out.value == next, next
}
