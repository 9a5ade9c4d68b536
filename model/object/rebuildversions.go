package object

import (
	"context"
	"errors"

	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// kept is what is known of what a bucket keeps: that it has versions, and object lock.
type kept struct{ versions, locked bool }

// learn finds out which buckets keep versions: what their rows say, and what the rows of
// objects do, for a bucket's may be lost, or from before that was turned on.
func (r *Rebuild) learn(ctx context.Context) error {
	err := r.Store.Local.Rows(ctx, Buckets, func(row register.Row, v *register.Value) error {
		if b, err := decodeRow[bucketRecord](v); err == nil && len(row.Sort) == len(ident.ID{}) {
			r.aboutBucket(row.Sort, kept{versions: b.Versioning != VersioningOff, locked: b.Lock.On})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range []register.Table{Objects, Versions} {
		err := r.Store.Local.Rows(ctx, t, func(row register.Row, v *register.Value) error {
			sl, err := decodeRow[slot](v)
			if err != nil {
				return nil
			}
			k := kept{versions: t == Versions || sl.Past != nil, locked: sl.Past.locked()}
			if sl.Version != nil {
				k.versions, k.locked = k.versions || sl.Version.Number != 0, k.locked || sl.Version.Lock != (Lock{})
			}
			r.evident(row, k)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return r.Store.Local.Rows(ctx, Uploads, func(row register.Row, v *register.Value) error {
		u, err := decodeRow[uploadRecord](v)
		if err != nil {
			return nil
		}
		r.evident(row, kept{locked: u.Lock != (Lock{})})
		for i := range u.Refs {
			at := u.Refs[i].ref().Row
			r.evident(at, kept{versions: at.Table == Versions})
		}
		return nil
	})
}

// evident notes what a row of a bucket says of it.
func (r *Rebuild) evident(row register.Row, k kept) {
	if len(row.Part) >= len(ident.ID{}) && row.Table != Parts {
		r.aboutBucket(row.Part[:len(ident.ID{})], k)
	}
}

func (r *Rebuild) aboutBucket(id string, k kept) {
	if k != (kept{}) {
		is := r.about[id]
		r.about[id] = kept{is.versions || k.versions, is.locked || k.locked}
	}
}

// keepsVersions reports whether a row's bucket keeps versions, as far as is known.
func (r *Rebuild) keepsVersions(row register.Row) bool {
	if len(row.Part) < len(ident.ID{}) {
		return false
	}
	k := r.about[row.Part[:len(ident.ID{})]]
	return k.versions || k.locked
}

// mendVersions sees to it that the objects' rows agree with the versions that have rows of
// their own.
func (r *Rebuild) mendVersions(ctx context.Context) error {
	found := map[register.Row]struct{}{}
	err := r.Store.Local.Rows(ctx, Versions, func(row register.Row, _ *register.Value) error {
		if top, ok := objectOf(row); ok {
			found[top] = struct{}{}
		}
		return nil
	})
	if err == nil {
		err = r.Store.Local.Rows(ctx, Objects, func(row register.Row, v *register.Value) error {
			if sl, err := decodeRow[slot](v); err == nil && sl.Past != nil && (sl.Past.Mirror || len(sl.Past.Notes) > 0) {
				found[row] = struct{}{} // rows of its versions may be lost
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	for row := range found {
		if err := r.mendPast(ctx, row); err != nil {
			return err
		}
	}
	return r.mendKept(ctx)
}

// mendKept turns versioning and object lock on again where the buckets' rows were made anew:
// nothing that is kept may be replaced or deleted because they do not say so any more.
func (r *Rebuild) mendKept(ctx context.Context) error {
	for id, k := range r.about {
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
