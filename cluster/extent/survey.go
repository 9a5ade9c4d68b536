package extent

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// Survey is how bytes, rows and references agree.
type Survey struct {
	// Extents are those on this node's disks, Bytes what they occupy.
	Extents, Bytes int64
	// Orphans have bytes and no row; OrphanBytes is what they occupy.
	Orphans, OrphanBytes int64
	// Unused have a row of which no reference is used by the row that it names.
	Unused, UnusedBytes int64
	// Missing have a row in use and no bytes here.
	Missing []ident.ID
}

// Survey compares all bytes that are here with rows and references and changes nothing. It reads a row or
// two for each extent. Extents of writers at work do not count as orphans or unused;
// those of an object that was deleted a moment ago do.
func (s *Store) Survey(ctx context.Context, uses Uses) (Survey, error) {
	var out Survey
	if s.disks == nil {
		return out, nil
	}
	err := s.disks.Each(ctx, func(i extentstore.Info) error {
		out.Extents++
		out.Bytes += i.Stored
		if s.held(i.ID) {
			return nil
		}
		used, err := s.used(ctx, i.ID, uses)
		switch {
		case errors.Is(err, errs.NotFound):
			out.Orphans++
			out.OrphanBytes += i.Stored
			return nil
		case err == nil && !used:
			out.Unused++
			out.UnusedBytes += i.Stored
		}
		return err
	})
	if err != nil {
		return out, err
	}
	if s.local == nil {
		return out, nil
	}
	return out, s.local.Rows(ctx, Extents, func(row register.Row, _ *register.Value) error {
		id, err := ident.FromKey(row.Part)
		if err != nil || s.held(id) || !s.mine(id) {
			return nil
		}
		if _, err := s.disks.Info(ctx, id); !errors.Is(err, errs.NotFound) {
			return nil
		}
		if used, err := s.used(ctx, id, uses); err == nil && used {
			out.Missing = append(out.Missing, id)
		}
		return nil
	})
}

// used reports whether any reference of an extent is in use; errs.NotFound if it has
// no row.
func (s *Store) used(ctx context.Context, id ident.ID, uses Uses) (bool, error) {
	refs, err := s.Refs(ctx, id)
	if err != nil {
		return false, err
	}
	for _, ref := range refs {
		v, _, err := s.regs.Read(ctx, ref.Row)
		if err != nil {
			return false, err
		}
		if uses(ref.Row, v, ref, id) {
			return true, nil
		}
	}
	return false, nil
}
