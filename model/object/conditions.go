package object

import (
	"slices"
	"time"
)

func (c *Conditions) empty() bool {
	return len(c.IfMatch) == 0 && len(c.IfNoneMatch) == 0 && c.IfModifiedSince.IsZero() && c.IfUnmodifiedSince.IsZero()
}

// matches reports whether one of tags names v; "*" names any.
func matches(tags []string, v *version) bool {
	return v != nil && (slices.Contains(tags, "*") || slices.Contains(tags, v.ETag))
}

// checkRead applies the conditions in the order of RFC 9110, section 13.2.2, to a
// version that is there.
func (c *Conditions) checkRead(v *version) error {
	modified := time.UnixMilli(v.Modified).UTC().Truncate(time.Second) // dates carry seconds
	switch {
	case len(c.IfMatch) > 0:
		if !matches(c.IfMatch, v) {
			return ErrPrecondition
		}
	case !c.IfUnmodifiedSince.IsZero() && modified.After(c.IfUnmodifiedSince):
		return ErrPrecondition
	}
	switch {
	case len(c.IfNoneMatch) > 0:
		if matches(c.IfNoneMatch, v) {
			return ErrNotModified
		}
	case !c.IfModifiedSince.IsZero() && !modified.After(c.IfModifiedSince):
		return ErrNotModified
	}
	return nil
}

// checkCopy applies them to the source of a copy, where every failure is a 412.
func (c *Conditions) checkCopy(v *version) error {
	if c.checkRead(v) != nil {
		return ErrPrecondition
	}
	return nil
}

// checkWrite applies them to what a write would replace (nil: nothing).
func (c *Conditions) checkWrite(v *version) error {
	if len(c.IfNoneMatch) > 0 && matches(c.IfNoneMatch, v) {
		return ErrPrecondition
	}
	return c.checkDelete(v)
}

// checkDelete is checkWrite for what only IfMatch applies to.
func (c *Conditions) checkDelete(v *version) error {
	if id := c.still.current; !id.IsZero() && (v == nil || v.ID != id) {
		return ErrPrecondition
	}
	if len(c.IfMatch) == 0 {
		return nil
	}
	if v == nil {
		return ErrNoSuchKey
	}
	if !matches(c.IfMatch, v) {
		return ErrPrecondition
	}
	return nil
}
