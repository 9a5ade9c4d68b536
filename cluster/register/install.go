package register

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// errEnded says that a term ended while rows were imported for it.
var errEnded = errs.New(errs.Unavailable, "the layout changed while rows were imported; try again")

// importRow imports one ROW.
func (r *Replica) importRow(ctx context.Context, i *importing, row []byte) error {
	end := append(bytes.Clone(row), 0)
	p, err := r.pull(ctx, i, ExportQuery{Begin: row, End: end, Limit: 1, Touch: true})
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	p.to = end
	if err = r.install(ctx, i, p, false); errors.Is(err, errEnded) {
		err = nil // whoever asked finds out how it ended
	}
	return err
}

// cover imports ROWs from the front of [from, to), which are of one partition key, and
// returns up to where all are imported: want rows at least, or all if that is zero.
func (r *Replica) cover(ctx context.Context, i *importing, from, to []byte, want int) (through []byte, err error) {
	half := halfway(ctx)
	for pulls := 0; ; pulls++ {
		at := i.skip(from)
		if bytes.Compare(at, to) >= 0 || want > 0 && pulls > 0 {
			return at, nil
		}
		if pulls > 0 && half != nil && half() {
			return nil, refusedPlan(core.Behind) // so that the asker hears of it, and asks again
		}
		limit := pageRows
		if want > 0 {
			limit = min(max(want, 2), maxSweep)
		}
		p, err := r.pull(ctx, i, ExportQuery{Begin: at, End: to, Limit: limit, Touch: true})
		if err != nil {
			return nil, err
		}
		if err := r.install(ctx, i, p, false); err != nil {
			return nil, err
		}
	}
}

// halfway returns what tells whether half of a call's time is over; nil if it has no end.
func halfway(ctx context.Context) func() bool {
	end, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	half := time.Until(end) / 2                          // stopwatch
	return func() bool { return time.Until(end) < half } // stopwatch
}

// install writes what was pulled, and remembers that it was, durably if it is the next
// page of the whole partition.
func (r *Replica) install(ctx context.Context, i *importing, p *pulled, next bool) error {
	i.installing.Lock()
	defer i.installing.Unlock()
	if err := r.installLimits(i, p); err != nil {
		return err
	}
	if err := r.addOwn(ctx, i, p); err != nil {
		return err
	}
	if err := r.installRows(i, p, next); err != nil {
		return err
	}
	if !next {
		i.mark(p.from, p.to)
		return nil
	}
	if p.whole {
		return r.finish(i)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cursor = p.to
	return nil
}

// installRows writes the rows. No latch is held when it returns: who adopts a layout
// waits for latches, and finish for them.
func (r *Replica) installRows(i *importing, p *pulled, next bool) error {
	w := pageWriter{r: r, i: i, p: p, sums: make(map[partID][2]int64)}
	defer w.release()
	for _, row := range p.sorted() {
		if err := w.add([]byte(row), p.rows[row]); err != nil {
			return err
		}
	}
	return w.commit(next)
}

// installLimits makes the promises, floor and fences of the sources this replica's
// own, before any row shows.
func (r *Replica) installLimits(i *importing, p *pulled) error {
	if err := r.raiseCeilingBy(p.promised, 0); err != nil {
		return err
	}
	r.raiseStart(p.promised)
	if r.floors[i.group].Load().Less(p.floor) {
		if err := r.raiseFloors(map[int]Ballot{i.group: p.floor}); err != nil {
			return err
		}
	}
	return r.installFences(p.fences)
}

// installFences takes up the fences of the sources as raiseFences does: rows that were
// imported before, when other sources answered, may have been voted on without them.
func (r *Replica) installFences(fences map[partID]uint64) error {
	r.fences.raising.Lock()
	defer r.fences.raising.Unlock()
	b := r.kv.NewBatch()
	var prefixes []string
	for id, epoch := range fences {
		if r.fences.of(id.table, id.part).told < epoch {
			r.fences.raise(id, epoch, 0)
			b.Set(fenceKey(id.table, id.part), binary.BigEndian.AppendUint64(nil, epoch))
			prefixes = append(prefixes, string(appendPart(nil, headKey, id.table, id.part)[1:]))
		}
	}
	if b.Empty() {
		b.Discard()
		return nil
	}
	if err := b.Commit(); err != nil {
		return err
	}
	r.settleWrites(func(row string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(row, p) })
	})
	for id, epoch := range fences {
		r.fences.raise(id, epoch, epoch)
	}
	return nil
}

