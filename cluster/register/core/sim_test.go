package core

import (
	"container/heap"
	"math/rand/v2"
	"slices"
)

// sim is a seeded world: replicas that crash and lose what they did not write down,
// a network that delays, reorders, repeats and loses, and clients. It is one
// goroutine and one source of randomness, so a seed is a run.
type sim struct {
	rng      *rand.Rand
	now, seq int
	queue    events
	replicas []*simReplica
	loss     float64
	repeat   float64
	slow     int // highest delay of a message
	rules    rules
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
	s.seq++
	heap.Push(&s.queue, event{s.now + d, s.seq, run})
}

// run plays all events.
func (s *sim) run() {
	for len(s.queue) > 0 {
		e := heap.Pop(&s.queue).(event)
		s.now = e.at
		e.run()
	}
}

func (s *sim) delay() int { return 1 + s.rng.IntN(s.slow) }

// call carries a message to a replica, there handled, and the answer back.
func call[A any](s *sim, to int, handle func(*simReplica) A, reply func(A)) {
	times := 1
	if s.rng.Float64() < s.repeat {
		times = 2
	}
	for range times {
		if s.rng.Float64() < s.loss {
			continue
		}
		s.after(s.delay(), func() {
			r := s.replicas[to]
			if r.down {
				return
			}
			a := handle(r)
			if s.rng.Float64() >= s.loss {
				s.after(s.delay(), func() { reply(a) })
			}
		})
	}
}

// simReplica keeps cells as the shell does: a write is one step with its fsync,
// which is the same as a message lost if a crash comes between.
type simReplica struct {
	cells  map[string]*Cell
	limits Limits
	down   bool
}

const simStep = 15 // how far the ceiling is raised

func (r *simReplica) cell(key string) *Cell {
	c := r.cells[key]
	if c == nil {
		c = new(Cell)
	}
	return c
}

// keep stores a cell unless it says nothing.
func (r *simReplica) keep(key string, c *Cell) {
	if c.Ballot.IsZero() && c.Promised.IsZero() {
		delete(r.cells, key)
		return
	}
	r.cells[key] = c
}

func (r *simReplica) prepare(key string, b Ballot) Answer {
	c := r.cell(key)
	a, raise := c.Prepare(b, &r.limits)
	if raise {
		r.limits.Ceiling = CeilingFor(b, simStep)
		a, _ = c.Prepare(b, &r.limits)
	}
	r.keep(key, c)
	return a
}

func (r *simReplica) accept(key string, rec Record) Answer {
	c := r.cell(key)
	a, _ := c.Accept(rec, &r.limits)
	r.keep(key, c)
	return a
}

// restart loses what is not durable.
func (r *simReplica) restart() {
	for key, c := range r.cells {
		if c.Promised = c.Ballot; c.Ballot.IsZero() {
			delete(r.cells, key)
		}
	}
	r.limits.Start = r.limits.Ceiling
	r.down = false
}

// shed drops promises, having raised that of all rows.
func (r *simReplica) shed() {
	for _, c := range r.cells {
		r.limits.Start = r.limits.Start.Max(c.Promised)
	}
	for key, c := range r.cells {
		if c.Ballot.IsZero() {
			delete(r.cells, key)
		}
	}
}

// scan answers like the shell: in order, cut at limit, tombstones included, groups
// of the rows that contain the delimiter rolled up.
func (r *simReplica) scan(after string, limit int, delimiter byte) Section {
	keys := make([]string, 0, len(r.cells))
	for k, c := range r.cells {
		if !c.Ballot.IsZero() && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var s Section
	for _, k := range keys {
		group := groupOf(k, delimiter)
		if group != "" && (group == after || len(s.Items) > 0 && s.Items[len(s.Items)-1].Group == group) {
			continue
		}
		if len(s.Items) == limit {
			s.More, s.Last = true, s.Items[limit-1].Key()
			break
		}
		c := r.cells[k]
		s.Items = append(s.Items, Item{Sort: k, Group: group, Record: c.Record, Soft: c.Soft})
	}
	return s
}

func groupOf(key string, delimiter byte) string {
	for i := range len(key) {
		if key[i] == delimiter {
			return key[:i+1]
		}
	}
	return ""
}
