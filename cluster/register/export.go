package register

import (
	"context"
	"encoding/binary"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// Export is Source's. The rows of the term before do not change any more: their term
// was ended, durably, before this replica knew of the asker's.
func (r *Replica) Export(ctx context.Context, q ExportQuery) (*Export, error) {
	if q.Partition < 0 || q.Partition >= groups {
		return nil, errs.Newf(errs.Invalid, "there is no partition %d", q.Partition)
	}
	g := groupIn(q.Partition)
	t, err := r.source(g, q.Term, q.From)
	if err != nil {
		return nil, err
	}
	e := &Export{Bound: t.bound, Floor: *r.floors[g].Load(), Was: t.was, Had: t.had}
	if err := r.exportFences(g, q, e); err != nil {
		return nil, err
	}
	if r.left(q.Term) != nil && t.had == 0 {
		return e, nil
	}
	if err := r.exportRows(ctx, g, q, e); err != nil {
		return nil, err
	}
	_, err = r.source(g, q.Term, q.From) // it may have been wiped meanwhile
	return e, err
}

// source returns the tenure of a group if it may hand out rows for a term.
func (r *Replica) source(g int, term, from uint64) (*tenure, error) {
	t := r.tenures[g].Load()
	switch {
	case term < t.Known:
		return nil, refusedPlan(core.OldPlan)
	case term > t.Known || !t.ready:
		return nil, refusedPlan(core.Behind)
	case r.left(term) != nil: // the asker judges what it may have
	case t.Serving == 0 || t.Serving != term && t.Serving != from:
		return nil, errs.New(errs.Unavailable, "a node that is asked for rows has not got them all itself")
	}
	return t, nil
}

func (r *Replica) exportRows(ctx context.Context, g int, q ExportQuery, e *Export) error {
	var end []byte
	if len(q.End) > 0 {
		end = q.End
	}
	limit, size := min(max(q.Limit, 1), maxSweep), 0
	return r.walkGroup(ctx, g, q.Begin, end, func(key, value []byte) error {
		if len(e.Rows) >= limit || size >= pageBytes {
			e.More = true
			return errStop
		}
		row, err := DecodeKey(key)
		if err != nil {
			return err
		}
		c, err := r.exportCell(key, value)
		if err != nil {
			return err
		}
		e.Rows = append(e.Rows, RawRecord{Row: row, Cell: c})
		size += len(key) + len(value)
		if c.Value != nil {
			size += len(c.Value.Blob)
		}
		return nil
	})
}

// exportCell returns a row whole. One that changes already, under the new term, may be
// newer than what was walked over.
func (r *Replica) exportCell(key, head []byte) (core.Cell, error) {
	var c core.Cell
	flags, err := decodeHead(append([]byte(nil), head...), &c, new(Value))
	if err != nil || flags&fBlob == 0 {
		return c, err
	}
	key = append([]byte(nil), key...)
	if err := r.get(key, &c); err != nil {
		return c, err
	}
	r.awaitWrite(key[1:])
	if c.Ballot.IsZero() {
		return c, errs.New(errs.Unavailable, "a row went while it was handed out; try again")
	}
	return c, nil
}

func (r *Replica) exportFences(g int, q ExportQuery, e *Export) error {
	if !q.Fences {
		if id, ok := rowPart(q.Begin); ok {
			if f := r.fences.of(id.table, id.part).told; f > 0 {
				e.Fences = []FenceRecord{{id.table, id.part, f}}
			}
		}
		return nil
	}
	r.fences.mu.RLock()
	defer r.fences.mu.RUnlock()
	for id, f := range r.fences.m {
		if f.told > 0 && groupOf(slotOf(id.part)) == g {
			e.Fences = append(e.Fences, FenceRecord{id.table, id.part, f.told})
		}
	}
	return nil
}

// rowPart returns the partition key of a ROW or of the front of one.
func rowPart(row []byte) (partID, bool) {
	if len(row) < partAt-1 {
		return partID{}, false
	}
	n := int(binary.BigEndian.Uint16(row[3:5]))
	if n > len(row)-(partAt-1) {
		return partID{}, false
	}
	return partID{Table(row[0]), string(row[partAt-1 : partAt-1+n])}, true
}

// Imported is Source's.
func (r *Replica) Imported(_ context.Context, of []Term) ([]bool, error) {
	out := make([]bool, len(of))
	for k, x := range of {
		if x.Partition >= 0 && x.Partition < groups {
			t := r.tenures[groupIn(x.Partition)].Load()
			out[k] = t.ready && t.Serving >= x.Term
		}
	}
	return out, nil
}
