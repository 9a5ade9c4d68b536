package register

import (
	"bytes"
	"context"
	"encoding/binary"

	"rhizome/disk/kv"
)

// rowKinds are the first bytes of the keys that belong to a row or partition key.
var rowKinds = [...]byte{headKey, blobKey, tombKey, workKey, weightKey, doubtKey}

// loadTables notes the tables of which there are any keys.
func (r *Replica) loadTables() error {
	for _, kind := range rowKinds {
		it, err := r.kv.Iter([]byte{kind}, []byte{kind + 1})
		if err != nil {
			return err
		}
		for ok := it.First(); ok; {
			t := it.Key()[1]
			r.seen[t].Store(true)
			if t == 255 {
				break
			}
			ok = it.SeekGE([]byte{kind, t + 1})
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	return nil
}

// tables returns the tables of which there are keys, or were since the start: looking
// for them walks over what was wiped, group by group.
func (r *Replica) tables() (out []Table) {
	for t := range r.seen {
		if r.seen[t].Load() {
			out = append(out, Table(t))
		}
	}
	return out
}

// groupRange returns the keys of one kind and table that belong to a group.
func groupRange(kind byte, t Table, group int) (from, to []byte) {
	first := uint16(group) << (16 - groupBits)
	from = binary.BigEndian.AppendUint16([]byte{kind, byte(t)}, first)
	return from, after(binary.BigEndian.AppendUint16([]byte{kind, byte(t)}, first|(1<<(16-groupBits)-1)))
}

// wiper removes rows of whole groups in which nothing is written meanwhile.
type wiper struct {
	b  *kv.Batch
	it *kv.Iter // over the whole store
}

// group puts the removal of all rows of a group into the batch. Floors and fences stay:
// they only ever refuse.
func (w wiper) group(group int, tables []Table) error {
	for _, t := range tables {
		for _, kind := range rowKinds {
			if err := w.drop(groupRange(kind, t, group)); err != nil {
				return err
			}
		}
	}
	return w.drop(digestKey(group, 0), after(digestKey(group, sumOfBuckets)))
}

// drop removes a range if there is anything in it: each removal costs all later walks.
func (w wiper) drop(from, to []byte) error {
	if w.it.SeekGE(from) && bytes.Compare(w.it.Key(), to) < 0 {
		w.b.DeleteRange(from, to)
	}
	return w.it.Err()
}

// forgetGroups drops what is remembered in memory of the rows of wiped groups, but for
// promises, which only refuse.
func (r *Replica) forgetGroups(wiped *[groups]bool) {
	r.eachCell(wiped, func(_ int, c *cell) { c.known, c.stored = false, stored{} })
	r.weights.forget(func(id partID) bool { return wiped[groupOf(slotOf(id.part))] })
}

// walkGroup calls f for each head of a group whose ROW is in [from, to), in the order
// of ROWs; a nil bound is open. key is a whole key, and value a stored head; both are
// valid until f returns. What it sees is durable.
func (r *Replica) walkGroup(ctx context.Context, group int, from, to []byte, f func(key, value []byte) error) error {
	for _, t := range r.tables() {
		lo, hi := groupRange(headKey, t, group)
		if from != nil && bytes.Compare(from, lo[1:]) > 0 {
			lo = append([]byte{headKey}, from...)
		}
		if to != nil && bytes.Compare(to, hi[1:]) < 0 {
			hi = append([]byte{headKey}, to...)
		}
		if bytes.Compare(lo, hi) >= 0 {
			continue
		}
		stopped := false
		err := r.walk(ctx, lo, hi, func(key, value []byte) error {
			err := f(key, value)
			stopped = err == errStop
			return err
		})
		if err != nil || stopped {
			return err
		}
	}
	return nil
}
