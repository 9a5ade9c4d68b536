package extent

import (
	"context"
	"errors"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Describe makes what an extent says about itself on disk, up to 8 KiB: a record that has
// the field of Described with the ballot given; the rest is the caller's, sealed for those
// who hold the key.
type Describe func(p Piece, made register.Ballot) []byte

// Described is what this package reads of what an extent says about itself.
type Described struct {
	// Made is the ballot at which the extent's row is created; zero in those of the first
	// release.
	Made register.Ballot `cbor:"3,keyasint"`
}

// made returns a ballot at or above that at which a writer may create an extent's row
// without asking for promises: what the bytes here say, and what this replica holds.
func (s *Store) made(ctx context.Context, id ident.ID) (made register.Ballot, err error) {
	if s.local != nil {
		if made, err = s.local.Held(ctx, Row(id)); err != nil {
			return made, err
		}
	}
	if s.disks == nil {
		return made, nil
	}
	raw, err := s.disks.Descriptor(ctx, id)
	if errors.Is(err, errs.NotFound) || err == nil && len(raw) == 0 {
		return made, nil // nothing is deleted, or it was mended: it had a row once
	}
	if err != nil {
		return made, err
	}
	var d Described
	if err := codec.Decode(raw, &d); err != nil {
		return made, errs.Newf(errs.Corrupt, "what extent %s says about itself: %w", id, err)
	}
	return made.Max(d.Made), nil
}
