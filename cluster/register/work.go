package register

import (
	"context"
	"errors"
	"hash/fnv"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

var _ Local = (*Replica)(nil)

// digest tells one Data from another.
func digest(v *Value) uint64 {
	h := fnv.New64a()
	if v != nil {
		_, _ = h.Write(v.Data)
	}
	return h.Sum64()
}

// Settle is Peer's: it takes the row off the work list if its Data still has that
// digest. The entry may come back after a power cut.
func (r *Replica) Settle(ctx context.Context, term uint64, row Row, dig uint64) error {
	key := rowKey(headKey, row)
	s, c, refusal, err := r.enter(ctx, term, key)
	if err != nil {
		return err
	}
	if c == nil {
		return refusedPlan(refusal)
	}
	defer r.release(s, c)
	full, err := r.load(key, c)
	if err != nil || digest(full.Value) != dig {
		return err
	}
	b := r.kv.NewBatch()
	b.Delete(withFirst(workKey, key))
	return b.CommitLazily()
}

// Pending is Local's.
func (r *Replica) Pending(ctx context.Context, t Table, behind *Row, limit int) ([]Row, error) {
	from := []byte{workKey, byte(t)}
	to := after(from)
	if behind != nil {
		from = append(rowKey(workKey, *behind), 0)
	}
	var rows []Row
	err := r.walk(ctx, from, to, func(key, _ []byte) error {
		row, err := DecodeKey(key)
		if err != nil {
			return err
		}
		if !r.tenureOf(key).member() {
			return nil
		}
		if rows = append(rows, row); len(rows) >= limit {
			return errStop
		}
		return nil
	})
	return rows, err
}

// PendingCount is Local's. It counts.
func (r *Replica) PendingCount(ctx context.Context, t Table) (n int64, err error) {
	from := []byte{workKey, byte(t)}
	err = r.walk(ctx, from, after(from), func(key, _ []byte) error {
		if r.tenureOf(key).member() {
			n++
		}
		return nil
	})
	return n, err
}

// Held is Local's.
func (r *Replica) Held(_ context.Context, row Row) (Ballot, error) {
	var full core.Cell
	err := r.get(rowKey(headKey, row), &full)
	return full.Ballot, err
}

// Rows is Local's. Values come without Blob and belong to f.
func (r *Replica) Rows(ctx context.Context, t Table, f func(Row, *Value) error) error {
	from := []byte{headKey, byte(t)}
	return r.rows(ctx, t, from, after(from), f)
}

// RowsIn is Rows for one partition alone.
func (r *Replica) RowsIn(ctx context.Context, t Table, partition int, f func(Row, *Value) error) error {
	from, to := groupRange(headKey, t, groupIn(partition))
	return r.rows(ctx, t, from, to, f)
}

func (r *Replica) rows(ctx context.Context, t Table, from, to []byte, f func(Row, *Value) error) error {
	bad, first := 0, error(nil)
	err := r.walk(ctx, from, to, func(key, value []byte) error {
		if len(key) >= partAt && !r.tenureOf(key).member() {
			return nil
		}
		row, v, err := liveRow(key, value)
		switch {
		case err != nil:
			if bad++; bad == 1 {
				first = err
			}
			return nil
		case v == nil:
			return nil
		}
		return f(row, v)
	})
	if err == nil && bad > 0 {
		err = errs.Newf(errs.Corrupt, "%d rows of table %d cannot be read and were passed over; the first: %w", bad, t, first)
	}
	return err
}

// liveRow reads a row's key and head; its value is nil for a tombstone.
func liveRow(key, head []byte) (Row, *Value, error) {
	row, err := DecodeKey(key)
	if err != nil {
		return row, nil, err
	}
	var c core.Cell
	if _, err := decodeHead(append([]byte(nil), head...), &c, new(Value)); err != nil {
		return row, nil, errs.Newf(errs.Corrupt, "row %q of %q in table %d: %w", row.Sort, row.Part, row.Table, err)
	}
	return row, c.Value, nil
}

// errStop ends a walk without failing it.
var errStop = errors.New("stop")

// walk calls f for each key in [from, to) of one moment's durable view.
func (r *Replica) walk(ctx context.Context, from, to []byte, f func(key, value []byte) error) error {
	it, err := r.kv.Iter(from, to)
	if err != nil {
		return err
	}
	defer it.Close()
	r.kv.Barrier()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.Value()
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = f(it.Key(), value)
		}
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}