// addOwn adds the rows that this node alone holds, from when it was a replica of the
// term before: they are to be judged by what the others say, too.
func (r *Replica) addOwn(ctx context.Context, i *importing, p *pulled) error {
	if p.self < 0 {
		return nil
	}
	var to []byte
	if len(p.to) > 0 {
		to = p.to
	}
	return r.walkGroup(ctx, i.group, p.from, to, func(key, _ []byte) error {
		if p.rows[string(key[1:])] != nil {
			return nil
		}
		row, err := DecodeKey(key)
		if err == nil {
			p.rows[string(key[1:])] = &pulledRow{row: row}
		}
		return err
	})
}

// pageWriter installs rows in one batch, holding their latches. Pages of a partition
// come one after another, and their rows are taken in order, so that nobody waits for
// each other.
type pageWriter struct {
	r      *Replica
	i      *importing
	p      *pulled
	rows   []installed
	sums   map[partID][2]int64
	shards []*shard
	cells  []*cell
}

// installed is a row to be written.
type installed struct {
	row  Row
	key  []byte
	cell *cell
	next core.Cell
}

func (w *pageWriter) release() {
	for k, c := range w.cells {
		w.r.release(w.shards[k], c)
	}
}

// add merges one ROW, unless it was imported meanwhile.
func (w *pageWriter) add(row []byte, from *pulledRow) error {
	r, i := w.r, w.i
	s, c := r.acquire(row)
	w.shards, w.cells = append(w.shards, s), append(w.cells, c)
	if r.tenures[i.group].Load().imp != i {
		return errEnded
	}
	if i.has(row) {
		return nil
	}
	key := append([]byte{headKey}, row...)
	full, err := r.load(key, c)
	if err != nil {
		return err
	}
	limits := r.limits(from.row, keySlot(key))
	imp := w.p.merge(from, i.again)
	if w.p.self >= 0 {
		imp.Add(w.p.self, full.Snapshot(&limits))
	}
	next := full
	next.Install(&imp, &limits)
	if next.Ballot.IsZero() || next.Ballot == full.Ballot && next.Soft == full.Soft {
		return nil
	}
	w.rows = append(w.rows, installed{from.row, key, c, next})
	return nil
}

// commit makes the page durable.
func (w *pageWriter) commit(next bool) error {
	r := w.r
	b := r.kv.NewBatch()
	for _, x := range w.rows {
		r.seen[x.row.Table].Store(true)
		old := &x.cell.stored
		writeRow(b, x.key, old.flags, !old.ballot.IsZero(), &x.next)
		addDigest(b, x.key[1:], old, &x.next)
		id := partID{x.row.Table, x.row.Part}
		sum := w.sums[id]
		sum[0], sum[1] = sum[0]-old.count, sum[1]-old.bytes
		if v := x.next.Value; v != nil {
			sum[0], sum[1] = sum[0]+v.Count, sum[1]+v.Bytes
		}
		w.sums[id] = sum
	}
	if next && !w.p.whole {
		b.Set(cursorKey(w.i.group), encodeCursor(w.i.term, w.p.to))
	}
	if b.Empty() {
		b.Discard()
		return nil
	}
	under := make(map[partID]*weight)
	for id, s := range w.sums {
		under[id] = r.weights.begin(b, Row{Table: id.table, Part: id.part}, s[0], s[1])
	}
	w.writing(true)
	err := b.Commit()
	w.writing(false)
	for id, s := range w.sums {
		r.weights.end(under[id], s[0], s[1], err)
	}
	w.learn(err)
	return err
}

func (w *pageWriter) writing(on bool) {
	for k, c := range w.cells {
		w.shards[k].setWriting(c, on)
	}
}

func (w *pageWriter) learn(err error) {
	for _, x := range w.rows {
		x.cell.known = false
		if err != nil {
			continue
		}
		w.r.kv.Wasted(x.cell.stored.blob())
		x.cell.learn(&core.Cell{Record: x.next.Record, Soft: x.next.Soft}, flagsOf(&x.next))
		if x.next.Value == nil {
			w.r.tombs.Add(1)
		}
		w.r.tell(x.row, x.next.Value, true)
	}
}

// finish makes it durable that a partition was imported whole.
func (r *Replica) finish(i *importing) error {
	r.adopting.Lock()
	defer r.adopting.Unlock()
	t := r.tenures[i.group].Load()
	if t.imp != i {
		return errEnded
	}
	next := *t
	next.Serving, next.imp = t.Known, nil
	b := r.kv.NewBatch()
	if _, from, ok := r.before(i.group, i.term); next.pair && ok && len(from) == 1 && !i.again {
		next.sure = true // the other replica imports the same, or has it
		b.Set(pairKey(i.group), next.encodePair())
	}
	b.Set(tenureKey(i.group), next.encode())
	b.Delete(cursorKey(i.group))
	if err := b.Commit(); err != nil {
		return err
	}
	r.tenures[i.group].Store(&next)
	return nil
}
