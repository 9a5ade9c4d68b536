package register

import (
	"context"

	"rhizome/cluster/register/core"
)

func (r *Replica) tenureOf(key []byte) *tenure { return r.tenures[groupOf(keySlot(key))].Load() }

// serves reports whether the rows of a term are all here and may change.
func (t *tenure) serves(term uint64) bool {
	return t.ready && t.Known == term && t.Serving == term
}

// Serves reports whether this replica has imported all rows of a partition's term and
// votes on them: it is then a source for the next term.
func (r *Replica) Serves(partition int, term uint64) bool {
	return partition >= 0 && partition < groups && r.tenures[groupIn(partition)].Load().serves(term)
}

// enter returns the cell of a row with its latch held, once the row may be voted on
// under the term; else a nil cell and why. As the latch is held, the term does not end
// before it is given back.
func (r *Replica) enter(ctx context.Context, term uint64, key []byte) (*shard, *cell, core.Refusal, error) {
	for {
		s, c := r.acquire(key[1:])
		t := r.tenureOf(key)
		refusal, lacks := t.admits(term)
		if refusal == core.None && (!lacks || t.imp.has(key[1:])) {
			return s, c, core.None, nil
		}
		r.release(s, c)
		if refusal != core.None {
			return nil, nil, refusal, nil
		}
		if err := r.importRow(ctx, t.imp, key[1:]); err != nil {
			return nil, nil, core.None, err
		}
	}
}

// admitRow says whether a row may be read under the term, and imports it if need be.
func (r *Replica) admitRow(ctx context.Context, term uint64, key []byte) (core.Refusal, error) {
	t := r.tenureOf(key)
	refusal, lacks := t.admits(term)
	if refusal != core.None || !lacks || t.imp.has(key[1:]) {
		return refusal, nil
	}
	return core.None, r.importRow(ctx, t.imp, key[1:])
}

// admitPart is admitRow for all rows of a partition key.
func (r *Replica) admitPart(ctx context.Context, term uint64, t Table, part string) error {
	key := appendPart(nil, headKey, t, part)
	at := r.tenureOf(key)
	refusal, lacks := at.admits(term)
	if refusal != core.None {
		return refusedPlan(refusal)
	}
	if !lacks {
		return nil
	}
	_, err := r.cover(ctx, at.imp, key[1:], after(key[1:]), 0)
	return err
}

// admitFence is admitRow for the fence of a partition key.
func (r *Replica) admitFence(ctx context.Context, term uint64, t Table, part string) error {
	refusal, err := r.admitRow(ctx, term, rowKey(headKey, Row{Table: t, Part: part}))
	if err == nil && refusal != core.None {
		err = refusedPlan(refusal)
	}
	return err
}

// still fails if the term of a partition key has ended: what was done since it was
// admitted may have come too late for those who import.
func (r *Replica) still(term uint64, part string) error {
	if refusal, _ := r.tenures[groupOf(slotOf(part))].Load().admits(term); refusal != core.None {
		return refusedPlan(refusal)
	}
	return nil
}
