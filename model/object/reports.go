package object

import (
	"rhizome/base/ident"
)

// Destination is a bucket that reports about another are written to, and under what prefix.
type Destination struct {
	// Bucket is the bucket, Name what it was called when it was named; the bucket counts.
	Bucket ident.ID `cbor:"1,keyasint"`
	Name   string   `cbor:"2,keyasint"`
	Prefix string   `cbor:"3,keyasint,omitempty"`
	// Ordered: who runs a node named it, so that its owner need not allow it.
	Ordered bool `cbor:"4,keyasint,omitempty"`
}

// Logging is S3's BucketLoggingStatus.
type Logging struct {
	To Destination `cbor:"1,keyasint"`
	// Partitioned: the names of log objects are S3's PartitionedPrefix, by the day of the
	// requests if ByEvent, else by the time of writing.
	Partitioned bool `cbor:"2,keyasint,omitempty"`
	ByEvent     bool `cbor:"3,keyasint,omitempty"`
	// Explicit: SimplePrefix was said in so many words.
	Explicit bool `cbor:"4,keyasint,omitempty"`
}

// Inventory is one of S3's inventory configurations; its files are CSV.
type Inventory struct {
	ID  string      `cbor:"1,keyasint"`
	Off bool        `cbor:"2,keyasint,omitempty"`
	To  Destination `cbor:"3,keyasint"`
	// Account is the account that was said to own the destination; it decides nothing.
	Account string `cbor:"4,keyasint,omitempty"`
	// Encrypted: SSE-S3 was asked for, which is what there is.
	Encrypted bool `cbor:"5,keyasint,omitempty"`
	// Prefix is that of the keys it lists.
	Prefix   string   `cbor:"6,keyasint,omitempty"`
	Versions bool     `cbor:"7,keyasint,omitempty"` // all, not only current ones
	Weekly   bool     `cbor:"8,keyasint,omitempty"` // on Sundays, as S3 has it
	Fields   []string `cbor:"9,keyasint,omitempty"` // optional ones, by S3's names, in their order
}

// Did says what a lifecycle rule did to a version.
type Did uint8

// What rules do.
const (
	DidExpire Did = iota // it is gone
	DidMark              // a delete marker took its place
	DidAbort             // it is an upload, and was aborted
)

func (s *Store) toldSwept(b *Bucket, did Did, v *VersionHead) {
	if s.Swept != nil && b.Settings.Logging != nil {
		s.Swept(b, did, v)
	}
}

// LastBucket returns a bucket of a global name as this node saw it last, nil if it did not. It
// reads nothing.
func (s *Store) LastBucket(name string) *Bucket {
	id, known := s.aliases.Last(name)
	if !known {
		return nil
	}
	b, _ := s.decoded.Last(id)
	return b
}
