package object

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"rhizome/base/errs"
)

// Restored says what a Restore did.
type Restored struct {
	// Brought is how many objects are again what they were; Deleted how many got a delete
	// marker, for they were not there then; Same how many are what they were already.
	Brought, Deleted, Same int
}

// ErrNoVersions says that a bucket keeps no versions.
var ErrNoVersions = errs.New(errs.Invalid, "the bucket never had versioning, so nothing of what was there is kept")

// ErrSuspended says that a bucket does not keep what is replaced at present.
var ErrSuspended = errs.New(errs.Conflict, "versioning is suspended, so what is replaced would be lost: turn it on first")

// Undelete removes the delete markers that stand before the newest version of an object
// which is none, for good, and returns that version, and whether there was such a marker. It fails
// with ErrNoSuchKey if there is no such version.
func (s *Store) Undelete(ctx context.Context, b *Bucket, key string) (h *Head, was bool, err error) {
	if b.Versioning == VersioningOff {
		return nil, false, ErrNoVersions
	}
	if err := s.hasContent(ctx, b, key); err != nil {
		return nil, false, err
	}
	return s.undelete(ctx, b, key)
}

// undelete is Undelete of what has a version that is none.
func (s *Store) undelete(ctx context.Context, b *Bucket, key string) (h *Head, was bool, err error) {
	for range keepSteps {
		o, err := s.Stat(ctx, b, Get{Key: key})
		var marker *MarkerError
		if !errors.As(err, &marker) {
			if err != nil {
				return nil, was, err
			}
			return &o.Head, was, nil
		}
		was = true
		// With versioning suspended another write may have taken the marker's place, and its ID.
		_, err = s.DeleteVersion(ctx, b, key, marker.Head.VersionID, Conditions{still: still{version: marker.Head.Version}})
		if err != nil && !errors.Is(err, ErrPrecondition) {
			return nil, was, err
		}
	}
	return nil, was, errs.Newf(errs.Unavailable, "the object is being changed all the time: %w", ErrBusy)
}

