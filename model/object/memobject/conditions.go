package memobject

import (
	"slices"
	"time"

	"rhizome/model/object"
)

// mayWrite says whether a write may replace old, which is nil if there is none.
func mayWrite(c object.Conditions, old *entry) error {
	if len(c.IfMatch) > 0 {
		if old == nil {
			return object.ErrNoSuchKey
		}
		if !matches(c.IfMatch, old) {
			return object.ErrPrecondition
		}
	}
	if slices.Contains(c.IfNoneMatch, "*") && old != nil {
		return object.ErrPrecondition
	}
	return nil
}

// mayRead takes the conditions in the order of RFC 9110, section 13.2.2.
func mayRead(c object.Conditions, e *entry) error {
	modified := e.head.Modified.Truncate(time.Second)
	switch {
	case len(c.IfMatch) > 0:
		if !matches(c.IfMatch, e) {
			return object.ErrPrecondition
		}
	case !c.IfUnmodifiedSince.IsZero() && modified.After(c.IfUnmodifiedSince):
		return object.ErrPrecondition
	}
	switch {
	case len(c.IfNoneMatch) > 0:
		if matches(c.IfNoneMatch, e) {
			return object.ErrNotModified
		}
	case !c.IfModifiedSince.IsZero() && !modified.After(c.IfModifiedSince):
		return object.ErrNotModified
	}
	return nil
}

func matches(etags []string, e *entry) bool {
	return slices.Contains(etags, "*") || slices.Contains(etags, e.head.ETag)
}
