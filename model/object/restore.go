package object

import (
	"context"
	"errors"
	"time"

	"rhizome/base/errs"
)

// Restored says what a Restore did.
type Restored struct {
	// Brought is how many objects are again what they were; Deleted how many got a delete
	// marker, for they were not there then; Same how many are what they were.
	Brought, Deleted, Same int
}

// ErrNoVersions says that a bucket keeps no versions.
var ErrNoVersions = errs.New(errs.Invalid, "the bucket never had versioning, so nothing of what was there is kept")

// ErrSuspended says that a bucket does not keep what is replaced at present.
var ErrSuspended = errs.New(errs.Conflict, "versioning is suspended, so what is replaced would be lost: turn it on first")

// Undelete removes the delete markers that stand before the newest version of an object
// which is none, for good, and returns that version. It fails with ErrNoSuchKey if there is none.
func (s *Store) Undelete(ctx context.Context, b *Bucket, key string) (*Head, error) {
	if b.Versioning == VersioningOff {
		return nil, ErrNoVersions
	}
	if err := s.hasContent(ctx, b, key); err != nil {
		return nil, err
	}
	for range keepSteps {
		o, err := s.Stat(ctx, b, Get{Key: key})
		var marker *MarkerError
		if !errors.As(err, &marker) {
			if err != nil {
				return nil, err
			}
			return &o.Head, nil
		}
		// With versioning suspended another write may have taken the marker's place, and its ID.
		_, err = s.DeleteVersion(ctx, b, key, marker.Head.VersionID, Conditions{still: still{version: marker.Head.Version}})
		if err != nil && !errors.Is(err, ErrPrecondition) {
			return nil, err
		}
	}
	return nil, errs.Newf(errs.Unavailable, "the object is being changed all the time: %w", ErrBusy)
}

// hasContent fails with ErrNoSuchKey unless there is a version that is no delete marker.
func (s *Store) hasContent(ctx context.Context, b *Bucket, key string) error {
	found := false
	content := func(v *VersionHead) bool { return !v.Marker }
	err := s.eachKey(ctx, b, key, false, content, func(_, content *VersionHead) error {
		found = found || content != nil
		return nil
	})
	if err == nil && !found {
		err = ErrNoSuchKey
	}
	return err
}

// Restore makes an object, or all under a prefix, what they were at a time: by copies of the
// versions of then, by reference, and delete markers. Nothing is lost by it: what it replaces
// is kept, for which versioning has to be on. Of what lies under a prefix the deployments of the
// bucket's site stay as they are. It may be called again. Times are those that versions carry.
func (s *Store) Restore(ctx context.Context, b *Bucket, key string, prefix bool, at time.Time) (*Restored, error) {
	return s.restore(ctx, b, key, prefix, at, true)
}

// WouldRestore says what Restore would do, and does nothing.
func (s *Store) WouldRestore(ctx context.Context, b *Bucket, key string, prefix bool, at time.Time) (*Restored, error) {
	return s.restore(ctx, b, key, prefix, at, false)
}

func (s *Store) restore(ctx context.Context, b *Bucket, key string, prefix bool, at time.Time, do bool) (*Restored, error) {
	switch b.Versioning {
	case VersioningOff:
		return nil, ErrNoVersions
	case VersioningSuspended: // what is replaced would be gone for good
		return nil, ErrSuspended
	}
	out := &Restored{}
	by := func(v *VersionHead) bool { return !v.Modified.After(at) }
	err := s.eachKey(ctx, b, key, prefix, by, func(now, then *VersionHead) error {
		if prefix && b.Settings.spares(now.Key) {
			return nil
		}
		was, is := then != nil && !then.Marker, !now.Marker
		switch {
		case !was && !is, was && then.VersionID == now.VersionID:
			out.Same++
			return nil
		case !was:
			out.Deleted++
			if !do {
				return nil
			}
			_, err := s.Delete(ctx, b, now.Key, Conditions{still: still{versions: true}})
			return err
		}
		out.Brought++
		if !do {
			return nil
		}
		return s.bringBack(ctx, b, then)
	})
	return out, err
}

// bringBack makes a copy of a version the current one.
func (s *Store) bringBack(ctx context.Context, b *Bucket, v *VersionHead) error {
	o, err := s.Stat(ctx, b, Get{Key: v.Key, Version: v.VersionID})
	if err == nil {
		_, err = s.Copy(ctx, b, Copy{From: b, FromKey: v.Key, FromVersion: v.VersionID, Key: v.Key, Attrs: &o.Attrs, large: true, keyed: true,
			If: Conditions{still: still{versions: true}}})
	}
	return err
}

// eachKey calls f for a key, or each under a prefix, with the newest of its versions and the
// newest that is wanted, nil if none is. What f writes is not listed again.
func (s *Store) eachKey(ctx context.Context, b *Bucket, key string, prefix bool, wanted func(*VersionHead) bool, f func(newest, wanted *VersionHead) error) error {
	l := ListVersions{Prefix: key, Limit: MaxListEntries}
	var newest, found *VersionHead
	for {
		p, err := s.ListVersions(ctx, b, l)
		if err != nil {
			return err
		}
		for i := range p.Versions {
			v := &p.Versions[i]
			if !prefix && v.Key != key {
				p.More = false // the key itself comes before those that it begins
				break
			}
			if newest != nil && newest.Key != v.Key {
				if err := f(newest, found); err != nil {
					return err
				}
				newest, found = nil, nil
			}
			if newest == nil {
				newest = v
			}
			if found == nil && wanted(v) {
				found = v
			}
		}
		if !p.More {
			break
		}
		l.AfterKey, l.AfterVersion = p.NextKey, p.NextVersion
	}
	if newest == nil {
		return nil
	}
	return f(newest, found)
}
