package register

import (
	"context"
	"slices"

	"rhizome/base/ident"
	"rhizome/cluster/register/core"
)

// A term that begins a lineage comes after nodes were lost for good (layout.Recover).
// Rows under it are what is left, and the import is another one:
//
//   - No node wipes what it has before it knows that others have something newer.
//   - Every node of the layout is a source. It tells what it had when the term began: the
//     term whose rows it had whole (Was) and the one whose rows, and votes, it had in part
//     (Had). Both are durable and stay while the term lasts, so that all who ask, however
//     often, are told the same.
//   - If a majority of the replicas of the term before are left, a majority of them, one
//     of which was whole, is enough, as in any import: whatever was chosen is among them.
//   - If fewer are left, all of them are asked; that is enough if one of them was whole.
//   - Else all nodes are asked: some that kept rows of a term further back for others may
//     be all that is left of it. What counts is the newest term that a node was whole
//     under, and what others have of that term and later ones: rows from before it may
//     bring back what was deleted since and forgotten. Nothing was forgotten in a term of
//     which a replica was not whole.
//
// As the sources are sealed and all of them are asked where no majority is, every replica
// of the term imports the same; and after that the rules are the usual ones.

// left returns the nodes of a term that began a lineage, else nil.
func (r *Replica) left(term uint64) []ident.NodeID {
	if r.options.Plans == nil {
		return nil
	}
	return r.options.Plans.Left(term)
}

// leavings is what an import goes by under a term that began a lineage.
type leavings struct {
	before       uint64 // the term before, 0 if nobody here remembers it
	replicas     int    // how many it had
	first, other []ident.NodeID
}

// leavings sorts the nodes that are left: replicas of the term before first.
func (r *Replica) leavings(group int, term uint64, left []ident.NodeID) leavings {
	var s leavings
	before, replicas, ok := r.before(group, term)
	if ok {
		s.before, s.replicas = before, len(replicas)
	}
	for _, n := range left {
		if ok && slices.Contains(replicas, n) {
			s.first = append(s.first, n)
		} else {
			s.other = append(s.other, n)
		}
	}
	return s
}

// enough reports whether so many replicas of the term before, of which one or none was
// whole, know all that can be known.
func (s *leavings) enough(heard int, whole bool) bool {
	return whole && s.before > 0 && heard >= min(core.Majority(s.replicas), len(s.first))
}

// lone reports whether this node need ask nobody.
func (r *Replica) lone(group int, t *tenure, left []ident.NodeID) bool {
	s := r.leavings(group, t.Known, left)
	if len(left) == 1 {
		return true
	}
	return slices.Contains(s.first, r.node) && s.enough(1, t.was == s.before)
}

// pullLeft is pull under a term that began a lineage.
func (r *Replica) pullLeft(ctx context.Context, i *importing, q ExportQuery, left []ident.NodeID) (*pulled, error) {
	s := r.leavings(i.group, i.term, left)
	q.Partition, q.Term, q.From = partitionOf(i.group), i.term, s.before
	ctx, cancel := context.WithTimeout(ctx, 2*pullWait)
	defer cancel()
	own := r.tenures[i.group].Load()
	if own.imp != i {
		return nil, errEnded
	}
	got, newest, err := r.askLeft(ctx, &s, own, q)
	if err != nil {
		return nil, err
	}
	if own.had != 0 && own.had < newest {
		return nil, r.dropStale(i)
	}
	p := &pulled{from: q.Begin, to: q.End, whole: true, n: max(s.replicas, 1), self: -1,
		rows: make(map[string]*pulledRow), fences: make(map[partID]uint64)}
	if own.had != 0 {
		p.self = len(left) // any number that no other source has
	}
	counts := func(e *Export) bool { return e.Had != 0 && e.Had >= newest }
	for _, a := range got {
		if counts(a.e) {
			p.cut(a.e)
		}
	}
	for _, a := range got {
		if counts(a.e) {
			p.add(a.from, a.e)
		} else {
			p.limit(a.e)
		}
	}
	return p, nil
}

// askLeft asks those that are left until their answers are enough, and returns them and
// the newest term that counts as whole.
func (r *Replica) askLeft(ctx context.Context, s *leavings, own *tenure, q ExportQuery) (got []exported, newest uint64, err error) {
	heard, whole := 0, false
	if slices.Contains(s.first, r.node) {
		heard, whole = 1, own.was == s.before
	}
	got, err = r.askSources(ctx, s.first, q, func(got []exported) bool {
		all := whole
		for _, a := range got {
			all = all || a.e.Was == s.before
		}
		return s.enough(heard+len(got), all)
	})
	if err == nil {
		return got, s.before, nil
	}
	if heard+len(got) < len(s.first) {
		return nil, 0, err
	}
	others := len(s.other)
	if slices.Contains(s.other, r.node) {
		others--
	}
	more, err := r.askSources(ctx, s.other, q, func(got []exported) bool { return len(got) == others })
	if err != nil {
		return nil, 0, err
	}
	newest = own.was
	for _, a := range more {
		a.from += len(s.first)
		got = append(got, a)
	}
	for _, a := range got {
		newest = max(newest, a.e.Was)
	}
	return got, newest, nil
}

// dropStale removes rows that are older than what others have: the import begins again
// without them.
func (r *Replica) dropStale(i *importing) error {
	r.adopting.Lock()
	defer r.adopting.Unlock()
	t := r.tenures[i.group].Load()
	if t.imp != i {
		return errEnded
	}
	next := &tenure{Tenure: core.Tenure{Known: t.Known}, rows: t.rows, pair: t.pair}
	next.imp = r.newImport(i.group, next, false)
	if err := r.seal([]change{{group: i.group, old: t, next: next, wipe: true}}); err != nil {
		return err
	}
	r.moved()
	return errEnded
}
