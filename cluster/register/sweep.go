package register

import (
	"bytes"
	"context"
	"strings"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

const (
	// sweepBytes bounds what one answer to a Sweep carries.
	sweepBytes = 8 << 20
	// sweepSteps bounds how many rows one answer passes over.
	sweepSteps = 200_000
	arenaBlock = 64 << 10
)

// Scan is Peer's: it merges the rows of all parts, by one iterator each.
func (r *Replica) Scan(ctx context.Context, s Sweep) (core.Section, error) {
	w := sweeper{Sweep: s, replica: r}
	defer w.close()
	if w.Single && !w.sure() {
		return core.Section{Fences: make([]uint64, len(s.Parts))}, nil
	}
	if err := w.admit(ctx); err != nil {
		return core.Section{}, err
	}
	if err := r.fence(s.Table, s.Parts, s.Fence); err != nil {
		return core.Section{}, err
	}
	for _, part := range s.Parts {
		w.out.Fences = append(w.out.Fences, r.fences.of(s.Table, part).told) // before the view
	}
	if w.Single {
		w.view = r.kv.View()
	}
	if err := w.open(); err != nil {
		return core.Section{}, err
	}
	r.kv.Barrier() // what the iterators see is durable from here on
	if err := w.run(ctx); err != nil {
		return core.Section{}, err
	}
	if w.out.More && w.out.Last == "" {
		return core.Section{}, errs.New(errs.Unavailable, "rows are being imported; try again")
	}
	if w.view != nil {
		var err error
		if w.out.Certain, err = w.certain(ctx, w.view); err != nil {
			return core.Section{}, err
		}
	}
	for i, part := range s.Parts {
		if err := r.still(s.Terms[i], part); err != nil {
			return core.Section{}, err
		}
	}
	return w.out, nil
}

// sure reports whether this replica may answer for the other one of two, too.
func (w *sweeper) sure() bool {
	for i, part := range w.Parts {
		if t := w.replica.tenures[groupOf(slotOf(part))].Load(); !t.sure || !t.pairs(w.Terms[i]) {
			return false
		}
	}
	return true
}

// admit imports what the answer needs of rows that are not here yet. Where that is not
// all up to the end, the answer is cut.
func (w *sweeper) admit(ctx context.Context) error {
	first := w.first()
	for i, part := range w.Parts {
		head := appendPart(nil, headKey, w.Table, part)
		t := w.replica.tenureOf(head)
		refusal, lacks := t.admits(w.Terms[i])
		if refusal != core.None {
			return refusedPlan(refusal)
		}
		if !lacks || first == "" && w.After != "" {
			continue
		}
		from := append(head[1:len(head):len(head)], first...)
		to := after(append(head[1:len(head):len(head)], w.Prefix...))
		if bytes.Compare(from, to) >= 0 {
			continue
		}
		through, err := w.replica.cover(ctx, t.imp, from, to, w.Limit+1)
		if err != nil {
			return err
		}
		if bytes.Compare(through, to) < 0 {
			if end := string(through[len(head)-1:]); w.cut == nil || end < *w.cut {
				w.cut = &end
			}
		}
	}
	return nil
}

// cursor is the place of one part's iterator.
type cursor struct {
	it   *kv.Iter
	part int
	base int    // where Sort begins in a key
	sort []byte // of the present row
}

// sweeper answers one Sweep. cursors is a heap by (sort, part).
type sweeper struct {
	Sweep
	replica *Replica
	all     []*kv.Iter
	view    *kv.View // of rows and doubts, if Single
	soft    bool     // a row that was passed over or taken is soft
	cursors []cursor
	out     core.Section
	size    int
	steps   int
	cut     *string // from this Sort on, not all rows are here
	last    []byte  // key of the place last finished
	arena   []byte
	values  []Value
	cell    core.Cell
}

// first returns the least Sort to look at.
func (w *sweeper) first() string {
	if w.After < w.Prefix || w.After == "" {
		return w.Prefix
	}
	if rollup(w.After, w.Prefix, w.Delimiter) == len(w.After) {
		return string(after([]byte(w.After)))
	}
	return w.After + "\x00"
}

// rollup returns the length of the group that a sort key belongs to, 0 if none.
func rollup(sort, prefix, delimiter string) int {
	if delimiter == "" || !strings.HasPrefix(sort, prefix) {
		return 0
	}
	if i := strings.Index(sort[len(prefix):], delimiter); i >= 0 {
		return len(prefix) + i + len(delimiter)
	}
	return 0
}

func (w *sweeper) open() error {
	first := w.first()
	if first == "" && w.After != "" {
		return nil // nothing can follow
	}
	w.cursors = make([]cursor, 0, len(w.Parts))
	for i, part := range w.Parts {
		head := appendPart(make([]byte, 0, 64+len(part)), headKey, w.Table, part)
		from := append(head[:len(head):len(head)], first...)
		to := after(append(head[:len(head):len(head)], w.Prefix...))
		if to != nil && bytes.Compare(from, to) >= 0 {
			continue
		}
		it, err := w.iter(from, to)
		if err != nil {
			return err
		}
		w.all = append(w.all, it)
		w.cursors = append(w.cursors, cursor{it: it, part: i, base: len(head)})
	}
	return nil
}

func (w *sweeper) iter(from, to []byte) (*kv.Iter, error) {
	if w.view != nil {
		return w.view.Iter(from, to)
	}
	return w.replica.kv.Iter(from, to)
}

func (w *sweeper) close() {
	for _, it := range w.all {
		_ = it.Close()
	}
	if w.view != nil {
		_ = w.view.Close()
	}
}

// run fills out.
func (w *sweeper) run(ctx context.Context) error {
	live := w.cursors[:0]
	for _, c := range w.cursors {
		if ok, err := c.set(c.it.First()); err != nil {
			return err
		} else if ok {
			live = append(live, c)
		}
	}
	w.cursors = live
	for i := len(live)/2 - 1; i >= 0; i-- {
		w.sift(i)
	}
	var group []byte // finished
	for len(w.cursors) > 0 {
		if w.steps++; w.steps%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		c := &w.cursors[0]
		if len(group) > 0 && w.Alone && bytes.HasPrefix(c.sort, group) {
			if err := w.skip(group); err != nil {
				return err
			}
			continue
		}
		n := w.groupLen(c.sort)
		if w.full(c.sort, n) {
			w.stop()
			return nil
		}
		shown, err := w.take(c, n)
		if err != nil {
			return err
		}
		if shown && n > 0 || !w.Alone && n > 0 {
			group = append(group[:0], c.sort[:n]...)
			w.last = append(w.last[:0], group...)
			err = w.skip(group)
		} else {
			w.last = append(w.last[:0], c.sort...)
			err = w.advance(c.it.Next())
		}
		if err != nil {
			return err
		}
	}
	if w.cut != nil {
		w.stop()
	}
	return nil
}

// stop ends the answer before there are no more rows.
func (w *sweeper) stop() { w.out.More, w.out.Last = true, string(w.last) }

// full reports whether the answer ends before a row. It never ends between rows, or
// parts of a group, that have one key,
// nor at the empty key, which After cannot name.
func (w *sweeper) full(sort []byte, n int) bool {
	if w.cut != nil && string(sort) >= *w.cut {
		return true
	}
	if len(w.out.Items) < w.Limit && w.size < sweepBytes && w.steps < sweepSteps {
		return false
	}
	if n > 0 && !w.Alone {
		sort = sort[:n]
	}
	return len(w.last) > 0 && !bytes.Equal(sort, w.last)
}

func (w *sweeper) groupLen(sort []byte) int {
	if w.Delimiter == "" {
		return 0
	}
	i := bytes.Index(sort[len(w.Prefix):], []byte(w.Delimiter))
	if i < 0 {
		return 0
	}
	return len(w.Prefix) + i + len(w.Delimiter)
}

// take adds the present row to the answer, unless Alone and it is not live.
func (w *sweeper) take(c *cursor, group int) (shown bool, err error) {
	raw, err := c.it.Value()
	if err != nil {
		return false, err
	}
	w.soft = w.soft || softHead(raw)
	if w.Alone && !liveHead(raw, w.Hidden) {
		return false, nil
	}
	v := w.value()
	if _, err := decodeHead(w.keep(raw), &w.cell, v); err != nil {
		return false, err
	}
	it := core.Item{Part: c.part, Sort: string(c.sort), Record: w.cell.Record, Soft: w.cell.Soft}
	it.Group = it.Sort[:group]
	w.out.Items = append(w.out.Items, it)
	w.size += len(raw) + len(c.sort)
	return true, nil
}

// liveHead reports whether a head is of a row that scans show.
func liveHead(head []byte, hiddenToo bool) bool {
	if len(head) < 3 {
		return true // let decodeHead complain
	}
	f := uint16(head[1])<<8 | uint16(head[2])
	return f&fLive != 0 && (hiddenToo || f&fHidden == 0)
}

// softHead reports whether a head is of a record that an import put below a promise.
func softHead(head []byte) bool {
	return len(head) >= 3 && (uint16(head[1])<<8|uint16(head[2]))&fSoft != 0
}

// keep copies b, which the next move of an iterator overwrites.
func (w *sweeper) keep(b []byte) []byte {
	if len(b) > arenaBlock/4 {
		return append([]byte(nil), b...)
	}
	if cap(w.arena)-len(w.arena) < len(b) {
		w.arena = make([]byte, 0, arenaBlock)
	}
	from := len(w.arena)
	w.arena = append(w.arena, b...)
	return w.arena[from:len(w.arena):len(w.arena)]
}

func (w *sweeper) value() *Value {
	if len(w.values) == 0 {
		w.values = make([]Value, min(max(w.Limit, 1), 64))
	}
	v := &w.values[0]
	w.values = w.values[1:]
	return v
}

// skip moves the first cursor behind all rows that begin with group.
func (w *sweeper) skip(group []byte) error {
	c := &w.cursors[0]
	// The next row is often another group's already.
	if ok, err := c.set(c.it.Next()); err != nil || !ok || !bytes.HasPrefix(c.sort, group) {
		return w.moved(ok, err)
	}
	beyond := after(group)
	if beyond == nil {
		return w.moved(false, nil)
	}
	key := c.it.Key()
	target := append(append(make([]byte, 0, c.base+len(beyond)), key[:c.base]...), beyond...)
	ok, err := c.set(c.it.SeekGE(target))
	return w.moved(ok, err)
}

// set notes where the iterator stands after a move that found a row or not.
func (c *cursor) set(found bool) (bool, error) {
	if !found {
		return false, c.it.Err()
	}
	c.sort = append(c.sort[:0], c.it.Key()[c.base:]...)
	return true, nil
}

// advance takes note of a move of the first cursor.
func (w *sweeper) advance(found bool) error {
	ok, err := w.cursors[0].set(found)
	return w.moved(ok, err)
}

// moved restores the heap after the first cursor moved, or ended.
func (w *sweeper) moved(ok bool, err error) error {
	if err != nil {
		return err
	}
	if !ok {
		n := len(w.cursors) - 1
		w.cursors[0] = w.cursors[n]
		w.cursors = w.cursors[:n]
	}
	w.sift(0)
	return nil
}

// sift moves the cursor at i down to its place.
func (w *sweeper) sift(i int) {
	h := w.cursors
	for {
		least := i
		for _, j := range [2]int{2*i + 1, 2*i + 2} {
			if j < len(h) && h[j].before(&h[least]) {
				least = j
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

func (c *cursor) before(o *cursor) bool {
	if d := bytes.Compare(c.sort, o.sort); d != 0 {
		return d < 0
	}
	return c.part < o.part
}
