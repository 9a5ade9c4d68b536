package object

import (
	"bytes"

	"rhizome/base/codec"
	"rhizome/base/errs"
)

// The rule for fields that came after the first release: a node that does not know one loses
// it when it writes the record anew. So a record that uses such a field carries the generation
// that knows it (codec.EncodeAs), and older nodes refuse it, with an error and without a
// change; and it is used first once every member runs a release that knows it (Config.Knows),
// so that in ordinary times no node meets what it must refuse. A field that may be lost
// without harm needs no generation. Fields of the future: see TestGenerations.

// firstGeneration and keepsGeneration are those of records of the first release, and of what
// came with versions: those themselves, object lock, tags, events and the settings of buckets.
const (
	firstGeneration = codec.Version
	keepsGeneration = 2
)

// ErrOlder says that a member runs a release that would lose what is to be set.
var ErrOlder = errs.New(errs.Conflict, "upgrade it first, or take it out")

// known fails if a member would not know a generation.
func (s *Store) known(generation byte) error {
	if generation == firstGeneration || s.Knows == nil {
		return nil
	}
	return s.Knows(int(generation))
}

// knownIf is known of what came with versions, if it is used.
func (s *Store) knownIf(used bool) error {
	if !used {
		return nil
	}
	return s.known(keepsGeneration)
}

// generation is the oldest that may write the record anew.
func (s *slot) generation() byte {
	if s.Past != nil || len(s.Events) > 0 || s.Order > 0 {
		return keepsGeneration
	}
	if v := s.Version; v != nil && (v.Number != 0 || v.Marker || v.Null || v.customers() || v.Attrs.Replica || len(v.Tags) > 0 || v.Lock != (Lock{})) {
		return keepsGeneration
	}
	return firstGeneration
}

func (r *uploadRecord) generation() byte {
	if r.customers() || r.Attrs.Replica || len(r.Tags) > 0 || r.Lock != (Lock{}) {
		return keepsGeneration
	}
	return firstGeneration
}

func (r *bucketRecord) generation() byte {
	if g := laterBucket(r); g > 0 {
		return g
	}
	if r.Versioning != VersioningOff || r.Lock != (BucketLock{}) || r.Settings.any() {
		return keepsGeneration
	}
	return firstGeneration
}

// any reports whether anything is set.
func (s *Settings) any() bool { return !bytes.Equal(codec.Encode(s), codec.Encode(Settings{})) }
