package object

import (
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// Description is what an extent says about itself on disk, so that rows can be
// rebuilt from bytes: whose it is in clear, all else sealed under the bucket's key.
type Description struct {
	Bucket ident.ID `cbor:"1,keyasint"`
	Sealed []byte   `cbor:"2,keyasint"`
	// Made is extent.Described's.
	Made register.Ballot `cbor:"3,keyasint"`
}

// content is the sealed part of a Description.
type content struct {
	Key     string   `cbor:"1,keyasint"`
	Version ident.ID `cbor:"2,keyasint"`
	// Upload and Part are set for the bytes of a part.
	Upload ident.ID `cbor:"3,keyasint"`
	Part   int      `cbor:"4,keyasint,omitempty"`
	// Index counts the extents of the version from 0; -1 is its list.
	Index int `cbor:"5,keyasint"`
	// Secret is the extent's key, under the data key if there is an Envelope.
	Secret   []byte `cbor:"6,keyasint"`
	Length   int64  `cbor:"7,keyasint"`
	Modified int64  `cbor:"8,keyasint"`
	Attrs    Attrs  `cbor:"9,keyasint"`
	// Last marks the version's last extent, which knows the whole.
	Last     bool     `cbor:"10,keyasint,omitempty"`
	Size     int64    `cbor:"11,keyasint,omitempty"`
	ETag     string   `cbor:"12,keyasint,omitempty"`
	Checksum Checksum `cbor:"13,keyasint"`
	// Tags are those that the version was made with.
	Tags []Tag `cbor:"14,keyasint,omitempty"`
	// Lock is what the version was to be locked with.
	Lock Lock `cbor:"15,keyasint,omitzero"`
	// Keep is the bucket's versioning when the bytes were written.
	Keep Versioning `cbor:"17,keyasint,omitempty"`

	// Envelope is what the data key is in, if that is a customer's; a list's own extent has
	// none.
	Envelope []byte `cbor:"16,keyasint,omitempty"`

	home *Bucket // set by who opened it: the bucket whose key it is sealed under
}

// describer makes the descriptions of one version's extents.
type describer struct {
	b      *Bucket
	key    string
	upload ident.ID
	part   int
}

func (s *Store) describeObject(b *Bucket, key string) describer { return describer{b: b, key: key} }

func (s *Store) describePart(b *Bucket, key string, r *uploadRecord, number int) describer {
	return describer{b, key, r.ID, number}
}

// extent returns what to call when an extent's bytes are complete: by then the draft
// knows its digest if the extent is the last.
func (say describer) extent(d *draft, index int) extent.Describe {
	return func(p extent.Piece, made register.Ballot) []byte {
		v := &d.version
		c := content{Key: say.key, Version: v.ID, Upload: say.upload, Part: say.part, Index: index,
			Secret: p.Key, Length: p.Length, Modified: v.Modified, Attrs: v.Attrs, Tags: v.Tags, Keep: say.b.Versioning}
		if index >= 0 && d.keys.customers() {
			c.Secret, c.Envelope = d.keys.piece(p).Sealed, d.keys.inner
		}
		if say.upload.IsZero() {
			c.Lock = say.b.Lock.give(d.lock, v.Modified)
		}
		if v.ETag != "" {
			c.Last, c.Size, c.ETag, c.Checksum = true, v.Size, v.ETag, v.Checksum
		}
		plain := codec.Encode(c)
		if len(plain) > maxDescription {
			c.Attrs, c.Tags = Attrs{ContentType: c.Attrs.ContentType}, nil // better than none at all
			plain = codec.Encode(c)
		}
		return codec.Encode(Description{say.b.ID, say.b.key.Seal(plain, p.Extent[:]), made})
	}
}

// maxDescription leaves room for sealing within what the disk floor takes.
const maxDescription = 7 << 10

// describe opens a description found on disk.
func (b *Bucket) describe(d Description, id ident.ID) (*content, error) {
	plain, err := b.key.Open(d.Sealed, id[:])
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "what extent %s says about itself: %w", id, err)
	}
	c := new(content)
	return c, codec.Decode(plain, c)
}
