package object

import (
	"context"
	"errors"

	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// mendVersions sees to it that the objects' rows know of the versions that have rows of their
// own: what is lost of them is what they said beside.
func (r *Rebuild) mendVersions(ctx context.Context) error {
	found, buckets := map[register.Row]older{}, map[string]kept{}
	err := r.versions(ctx, Versions, func(row register.Row, v *version) error {
		if top, ok := objectOf(row); ok {
			o := found[top]
			o.number, o.locked = max(o.number, v.Number), o.locked || v.Lock != (Lock{})
			found[top] = o
		}
		return keeps(buckets, row, v)
	})
	if err == nil {
		err = r.versions(ctx, Objects, func(row register.Row, v *version) error { return keeps(buckets, row, v) })
	}
	if err != nil {
		return err
	}
	for row, o := range found {
		if err := r.mendPast(ctx, row, o); err != nil {
			return err
		}
	}
	return r.mendKept(ctx, buckets)
}

// older is what the versions of an object say that have rows of their own: the highest
// number, and whether one is locked.
type older struct {
	number uint64
	locked bool
}

// kept is what the versions in a bucket say of it: that it has versioning, and object lock.
type kept struct{ versions, locked bool }

func keeps(buckets map[string]kept, row register.Row, v *version) error {
	if len(row.Part) < len(ident.ID{}) {
		return nil
	}
	id := row.Part[:len(ident.ID{})]
	k := buckets[id]
	k.versions = k.versions || row.Table == Versions || v.Number != 0
	k.locked = k.locked || v.Lock != (Lock{})
	buckets[id] = k
	return nil
}

// mendKept turns versioning and object lock on again where the buckets' rows were made anew:
// nothing that is kept may be replaced or deleted because they do not say so any more.
func (r *Rebuild) mendKept(ctx context.Context, buckets map[string]kept) error {
	for id, k := range buckets {
		if !k.versions && !k.locked {
			continue
		}
		_, err := r.Store.changeBucket(ctx, ident.ID([]byte(id)), func(b *bucketRecord) error {
			lock, versioning := b.Lock.On || k.locked, b.Versioning
			if lock || versioning == VersioningOff {
				versioning = VersioningOn
			}
			if b.Lock.On == lock && b.Versioning == versioning {
				return errNothing
			}
			b.Lock.On, b.Versioning = lock, versioning
			return nil
		})
		if err != nil && !errors.Is(err, errNothing) && !errors.Is(err, ErrNoSuchBucket) {
			return err
		}
	}
	return nil
}

func (r *Rebuild) mendPast(ctx context.Context, row register.Row, o older) error {
	number := o.number
	_, err := r.Store.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		knows := e.Past != nil && e.Past.Older && e.Past.Number >= number
		if knows && (e.Past.Locked || !o.locked) {
			return nil, errNothing
		}
		if e.Past == nil {
			e.Past = &past{Turn: newTurn()}
		}
		e.Past.Older, e.Past.Locked, e.Past.Number = true, e.Past.Locked || o.locked, max(e.Past.Number, number)
		switch {
		case knows:
		case e.Version == nil:
			e.openGap()
		case e.Version.Number <= number: // it was made anew from bytes
			e.Past.Number = number + 1
			e.Version.Number = e.Past.Number
		}
		return e.value()
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}
