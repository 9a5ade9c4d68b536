package register

import (
	"context"
	"errors"

	"rhizome/cluster/register/core"
)

// Confirm is Peer's. Only who has imported the whole partition confirms: an import
// that begins anew could otherwise bring back what was forgotten.
func (r *Replica) Confirm(_ context.Context, term uint64, row Row, tombstone Ballot) (core.Confirmation, error) {
	key := rowKey(headKey, row)
	s, c := r.acquire(key[1:])
	defer r.release(s, c)
	t := r.tenureOf(key)
	if refusal, lacks := t.admits(term); refusal != core.None || lacks {
		return core.Confirmation{}, nil
	}
	if err := r.know(key, c); err != nil {
		return core.Confirmation{}, err
	}
	limits, view := r.limits(row, keySlot(key)), c.view()
	return view.Confirm(tombstone, &limits, t.Serving), nil
}

// Tombstone is a deletion that a replica still remembers.
type Tombstone struct {
	Row    Row
	Ballot Ballot
	// Term is the one under which it may be forgotten: that of the partition now.
	Term uint64
}

// Tombstones returns up to limit tombstones of rounds below before, from key on, the
// key to go on from, nil at the end, and how many younger ones it passed over.
func (r *Replica) Tombstones(ctx context.Context, from []byte, before uint64, limit int) (out []Tombstone, next []byte, young int, err error) {
	first := []byte{tombKey}
	steps := 0
	err = r.walk(ctx, append(first, from...), after(first), func(key, value []byte) error {
		if steps++; steps > 8*limit || len(out) == limit {
			next = append([]byte(nil), key[1:]...)
			return errStop
		}
		row, err := DecodeKey(key)
		if err != nil {
			return err
		}
		b, err := parseBallot(value)
		if err != nil {
			return err
		}
		t := r.tenureOf(key)
		if !t.member() {
			return nil
		}
		if b.Round < before {
			out = append(out, Tombstone{row, b, t.Known})
		} else {
			young++
		}
		return nil
	})
	return out, next, young, err
}

// Forget drops tombstones that every replica confirmed. It first makes the floors
// durable, in one batch, that stand for them from then on.
func (r *Replica) Forget(ctx context.Context, dead []Tombstone) error {
	raised := make(map[int]Ballot)
	for _, d := range dead {
		if err := r.addFloor(d, raised); err != nil {
			return err
		}
	}
	if err := r.raiseFloors(raised); err != nil {
		return err
	}
	for _, d := range dead {
		if err := errors.Join(ctx.Err(), r.drop(d)); err != nil {
			return err
		}
	}
	return nil
}

// raiseFloors makes floors durable and only then lets them count.
func (r *Replica) raiseFloors(raised map[int]Ballot) error {
	r.forgetting.Lock()
	defer r.forgetting.Unlock()
	b := r.kv.NewBatch()
	for g, floor := range raised {
		raised[g] = floor.Max(*r.floors[g].Load())
		b.Set(floorKey(g), appendBallot(nil, raised[g]))
	}
	if err := b.Commit(); err != nil {
		return err
	}
	for g, floor := range raised {
		r.floors[g].Store(&floor)
	}
	return nil
}

// addFloor notes the floor that forgetting d needs.
func (r *Replica) addFloor(d Tombstone, raised map[int]Ballot) error {
	key := rowKey(headKey, d.Row)
	s, c := r.acquire(key[1:])
	defer r.release(s, c)
	if err := r.know(key, c); err != nil {
		return err
	}
	if !r.tenureOf(key).serves(d.Term) {
		return nil
	}
	limits, view := r.limits(d.Row, keySlot(key)), c.view()
	if floor, ok := view.Forget(d.Ballot, &limits); ok && c.stored.flags&fLive == 0 {
		g := groupOf(keySlot(key))
		raised[g] = raised[g].Max(floor)
	}
	return nil
}

// drop takes a tombstone away if the floor covers it still. A power cut may bring it
// back, beside the floor, which does no harm.
func (r *Replica) drop(d Tombstone) error {
	key := rowKey(headKey, d.Row)
	s, c := r.acquire(key[1:])
	defer r.release(s, c)
	if err := r.know(key, c); err != nil {
		return err
	}
	limits, view := r.limits(d.Row, keySlot(key)), c.view()
	floor, ok := view.Forget(d.Ballot, &limits)
	if !r.tenureOf(key).serves(d.Term) {
		return nil // confirmations of one term say nothing in the next
	}
	if !ok || c.stored.flags&fLive != 0 || limits.Floor.Less(floor) {
		return nil
	}
	b := r.kv.NewBatch()
	b.Delete(key)
	b.Delete(withFirst(tombKey, key))
	if r.tenureOf(key).pair {
		b.Delete(doubtOf(key, d.Ballot))
	}
	addDigest(b, key[1:], &c.stored, &core.Cell{})
	if err := b.CommitLazily(); err != nil {
		return err
	}
	c.stored, c.promised = stored{}, Ballot{}
	return nil
}
