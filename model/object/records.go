package object

import (
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// Tables of this package.
const (
	Buckets register.Table = 3
	Aliases register.Table = 4
	Objects register.Table = 5
	Uploads register.Table = 6
	Parts   register.Table = 7
	// Kept has one row, while extents are kept that nothing uses: see Rebuild.
	Kept register.Table = 9
	// Versions has the noncurrent versions of objects.
	Versions register.Table = 11
	// Outbox has the events that webhooks are to be told of: see outbox.go.
	Outbox register.Table = 15
	// Dues has the keys that other stores are to be sent: see dues.go.
	Dues register.Table = 18
)

const (
	// maxListHere is how many pieces a list in the version itself has at most.
	maxListHere = 4
	// maxListBlob is the longest list that stands in a row's blob, in bytes.
	maxListBlob = 56 << 10
)

// slot is the value of an Objects, Versions or Parts row.
type slot struct {
	Version *version `cbor:"1,keyasint,omitempty"`
	// Drops is pending work: what replaced versions referenced.
	Drops []drop `cbor:"2,keyasint,omitempty"`
	// Past is of an object in a bucket that has versioning.
	Past *past `cbor:"3,keyasint,omitempty"`
	// Events are pending work too: what is to be told. Order is that of the latest event of
	// the key.
	Events []event `cbor:"20,keyasint,omitempty"`
	Order  uint64  `cbor:"21,keyasint,omitempty"`
}

// version is one version of an object, or of a part.
type version struct {
	ID       ident.ID `cbor:"1,keyasint"`
	Size     int64    `cbor:"2,keyasint,omitempty"`
	ETag     string   `cbor:"3,keyasint,omitempty"`
	Modified int64    `cbor:"4,keyasint"` // Unix milliseconds
	Attrs    Attrs    `cbor:"5,keyasint"`
	Checksum Checksum `cbor:"6,keyasint"`
	// Parts is the number of parts, 0 for an object that came in one piece.
	Parts int  `cbor:"7,keyasint,omitempty"`
	Where kind `cbor:"8,keyasint,omitempty"`
	// Sealed is the data key, or the envelope that it is in, under the version's key; empty:
	// the version's key is it.
	Sealed []byte `cbor:"9,keyasint,omitempty"`
	// Holder is the upload whose parts hold the bytes; nil: the version references the
	// extents itself.
	Holder *address `cbor:"10,keyasint,omitempty"`
	// Extents are those that the version references itself.
	Extents []ident.ID `cbor:"11,keyasint,omitempty"`
	// Here is the list when it is short, so that one read finds the bytes.
	Here *list `cbor:"12,keyasint,omitempty"`
	// Number orders the versions of a key; 0: it was written before versioning was on.
	Number uint64 `cbor:"13,keyasint,omitempty"`
	// Marker is a delete marker: it has no bytes.
	Marker bool `cbor:"14,keyasint,omitempty"`
	// Null says that versioning was suspended when it was written.
	Null bool  `cbor:"15,keyasint,omitempty"`
	Tags []Tag `cbor:"16,keyasint,omitempty"`
	Lock Lock  `cbor:"17,keyasint,omitzero"`
}

// kind says what a row's blob is.
type kind uint8

const (
	whereEmpty  kind = iota // no bytes, no blob
	whereInline             // the sealed bytes
	whereHere               // no blob: the list is in the version
	whereList               // a list
	whereLong               // the piece that holds the list
)

// list says where the bytes of a version stand, in order.
type list struct {
	Pieces []piece    `cbor:"1,keyasint,omitempty"`
	Parts  []partMark `cbor:"2,keyasint,omitempty"`
}

// piece is a run of bytes in an extent.
type piece struct {
	Extent ident.ID `cbor:"1,keyasint"`
	// Sealed is the extent's key under the data key.
	Sealed []byte `cbor:"2,keyasint"`
	// Total is the extent's length; Offset and Length the run, in plain bytes.
	Total  int64 `cbor:"3,keyasint"`
	Offset int64 `cbor:"4,keyasint,omitempty"`
	Length int64 `cbor:"5,keyasint"`
}

// partMark is what an object remembers of one of its parts.
type partMark struct {
	Number int    `cbor:"1,keyasint"`
	Size   int64  `cbor:"2,keyasint"`
	ETag   string `cbor:"3,keyasint,omitempty"`
	Sum    []byte `cbor:"4,keyasint,omitempty"`
}

// address names an Uploads row.
type address struct {
	Part []byte `cbor:"1,keyasint"`
	Sort []byte `cbor:"2,keyasint"`
}

func (a address) row() register.Row {
	return register.Row{Table: Uploads, Part: string(a.Part), Sort: string(a.Sort)}
}

// held is an extent.Ref of an upload, as it is stored.
type held struct {
	ID     ident.ID        `cbor:"1,keyasint"`
	Table  register.Table  `cbor:"2,keyasint"`
	Part   []byte          `cbor:"3,keyasint"`
	Sort   []byte          `cbor:"4,keyasint"`
	Ballot register.Ballot `cbor:"5,keyasint"`
	Dying  bool            `cbor:"6,keyasint,omitempty"`
}

func (h *held) ref() extent.Ref {
	return extent.Ref{ID: h.ID, Row: register.Row{Table: h.Table, Part: string(h.Part), Sort: string(h.Sort)},
		Ballot: h.Ballot, Dying: h.Dying}
}

func holds(r extent.Ref) held {
	return held{r.ID, r.Row.Table, []byte(r.Row.Part), []byte(r.Row.Sort), r.Ballot, r.Dying}
}

// drop is a version's references, to be dropped.
type drop struct {
	Version ident.ID   `cbor:"1,keyasint"`
	Extents []ident.ID `cbor:"2,keyasint,omitempty"`
	Holder  *address   `cbor:"3,keyasint,omitempty"`
}

// drop returns what is to be dropped when v is replaced, or nil.
func (v *version) drop() []drop {
	if v == nil || len(v.Extents) == 0 && v.Holder == nil {
		return nil
	}
	return []drop{{v.ID, v.Extents, v.Holder}}
}

// bucketRecord is the value of a Buckets row.
type bucketRecord struct {
	Created    int64               `cbor:"1,keyasint"` // Unix milliseconds
	Names      []string            `cbor:"2,keyasint,omitempty"`
	LocalNames map[string][]string `cbor:"3,keyasint,omitempty"`
	Grants     map[string]Access   `cbor:"4,keyasint,omitempty"`
	Anonymous  Access              `cbor:"5,keyasint"`
	Quota      Quota               `cbor:"6,keyasint"`
	Sealed     []byte              `cbor:"7,keyasint"` // the bucket's key under the root key
	Shards     int                 `cbor:"8,keyasint"`
	State      bucketState         `cbor:"9,keyasint,omitempty"`
	Epoch      uint64              `cbor:"10,keyasint,omitempty"`
	Versioning Versioning          `cbor:"11,keyasint,omitempty"`
	Lock       BucketLock          `cbor:"12,keyasint,omitzero"`
	// Settings are the gateways'.
	Settings Settings `cbor:"20,keyasint,omitzero"`
}

type bucketState uint8

const (
	bucketActive   bucketState = iota
	bucketNew                  // its name is not committed yet
	bucketDeleting             // fenced, to see whether it is empty
	bucketGone                 // deleted; names and uploads are being removed
)

// aliasRecord is the value of an Aliases row.
type aliasRecord struct {
	Bucket ident.ID `cbor:"1,keyasint"`
}

// uploadRecord is the value of an Uploads row.
type uploadRecord struct {
	ID       ident.ID    `cbor:"1,keyasint"`
	Started  int64       `cbor:"2,keyasint"` // Unix milliseconds
	Attrs    Attrs       `cbor:"3,keyasint"`
	Checksum Checksum    `cbor:"4,keyasint"`
	State    uploadState `cbor:"5,keyasint,omitempty"`
	Epoch    uint64      `cbor:"6,keyasint,omitempty"`
	Sealed   []byte      `cbor:"7,keyasint"` // the data key, or its envelope, under the bucket's key
	// Refs are the versions that hold the upload alive once it is completing.
	Refs []held `cbor:"8,keyasint,omitempty"`
	// Done is the version that completing made: a repeated Complete answers with it.
	Done ident.ID `cbor:"10,keyasint"`
	// Kept are the parts that completing named; the others are to be removed once it is
	// done. Empty: none are left to be removed.
	Kept partSet `cbor:"11,keyasint,omitempty"`
	Tags []Tag   `cbor:"12,keyasint,omitempty"`
	// Lock is what the object is to be locked with, if that was said.
	Lock Lock `cbor:"13,keyasint,omitzero"`
}

// partSet is a set of part numbers: number n is bit n%8 of byte n/8.
type partSet []byte

func (s *partSet) add(n int) {
	for len(*s) <= n/8 {
		*s = append(*s, 0)
	}
	(*s)[n/8] |= 1 << (n % 8)
}

func (s partSet) has(n int) bool { return n/8 < len(s) && s[n/8]&(1<<(n%8)) != 0 }

type uploadState uint8

const (
	uploadOpen uploadState = iota
	uploadCompleting
	uploadDone
	uploadDropped // aborted, or its last version is gone; parts are being removed
)

// decodeRow decodes the value of a row; nil gives the zero record.
func decodeRow[T any](v *register.Value) (*T, error) {
	r := new(T)
	if v == nil {
		return r, nil
	}
	return r, codec.Decode(v.Data, r)
}

// value encodes a slot with its blob; nil when there is nothing left to remember.
func (s *slot) value(blob []byte) *register.Value {
	if s.Version == nil && len(s.Drops) == 0 && s.Past == nil && len(s.Events) == 0 {
		return nil
	}
	v := &register.Value{Data: codec.EncodeAs(s.generation(), s), Pending: len(s.Drops)+len(s.Events) > 0 || s.Past.pending(),
		Hidden: s.Version == nil && !s.gap() || s.Version != nil && s.Version.Marker}
	if s.Version != nil {
		v.Blob, v.Count, v.Bytes = blob, 1, s.Version.Size
	}
	s.Past.weigh(v)
	return v
}

// pending reports whether follow-up work is left; weigh adds what it is about to the
// weight of the row, and takes off it what has a row of its own.
func (p *past) pending() bool { return p != nil && len(p.Notes)+len(p.Gap) > 0 }

func (p *past) notes() []note {
	if p == nil {
		return nil
	}
	return p.Notes
}

func (p *past) weigh(v *register.Value) {
	if p == nil {
		return
	}
	if p.Mirror {
		v.Count, v.Bytes = 0, 0
	}
	for i := range p.Notes {
		if w := p.Notes[i].Version; w != nil && !p.Notes[i].Again {
			v.Count, v.Bytes = v.Count+1, v.Bytes+w.Size
		}
	}
}

func (v *version) head(key string) Head {
	return Head{Key: key, Version: v.ID, Size: v.Size, ETag: v.ETag, Modified: time.UnixMilli(v.Modified).UTC(),
		Attrs: v.Attrs, Checksum: v.Checksum, Parts: v.Parts, VersionID: v.name(), Marker: v.Marker,
		Tags: v.Tags, Lock: v.Lock, Customer: v.customers()}
}

func decodeList(b []byte) (*list, error) {
	l := new(list)
	if err := codec.Decode(b, l); err != nil {
		return nil, errs.Newf(errs.Corrupt, "an object's list of pieces: %w", err)
	}
	return l, nil
}
