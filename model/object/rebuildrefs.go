package object

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// mendHolders makes lost rows of completed uploads anew from the objects that they
// hold the bytes of.
func (r *Rebuild) mendHolders(ctx context.Context) error {
	type holder struct {
		row  register.Row
		v    *version
		addr address
	}
	var found []holder
	for _, t := range []register.Table{Objects, Versions} {
		err := r.versions(ctx, t, func(row register.Row, v *version) error {
			if v.Holder == nil {
				return nil
			}
			if may, err := r.missing(v.Holder.row(), anyTime); err != nil || !may {
				return err
			}
			found = append(found, holder{row, v, *v.Holder})
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, h := range found {
		if err := r.mendHolder(ctx, h.row, h.v, h.addr); err != nil {
			return err
		}
	}
	return nil
}

// mendHolder sees to it that an upload is there and holds the version.
func (r *Rebuild) mendHolder(ctx context.Context, row register.Row, v *version, addr address) error {
	at := addr.row()
	_, upload, ok := splitUpload(at.Sort)
	if !ok || len(at.Part) < 16 || len(row.Part) < 16 {
		return nil
	}
	home, err := r.bucketOf(ctx, ident.ID([]byte(at.Part[:16])))
	if err != nil || home == nil {
		return err
	}
	b, err := r.bucketOf(ctx, ident.ID([]byte(row.Part[:16])))
	if err != nil || b == nil {
		return err
	}
	inner, err := b.innerKey(v)
	if err != nil {
		return nil
	}
	ref := holds(extent.Ref{ID: v.ID, Row: row})
	_, err = r.Store.Registers.Update(ctx, at, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		u, err := decodeRow[uploadRecord](old)
		if old == nil || err != nil {
			u = &uploadRecord{ID: upload, Started: v.Modified, Attrs: v.Attrs, Tags: v.Tags, Lock: v.Lock, Checksum: v.Checksum, State: uploadDone,
				Epoch: 1, Sealed: home.key.Seal(inner, upload[:]), Done: v.ID}
		}
		if u.find(v.ID) >= 0 && u.State == uploadDone && old != nil {
			return nil, errNothing
		}
		if u.State != uploadDone {
			u.State, u.Done = uploadDone, v.ID // the object is there, so it was completed
		}
		if u.find(v.ID) < 0 {
			u.Refs = append(u.Refs, ref)
		}
		return u.value(), nil
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// references gives every extent the references that rows hold, and names the objects
// whose bytes are not all there.
func (r *Rebuild) references(ctx context.Context) error {
	for _, t := range []register.Table{Objects, Versions, Parts} {
		var rows []register.Row
		var versions []*version
		err := r.versions(ctx, t, func(row register.Row, v *version) error {
			if len(v.Extents) > 0 || v.Holder != nil {
				rows, versions = append(rows, row), append(versions, v)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range rows {
			if err := r.reference(ctx, rows[i], versions[i]); err != nil {
				return err
			}
			if err := r.moved(ctx, rows[i], versions[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// moved has the upload that a version was completed from name the row in which the version
// stands now.
func (r *Rebuild) moved(ctx context.Context, row register.Row, v *version) error {
	if v.Holder == nil {
		return nil
	}
	at := v.Holder.row()
	_, u, err := r.Store.uploadAt(ctx, at)
	if errors.Is(err, ErrNoSuchUpload) || errs.KindOf(err) == errs.Corrupt || isFenced(err) {
		return nil // nothing of it is left
	}
	if err != nil {
		return err
	}
	if i := u.find(v.ID); i < 0 || u.Refs[i].ref().Row == row {
		return nil
	}
	_, err = r.Store.Registers.Update(ctx, at, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		u, err := decodeRow[uploadRecord](old)
		if err != nil {
			return nil, err
		}
		i := u.find(v.ID)
		if old == nil || i < 0 {
			return nil, errNothing
		}
		u.Refs[i] = holds(extent.Ref{ID: v.ID, Row: row, Ballot: u.Refs[i].Ballot})
		return u.value(), nil
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

func (r *Rebuild) reference(ctx context.Context, row register.Row, v *version) error {
	for _, id := range v.Extents {
		length, err := r.lengthOf(ctx, row, v, id)
		if err != nil {
			return err
		}
		there, err := r.Store.Extents.Restore(ctx, id, length, extent.Ref{ID: v.ID, Row: row})
		if err != nil {
			return err
		}
		if !there {
			r.lost[row] = Finding{What: LostBytes, Detail: "extent " + id.String()}
			continue
		}
		if err := r.keepNoMore(ctx, id); err != nil {
			return err
		}
		if !r.Verify {
			continue
		}
		damaged, err := r.Disks.Verify(ctx, id)
		if err != nil && errs.KindOf(err) != errs.Corrupt {
			return err
		}
		if damaged = slices.DeleteFunc(damaged, func(n int) bool { return n < 0 }); err != nil || len(damaged) > 0 {
			r.lost[row] = Finding{What: DamagedBytes, Detail: fmt.Sprintf("extent %s, frames %v", id, damaged)}
		}
	}
	return nil
}

// lengthOf returns the length of an extent of a version, as far as it is known.
func (r *Rebuild) lengthOf(ctx context.Context, row register.Row, v *version, id ident.ID) (int64, error) {
	if v.Here != nil {
		for _, p := range v.Here.Pieces {
			if p.Extent == id {
				return p.Total, nil
			}
		}
	}
	if refs, err := r.Store.Extents.Refs(ctx, id); err == nil && len(refs) > 0 {
		return 0, nil // its row is there and knows
	}
	if c, err := r.describe(ctx, id); err == nil {
		return c.Length, nil
	}
	return min(v.Size, extent.MaxLength), nil
}
