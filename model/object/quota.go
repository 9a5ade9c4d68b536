package object

import (
	"context"
	"errors"

	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// checkQuota refuses an object of that size under the key if the bucket's quota has no
// room for it beside everything but what it replaces. What takes no more room than
// that is never refused.
func (s *Store) checkQuota(ctx context.Context, b *Bucket, key string, size int64) error {
	if b.Quota == (Quota{}) {
		return nil
	}
	u, err := s.Usage(ctx, b)
	if err != nil {
		return err
	}
	old, there := int64(0), false
	if b.Versioning == VersioningOff { // else nothing goes
		if old, there, err = s.sizeAt(ctx, b.objectRow(key)); err != nil {
			return err
		}
	}
	if b.Quota.Bytes > 0 && size > old && u.Bytes-old+size > b.Quota.Bytes || b.Quota.Objects > 0 && !there && u.Objects+1 > b.Quota.Objects {
		return ErrQuota
	}
	return nil
}

// fullOfObjects reports whether a bucket has as many objects as it may. Then there is a delete
// marker for an object that it hides, so that deleting is always possible, and for nothing else: so
// there is at most one for each of the objects that had room.
func (s *Store) fullOfObjects(ctx context.Context, b *Bucket) (bool, error) {
	if b.Quota.Objects == 0 {
		return false, nil
	}
	u, err := s.Usage(ctx, b)
	return err == nil && u.Objects >= b.Quota.Objects, err
}

// checkPartQuota refuses a part if the object that the upload's parts would make has
// no room. Parts of other uploads do not count: uploads under way may exceed a quota
// together, and completing them may not.
func (s *Store) checkPartQuota(ctx context.Context, b *Bucket, key string, upload ident.ID, number int, size int64) error {
	if b.Quota == (Quota{}) {
		return nil
	}
	_, parts, err := s.Registers.Weight(ctx, Parts, upload.Key())
	if err != nil {
		return err
	}
	old, _, err := s.sizeAt(ctx, partRow(upload, number))
	if err != nil {
		return err
	}
	return s.checkQuota(ctx, b, key, parts-old+size)
}

// sizeAt returns the size of the version in a row, and whether there is one.
func (s *Store) sizeAt(ctx context.Context, row register.Row) (int64, bool, error) {
	v, _, err := s.readSlot(ctx, row)
	if errors.Is(err, ErrNoSuchKey) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return v.Size, true, nil
}
