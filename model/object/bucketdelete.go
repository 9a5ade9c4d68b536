package object

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// DeleteBucket implements Service. Its steps: look (a bucket with objects is refused
// without disturbing anybody), move to state deleting under a new epoch, fence the
// shards while looking again, and either move to state gone, which is the commit point, or
// open again.
func (s *Store) DeleteBucket(ctx context.Context, b *Bucket) error {
	if empty, err := s.isEmpty(ctx, b, 0); err != nil || !empty {
		return errors.Join(err, notEmpty(empty))
	}
	row := bucketRow(b.ID)
	defer s.hold(row)()
	var epoch uint64
	b, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		if r.State != bucketActive && r.State != bucketDeleting {
			return ErrNoSuchBucket
		}
		r.State = bucketDeleting
		r.Epoch++
		epoch = r.Epoch
		return nil
	})
	if err != nil {
		return err
	}
	empty, err := s.isEmpty(ctx, b, epoch)
	if err != nil {
		return err // whoever comes next opens it again, or deletes it
	}
	if err := s.leaveDeleting(ctx, b.ID, epoch, empty); err != nil {
		return err
	}
	if !empty {
		return ErrBucketNotEmpty
	}
	s.enqueue(row)
	return nil
}

func notEmpty(empty bool) error {
	if empty {
		return nil
	}
	return ErrBucketNotEmpty
}

// isEmpty reports whether a bucket holds no object. It fences what it looks at, if
// epoch is not zero: no object is acknowledged later under a lower one.
func (s *Store) isEmpty(ctx context.Context, b *Bucket, epoch uint64) (bool, error) {
	if b.Versioning != VersioningOff {
		there, err := s.anything(ctx, b, "", epoch)
		return !there, err
	}
	p, err := s.Registers.Scan(ctx, register.Scan{Table: Objects, Parts: b.parts(), Limit: 1, Fence: epoch})
	if err != nil {
		return false, err
	}
	return len(p.Entries) == 0 && !p.More, nil
}

// leaveDeleting ends the state that was entered under epoch.
func (s *Store) leaveDeleting(ctx context.Context, id ident.ID, epoch uint64, gone bool) error {
	_, err := s.changeBucket(ctx, id, func(r *bucketRecord) error {
		if r.State != bucketDeleting || r.Epoch != epoch {
			return ErrBusy // somebody else opened it, or deletes it
		}
		r.State = bucketActive
		if gone {
			r.State = bucketGone
		}
		return nil
	})
	if gone && errors.Is(err, ErrNoSuchBucket) {
		return nil // that is how a bucket that is gone reads
	}
	return err
}

// finishBucket completes what a dead coordinator left: a bucket without name, one
// half deleted, or one whose names and uploads remain.
func (s *Store) finishBucket(ctx context.Context, row register.Row) error {
	id, err := ident.FromKey(row.Sort)
	if err != nil {
		return err
	}
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil || v == nil {
		return err
	}
	r, err := decodeRow[bucketRecord](v)
	if err != nil {
		return err
	}
	switch {
	case r.State == bucketGone:
		return s.removeBucket(ctx, row, id, r)
	case r.State != bucketActive && !s.ripe(row):
		return nil
	case r.State == bucketDeleting:
		return ignoreGone(s.leaveDeleting(ctx, id, r.Epoch, false))
	case r.State == bucketNew:
		return s.dropUnnamed(ctx, row)
	}
	s.Registers.Settle(row, v)
	return nil
}

// dropUnnamed removes a bucket that was not finished. Its creator, should it live,
// then fails; a name that leads here is free.
func (s *Store) dropUnnamed(ctx context.Context, row register.Row) error {
	_, err := s.Registers.Update(ctx, row, register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		r, err := decodeRow[bucketRecord](old)
		if err != nil {
			return nil, err
		}
		if old == nil || r.State != bucketNew {
			return nil, errNothing
		}
		return nil, nil
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// removeBucket removes the names and uploads of a deleted bucket, then its row.
func (s *Store) removeBucket(ctx context.Context, row register.Row, id ident.ID, r *bucketRecord) error {
	for _, name := range r.Names {
		if err := s.releaseName(ctx, name, id); err != nil {
			return err
		}
	}
	for key, names := range r.LocalNames {
		for _, name := range names {
			err := s.Accounts.DropLocalName(ctx, key, name, id)
			if err != nil && errs.KindOf(err) != errs.NotFound {
				return err
			}
		}
	}
	if s.Gone != nil {
		if err := s.Gone(ctx, id, r.Settings); err != nil {
			return err
		}
	}
	parts := register.Shards(id.Key(), r.Shards)
	if err := s.removeUploads(ctx, parts, r.Epoch); err != nil {
		return err
	}
	if err := s.removeStrays(ctx, parts, r.Versioning != VersioningOff); err != nil {
		return err
	}
	if r.Versioning != VersioningOff {
		if err := s.removeVersions(ctx, parts); err != nil {
			return err
		}
	}
	_, err := s.Registers.Update(ctx, row, register.Change{Apply: func(*register.Value) (*register.Value, error) {
		return nil, nil
	}})
	return err
}

// removeVersions closes the rows of versions of a deleted bucket for ever and removes those
// that are left: of strays that were put away.
func (s *Store) removeVersions(ctx context.Context, parts []string) error {
	scan := register.Scan{Table: Versions, Parts: parts, Limit: 1000, Fence: register.EpochFinal}
	for {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return err
		}
		for _, e := range p.Entries {
			sl, err := decodeRow[slot](e.Value)
			if err != nil {
				return corrupt(e.Row, err)
			}
			for _, d := range sl.Version.drop() {
				if err := s.dropAll(ctx, d); err != nil {
					return err
				}
			}
			if _, err := s.Registers.Update(ctx, e.Row, register.Change{Epoch: anyEpoch, Apply: func(*register.Value) (*register.Value, error) {
				return nil, nil
			}}); err != nil {
				return err
			}
		}
		if !p.More {
			return nil
		}
		scan.After = p.After
	}
}

// removeUploads aborts the uploads under way in a deleted bucket. Completed ones that
// copies in other buckets reference are hidden from the scan and stay.
func (s *Store) removeUploads(ctx context.Context, parts []string, epoch uint64) error {
	scan := register.Scan{Table: Uploads, Parts: parts, Limit: 1000, Fence: epoch}
	for {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return err
		}
		for _, e := range p.Entries {
			if err := s.abortAt(ctx, e.Row); err != nil && !errors.Is(err, ErrNoSuchUpload) {
				return err
			}
		}
		if !p.More {
			return nil
		}
		scan.After = p.After
	}
}

// removeStrays closes the rows of a deleted bucket for ever and empties those that
// hold an object all the same: of a write that was never acknowledged, which a
// minority took before the fence and somebody settled since.
func (s *Store) removeStrays(ctx context.Context, parts []string, markers bool) error {
	scan := register.Scan{Table: Objects, Parts: parts, Limit: 1000, Fence: register.EpochFinal, Hidden: markers}
	for {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return err
		}
		for _, e := range p.Entries {
			if err := s.emptySlot(ctx, e.Row); err != nil {
				return err
			}
		}
		if !p.More {
			return nil
		}
		scan.After = p.After
	}
}
