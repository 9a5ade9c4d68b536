package object

import (
	"slices"
	"strings"
	"time"

	"rhizome/base/ident"
)

// LifecycleRule is one rule of S3's lifecycle configuration. What is zero is not asked for.
type LifecycleRule struct {
	ID     string          `cbor:"1,keyasint,omitempty"`
	Off    bool            `cbor:"2,keyasint,omitempty"`
	Filter LifecycleFilter `cbor:"3,keyasint,omitzero"`
	// Days after it was written, or from Date on (Unix milliseconds), the current version
	// expires.
	Days int   `cbor:"4,keyasint,omitempty"`
	Date int64 `cbor:"5,keyasint,omitempty"`
	// Markers: a delete marker goes when nothing but it is left of a key.
	Markers bool `cbor:"6,keyasint,omitempty"`
	// NoncurrentDays after it was replaced a noncurrent version goes, but for the Newer newest.
	NoncurrentDays int `cbor:"7,keyasint,omitempty"`
	Newer          int `cbor:"8,keyasint,omitempty"`
	// AbortDays after it was begun an upload is aborted.
	AbortDays int `cbor:"9,keyasint,omitempty"`
}

// LifecycleFilter says which objects a rule is about: those that meet all of it.
type LifecycleFilter struct {
	Prefix string `cbor:"1,keyasint,omitempty"`
	Tags   []Tag  `cbor:"2,keyasint,omitempty"`
	// Over and Under are sizes in bytes, both exclusive.
	Over  *int64 `cbor:"3,keyasint,omitempty"`
	Under *int64 `cbor:"4,keyasint,omitempty"`
	// Bare: it was written as a prefix beside the rule, as configurations once were.
	Bare bool `cbor:"5,keyasint,omitempty"`
}

func (f *LifecycleFilter) meets(h *Head) bool {
	if !strings.HasPrefix(h.Key, f.Prefix) {
		return false
	}
	if h.Marker {
		return !f.ofContent()
	}
	for _, t := range f.Tags {
		if !slices.Contains(h.Tags, t) {
			return false
		}
	}
	return (f.Over == nil || h.Size > *f.Over) && (f.Under == nil || h.Size < *f.Under)
}

// ofContent reports whether the filter asks for what a delete marker does not have.
func (f *LifecycleFilter) ofContent() bool { return len(f.Tags) > 0 || f.Over != nil || f.Under != nil }

const day = 24 * time.Hour

// due returns when something that happened at t is so many days old, as S3 counts: at the
// midnight, UTC, that ends the last of them.
func due(t time.Time, days int) time.Time {
	t = t.UTC().AddDate(0, 0, days)
	if m := t.Truncate(day); !m.Equal(t) {
		return m.Add(day)
	}
	return t
}

// standing is where a version stands among those of its key.
type standing struct {
	head *Head
	// replaced is when it stopped to be the current version; zero: it is that.
	replaced time.Time
	newer    int  // noncurrent versions that are newer
	alone    bool // it is all there is of its key
}

// judge reports whether lifecycle rules want a version gone now. Of the current one a delete
// marker takes the place, where versions are kept.
func judge(rules []LifecycleRule, s standing, now time.Time) bool {
	for i := range rules {
		r := &rules[i]
		if !r.Off && r.Filter.meets(s.head) && r.wants(s, now) {
			return true
		}
	}
	return false
}

func (r *LifecycleRule) wants(s standing, now time.Time) bool {
	switch {
	case !s.replaced.IsZero():
		return r.NoncurrentDays > 0 && s.newer >= r.Newer && !now.Before(due(s.replaced, r.NoncurrentDays))
	case s.head.Marker && !s.alone:
		return false
	case s.head.Marker && r.Markers:
		return true
	}
	at, ok := r.expires(s.head)
	return ok && !now.Before(at)
}

// expires returns when the rule has a current version expire.
func (r *LifecycleRule) expires(h *Head) (time.Time, bool) {
	switch {
	case r.Days > 0:
		return due(h.Modified, r.Days), true
	case r.Date > 0:
		return time.UnixMilli(r.Date).UTC(), true
	}
	return time.Time{}, false
}

// expired reports whether the bucket's rules want a version gone now.
func (s *Settings) expired(at standing, now time.Time) bool {
	return !s.spares(at.head.Key) && judge(s.Lifecycle, at, now)
}

// Expiration returns when the current version of an object expires, and by which rule; false
// if it does not.
func (s *Settings) Expiration(h *Head) (at time.Time, rule string, ok bool) {
	if s.spares(h.Key) {
		return at, rule, false
	}
	for i := range s.Lifecycle {
		r := &s.Lifecycle[i]
		if r.Off || h.Marker || !r.Filter.meets(h) {
			continue
		}
		if t, yes := r.expires(h); yes && (!ok || t.Before(at)) {
			at, rule, ok = t, r.ID, true
		}
	}
	return at, rule, ok
}

// aborts reports whether the rules want an upload gone now.
func aborts(rules []LifecycleRule, u *Upload, now time.Time) bool {
	return slices.ContainsFunc(rules, func(r LifecycleRule) bool {
		return !r.Off && r.AbortDays > 0 && strings.HasPrefix(u.Key, r.Filter.Prefix) && !r.Filter.ofContent() &&
			!now.Before(due(u.Started, r.AbortDays))
	})
}

// walk goes through versions in the order of a list, and tells of each where it stands. It
// is one behind: whether a version is alone shows in the next.
type walk struct {
	last  *VersionHead
	at    standing
	newer int
}

// next takes a version, nil at the end, and returns the one before with its standing; nil if
// there is none.
func (w *walk) next(v *VersionHead) (*VersionHead, standing) {
	before, at := w.last, w.at
	same := before != nil && v != nil && before.Key == v.Key
	if before != nil {
		at.alone = at.replaced.IsZero() && !same
	}
	w.last = v
	if v == nil {
		return before, at
	}
	w.at = standing{head: &v.Head}
	if same {
		w.at.replaced, w.at.newer = before.Modified, w.newer
		w.newer++
	} else {
		w.newer = 0
	}
	return before, at
}

// Swept says what lifecycle rules did.
type Swept struct {
	// Expired are current versions, Removed noncurrent ones and delete markers, Aborted uploads;
	// Locked were kept by a lock.
	Expired, Removed, Aborted, Locked int64
}

func (s *Swept) add(o Swept) {
	s.Expired, s.Removed, s.Aborted, s.Locked = s.Expired+o.Expired, s.Removed+o.Removed, s.Aborted+o.Aborted, s.Locked+o.Locked
}

// still are conditions of what rules or a Restore ask for: a deletion is of the version that
// was judged, which stands where it stood then.
type still struct {
	swept   bool     // by a rule: events say so
	current ident.ID // of a Delete
	version ident.ID // of a DeleteVersion
	// noncurrent: it has not become the current version again.
	noncurrent bool
	// versions: the bucket has versioning that is on, so that nothing is lost.
	versions bool
}

// keeps fails with ErrSuspended if the bucket is to keep what is replaced, and does not.
func (a still) keeps(b *Bucket) error {
	if a.versions && b.Versioning != VersioningOn {
		return ErrSuspended
	}
	return nil
}

// event is what a deletion of that kind is told as. As on AWS, what a rule has go is told as that
// alone.
func (s still) event(k EventKind) EventKind {
	switch {
	case !s.swept:
		return k
	case k == EventMarker:
		return EventExpireMarker
	}
	return EventExpire
}