// hasContent fails with ErrNoSuchKey unless there is a version that is no delete marker.
func (s *Store) hasContent(ctx context.Context, b *Bucket, key string) error {
	found := false
	content := func(v *VersionHead) bool { return !v.Marker }
	err := s.eachKey(ctx, b, ListVersions{Prefix: key, Limit: MaxListEntries}, false, content, func(_, content *VersionHead) error {
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
	done, _, err := s.RestorePage(ctx, b, RestorePage{Key: key, Prefix: prefix, At: at})
	return done, err
}

// UndeletePage is Undelete of all under a prefix, whenever they were deleted, a page of it; At says
// nothing. What was not deleted, or has no version to show, is Same. The deployments of the bucket's
// site stay as they are. next is the key after which to go on, empty if all are done.
func (s *Store) UndeletePage(ctx context.Context, b *Bucket, r RestorePage) (done *Restored, next string, err error) {
	if b.Versioning == VersioningOff {
		return nil, "", ErrNoVersions
	}
	r.Prefix, done = true, &Restored{}
	content := func(v *VersionHead) bool { return !v.Marker }
	next, err = s.eachOfPage(ctx, b, r, content, func(now, content *VersionHead) error {
		back := now.Marker && content != nil
		if back && !r.Dry {
			_, _, err := s.undelete(ctx, b, now.Key)
			if errs.KindOf(err) == errs.NotFound { // somebody deleted its versions meanwhile
				back, err = false, nil
			}
			if err != nil {
				return err
			}
		}
		if back {
			done.Brought++
		} else {
			done.Same++
		}
		return nil
	})
	return done, next, err
}

// RestorePage says what Restore or UndeletePage is to do at once.
type RestorePage struct {
	Key    string
	Prefix bool // UndeletePage has it in any case
	At     time.Time
	After  string // the key after which to begin; empty: at the first
	Limit  int    // how many objects are looked at; 0: all
	Dry    bool   // what would be done is said, and nothing done
}

// errPageFull ends a walk.
var errPageFull = errors.New("the page is full")

// RestorePage is Restore of a page. next is the key after which to go on, empty if all are done.
func (s *Store) RestorePage(ctx context.Context, b *Bucket, r RestorePage) (done *Restored, next string, err error) {
	switch b.Versioning {
	case VersioningOff:
		return nil, "", ErrNoVersions
	case VersioningSuspended: // what is replaced would be gone for good
		return nil, "", ErrSuspended
	}
	done = &Restored{}
	by := func(v *VersionHead) bool { return !v.Modified.After(r.At) }
	next, err = s.eachOfPage(ctx, b, r, by, func(now, then *VersionHead) error {
		return s.restoreOne(ctx, b, now, then, r.Dry, done)
	})
	return done, next, err
}

// eachOfPage is eachKey for the keys of a page but those of the bucket's site; next is the key after
// which to go on, empty if all are done.
func (s *Store) eachOfPage(ctx context.Context, b *Bucket, r RestorePage, wanted func(*VersionHead) bool, f func(newest, wanted *VersionHead) error) (next string, err error) {
	looked := 0
	l := ListVersions{Prefix: r.Key, AfterKey: r.After, Limit: MaxListEntries}
	err = s.eachKey(ctx, b, l, r.Prefix, wanted, func(newest, wanted *VersionHead) error {
		if looked++; r.Limit > 0 && looked > r.Limit {
			return errPageFull
		}
		next = newest.Key
		if r.Prefix && b.Settings.spares(newest.Key) {
			return nil
		}
		return f(newest, wanted)
	})
	if errors.Is(err, errPageFull) {
		return next, nil
	}
	return "", err
}

// restoreOne makes an object what it was, given what it is, and counts it.
func (s *Store) restoreOne(ctx context.Context, b *Bucket, now, then *VersionHead, dry bool, done *Restored) error {
	was, is := then != nil && !then.Marker, !now.Marker
	same := !was && !is
	if was && is {
		var err error
		if same, err = s.sameVersion(ctx, b, then, now); err != nil {
			return err
		}
	}
	switch {
	case same:
		done.Same++
		return nil
	case !was:
		done.Deleted++
		if dry {
			return nil
		}
		_, err := s.Delete(ctx, b, now.Key, Conditions{still: still{versions: true}})
		return err
	}
	done.Brought++
	if dry {
		return nil
	}
	return s.bringBack(ctx, b, then)
}

// sameVersion reports whether two listed versions of a key are one, or show nobody a
// difference but the time, as copies do that a restore made. Two versions whose lists differ are not read.
func (s *Store) sameVersion(ctx context.Context, b *Bucket, x, y *VersionHead) (bool, error) {
	if x.VersionID == y.VersionID {
		return true, nil
	}
	if !x.sameAs(&y.Head) {
		return false, nil
	}
	var whole [2]*Object
	for i, v := range []*VersionHead{x, y} {
		o, err := s.Stat(ctx, b, Get{Key: v.Key, Version: v.VersionID})
		if errs.KindOf(err) == errs.NotFound {
			return false, nil // what is to be done will find out
		}
		if err != nil {
			return false, err
		}
		whole[i] = o
	}
	return whole[0].sameAs(&whole[1].Head), nil
}

// sameAs compares all that clients see but the time and the ID.
func (h *Head) sameAs(o *Head) bool {
	return h.ETag == o.ETag && h.Size == o.Size && h.Parts == o.Parts && h.Customer == o.Customer && slices.Equal(h.Tags, o.Tags) && h.Attrs.sameAs(o.Attrs) &&
		h.Checksum.Algorithm == o.Checksum.Algorithm && h.Checksum.Composite == o.Checksum.Composite && bytes.Equal(h.Checksum.Sum, o.Checksum.Sum)
}

// sameAs compares what clients see.
func (a Attrs) sameAs(b Attrs) bool {
	return a.ContentType == b.ContentType && a.CacheControl == b.CacheControl && a.ContentDisposition == b.ContentDisposition &&
		a.ContentEncoding == b.ContentEncoding && a.ContentLanguage == b.ContentLanguage && a.Expires == b.Expires &&
		a.WebsiteRedirect == b.WebsiteRedirect && a.StorageClass == b.StorageClass && maps.Equal(a.User, b.User)
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

// eachKey calls f for the key that is the list's prefix, or each under that, with the newest of its versions and the
// newest that is wanted, nil if none is. What f writes is not listed again.
func (s *Store) eachKey(ctx context.Context, b *Bucket, l ListVersions, prefix bool, wanted func(*VersionHead) bool, f func(newest, wanted *VersionHead) error) error {
	var newest, found *VersionHead
	for {
		p, err := s.ListVersions(ctx, b, l)
		if err != nil {
			return err
		}
		for i := range p.Versions {
			v := &p.Versions[i]
			if !prefix && v.Key != l.Prefix {
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
