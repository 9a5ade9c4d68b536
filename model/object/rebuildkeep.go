package object

import (
	"context"
	"errors"
	"math"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// keptRow is referenced by extents that are kept though nothing uses them: the next
// rebuild, with more disks or another key, looks at them again.
func keptRow() register.Row { return register.Row{Table: Kept, Part: "kept"} }

// refs returns the references of an extent, and apart from them the one that only keeps
// it, nil if there is none.
func (r *Rebuild) refs(ctx context.Context, id ident.ID) (refs []extent.Ref, kept *extent.Ref, err error) {
	all, err := r.Store.Extents.Refs(ctx, id)
	if err != nil && !errors.Is(err, errs.NotFound) && errs.KindOf(err) != errs.Corrupt {
		return nil, nil, err
	}
	for _, ref := range all {
		if ref.Row.Table == Kept {
			kept = &ref
		} else {
			refs = append(refs, ref)
		}
	}
	return refs, kept, nil
}

// silent passes over an extent that does not say what it is. One whose bucket's key is
// lost is kept, so that it is there should the key be found.
func (r *Rebuild) silent(id ident.ID, err error) error {
	switch errs.KindOf(err) {
	case errs.Denied:
	case errs.NotFound, errs.Corrupt:
		return nil
	default:
		return err
	}
	if may, kerr := r.missing(extent.Row(id), math.MinInt64); kerr != nil || !may {
		return kerr
	}
	if !r.keyless {
		r.general = append(r.general, Finding{What: LostKey, Detail: err.Error()})
		r.keyless = true
	}
	r.pieced[id] = true
	return nil
}

// keep keeps the extents that no row uses and of which the rows cannot say that they
// are left over.
func (r *Rebuild) keep(ctx context.Context) error {
	var ids []ident.ID
	err := r.Disks.Each(ctx, func(i extentstore.Info) error {
		if r.pieced[i.ID] || r.Strange(i.Disk) {
			ids = append(ids, i.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, id := range ids {
		used, err := r.used(ctx, id)
		if err == nil && !used {
			err = r.keepOne(ctx, id, named)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// used reports whether something uses the extent, or keeps it already.
func (r *Rebuild) used(ctx context.Context, id ident.ID) (bool, error) {
	refs, kept, err := r.refs(ctx, id)
	if err != nil || kept != nil {
		return kept != nil, err
	}
	for _, ref := range refs {
		v, _, err := r.Store.Registers.Read(ctx, ref.Row)
		if err != nil && !isFenced(err) {
			return false, err
		}
		if err == nil && uses(ref.Row, v, ref, id) {
			return true, nil
		}
	}
	return false, nil
}

func (r *Rebuild) keepOne(ctx context.Context, id ident.ID, named map[string]bool) error {
	if !r.keeping {
		if err := r.set(ctx, keptRow(), &register.Value{Data: []byte{codec.Version}, Count: 1}); err != nil {
			return err
		}
		r.keeping = true
	}
	if _, err := r.Store.Extents.Restore(ctx, id, 0, extent.Ref{ID: ident.New(), Row: keptRow()}); err != nil {
		return err
	}
	f := Finding{What: KeptBytes}
	if c, err := r.describe(ctx, id); err == nil {
		f.Bucket, f.Key = r.names.bucket(ctx, c.home.ID), c.Key
	}
	if name := f.Bucket + "/" + f.Key; !named[name] {
		named[name] = true
		r.general = append(r.general, f)
	}
	return nil
}

// keepNoMore lets go of an extent that is used again.
func (r *Rebuild) keepNoMore(ctx context.Context, id ident.ID) error {
	_, kept, err := r.refs(ctx, id)
	if err != nil || kept == nil {
		return err
	}
	return r.Store.Extents.DropRef(ctx, id, kept.ID)
}
