package object

import (
	"context"
	"unicode/utf8"

	"rhizome/base/errs"
)

// MaxTags is how many tags an object has at most, as AWS has it.
const MaxTags = 10

// Limits of a tag's name and value, in characters.
const (
	MaxTagKey   = 128
	MaxTagValue = 256
)

// ErrTags says that tags are not what an object takes. Gateways say it better before.
var ErrTags = errs.Newf(errs.Invalid, "an object has at most %d tags of different names, which have up to %d characters and values of up to %d", MaxTags, MaxTagKey, MaxTagValue)

func checkTags(tags []Tag) error {
	if len(tags) > MaxTags {
		return ErrTags
	}
	seen := map[string]bool{}
	for _, t := range tags {
		if t.Key == "" || seen[t.Key] || !utf8.ValidString(t.Key) || !utf8.ValidString(t.Value) ||
			utf8.RuneCountInString(t.Key) > MaxTagKey || utf8.RuneCountInString(t.Value) > MaxTagValue {
			return ErrTags
		}
		seen[t.Key] = true
	}
	return nil
}

// checkTags checks what a version is to be given.
func (s *Store) checkTags(tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.knownIf(len(tags) > 0)
}

// SetTags implements Service.
func (s *Store) SetTags(ctx context.Context, b *Bucket, key, id string, tags []Tag) (*Head, error) {
	if err := s.checkTags(tags); err != nil {
		return nil, err
	}
	if err := s.checkRoom(0); err != nil && len(tags) > 0 {
		return nil, err
	}
	kind := EventTagPut
	if len(tags) == 0 {
		kind = EventTagDelete
	}
	return s.revise(ctx, b, key, id, kind, func(v *version) error {
		v.Tags = tags
		return nil
	})
}
