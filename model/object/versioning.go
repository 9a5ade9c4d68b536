package object

import (
	"context"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// SetVersioning implements Service. Once it returns, every write goes by the new state: those
// that looked the bucket up before are fenced off, and look again.
func (s *Store) SetVersioning(ctx context.Context, b *Bucket, v Versioning) (*Bucket, error) {
	if v != VersioningOn && v != VersioningSuspended {
		return nil, errs.New(errs.Invalid, "versioning is turned on or suspended; it is never turned off again")
	}
	return s.changeAndFence(ctx, b, func(r *bucketRecord) error {
		if r.Lock.On && v != VersioningOn {
			return ErrLockState
		}
		r.Versioning = v
		return nil
	})
}

// fenceObjects refuses writes to the bucket by who knows an older state of it.
func (s *Store) fenceObjects(ctx context.Context, b *Bucket) error {
	for _, part := range b.parts() {
		if err := s.Registers.Fence(ctx, Objects, part, b.epoch); err != nil {
			return err
		}
	}
	return nil
}

// anything reports whether there is an object, a delete marker or a version under a prefix.
// It fences what it looks at, if epoch is not zero: nothing is acknowledged later under a
// lower one. Rows in which only clean-up is left do not count.
func (s *Store) anything(ctx context.Context, b *Bucket, prefix string, epoch uint64) (bool, error) {
	scan := register.Scan{Table: Objects, Parts: b.parts(), Prefix: prefix, Limit: 1, Fence: epoch, Hidden: true}
	for {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return false, err
		}
		for _, e := range p.Entries {
			sl, err := decodeRow[slot](e.Value)
			if err != nil {
				return false, corrupt(e.Row, err)
			}
			if sl.Version != nil || sl.gap() {
				return true, nil
			}
		}
		if !p.More {
			return false, nil
		}
		scan.After, scan.Limit = p.After, MaxListEntries
	}
}
