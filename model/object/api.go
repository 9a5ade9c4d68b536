package object

import (
	"context"
	"io"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/account"
)

// What S3 and the other gateways must tell apart beyond the kinds of package errs.
// Match with errors.Is; an error may wrap one with more words.
var (
	ErrNoSuchBucket    = errs.New(errs.NotFound, "the bucket does not exist")
	ErrNoSuchKey       = errs.New(errs.NotFound, "the object does not exist")
	ErrNoSuchUpload    = errs.New(errs.NotFound, "the upload does not exist: it was completed, aborted, or never begun")
	ErrBucketExists    = errs.New(errs.Exists, "the bucket name is taken")
	ErrBucketOwned     = errs.New(errs.Exists, "you own a bucket of this name already")
	ErrBucketNotEmpty  = errs.New(errs.Conflict, "the bucket is not empty")
	ErrBucketName      = errs.New(errs.Invalid, "the bucket name is not allowed")
	ErrPrecondition    = errs.New(errs.Conflict, "a condition of the request does not hold")
	ErrNotModified     = errs.New(errs.Conflict, "the object was not modified")
	ErrBusy            = errs.New(errs.Conflict, "another operation on the same thing is under way; try again")
	ErrInvalidPart     = errs.New(errs.Invalid, "a part was not found, or its ETag or checksum does not match")
	ErrPartOrder       = errs.New(errs.Invalid, "the parts are not in ascending order")
	ErrPartTooSmall    = errs.New(errs.TooLarge, "a part other than the last is smaller than 5 MiB")
	ErrPartNumber      = errs.New(errs.Invalid, "a part number must be between 1 and 10,000")
	ErrEntityTooLarge  = errs.New(errs.TooLarge, "the object is larger than allowed")
	ErrKeyTooLong      = errs.New(errs.TooLarge, "the key is longer than 1,024 bytes")
	ErrMetadataTooLong = errs.New(errs.TooLarge, "the metadata is longer than 2,048 bytes")
	ErrNotText         = errs.New(errs.Invalid, "a key or a piece of metadata is not UTF-8 text")
	ErrRange           = errs.New(errs.Invalid, "the range lies outside the object")
	ErrQuota           = errs.New(errs.Full, "the bucket's quota leaves no room for it")
	ErrShortBody       = errs.New(errs.Invalid, "the body ended before the announced length")
)

// Limits, as AWS has them (November 2026).
const (
	MaxKey         = 1024
	MaxMetadata    = 2048
	MaxPut         = 5 << 30
	MinPart        = 5 << 20
	MaxParts       = 10000
	MaxObject      = 50 << 40
	MaxInline      = 16 << 10
	MaxListEntries = 1000
)

// Access is what a key may do with a bucket.
type Access struct {
	Read  bool `cbor:"1,keyasint,omitempty" json:"read"`
	Write bool `cbor:"2,keyasint,omitempty" json:"write"`
	Owner bool `cbor:"3,keyasint,omitempty" json:"owner"`
}

// Quota limits a bucket; zero is no limit.
type Quota struct {
	Bytes   int64 `cbor:"1,keyasint,omitempty" json:"bytes"`
	Objects int64 `cbor:"2,keyasint,omitempty" json:"objects"`
}

// Bucket is one bucket as it was when it was looked up. Do not change it.
type Bucket struct {
	ID      ident.ID
	Created time.Time
	// Names are its global names, LocalNames those local to a key: key ID -> names.
	Names      []string
	LocalNames map[string][]string
	// Grants says what each key ID may do; Anonymous what anybody may.
	Grants    map[string]Access
	Anonymous Access
	Quota     Quota
	// Versioning says whether what is replaced or deleted is kept.
	Versioning Versioning
	Lock       BucketLock
	Settings   Settings
	epoch      uint64
	shards     int
	key        ident.Secret
}

// May returns what the key (nil: anonymous) may do with b.
func (b *Bucket) May(k *account.Key) Access {
	a := b.Anonymous
	if k != nil {
		g := b.Grants[k.ID]
		a = Access{Read: a.Read || g.Read, Write: a.Write || g.Write, Owner: g.Owner}
	}
	return a
}

// Usage is what a bucket holds. Uploads under way do not count.
type Usage struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// Attrs is what a client says about an object's bytes and gets back with them.
type Attrs struct {
	ContentType        string `cbor:"1,keyasint,omitempty"`
	CacheControl       string `cbor:"2,keyasint,omitempty"`
	ContentDisposition string `cbor:"3,keyasint,omitempty"`
	ContentEncoding    string `cbor:"4,keyasint,omitempty"`
	ContentLanguage    string `cbor:"5,keyasint,omitempty"`
	Expires            string `cbor:"6,keyasint,omitempty"`
	WebsiteRedirect    string `cbor:"7,keyasint,omitempty"`
	StorageClass       string `cbor:"8,keyasint,omitempty"`
	// User metadata: lower-case name without "x-amz-meta-" -> value.
	User map[string]string `cbor:"9,keyasint,omitempty"`
	// Replica says that another store copied the object here, which no client says of itself: a
	// copy of it is none.
	Replica bool `cbor:"10,keyasint,omitempty"`
}

// Checksum is an additional checksum that the client chose.
type Checksum struct {
	// Algorithm is CRC32, CRC32C, CRC64NVME, SHA1 or SHA256; empty is none.
	Algorithm string `cbor:"1,keyasint,omitempty"`
	// Composite: the checksum of the parts' checksums; else of the whole object.
	Composite bool   `cbor:"2,keyasint,omitempty"`
	Sum       []byte `cbor:"3,keyasint,omitempty"`
}

// Part is one part of an object that was uploaded in parts, or of an upload.
type Part struct {
	Number   int
	Size     int64
	ETag     string // hexadecimal, without quotes
	Checksum Checksum
	Modified time.Time
}

// Head is all of an object but its bytes.
type Head struct {
	Key      string
	Version  ident.ID
	Size     int64
	ETag     string // without quotes
	Modified time.Time
	Attrs    Attrs
	Checksum Checksum
	// Parts is the number of parts; 0 if the object came in one piece.
	Parts int
	// VersionID is what S3 calls the version, Null if it was written while versioning was
	// not on. Marker says that it is a delete marker.
	VersionID string
	Marker    bool
	// SourceVersionID is, of a copy, that of the source.
	SourceVersionID string
	// Tags are the version's, in the order in which they were put. Nobody changes them.
	Tags []Tag
	Lock Lock
	// Customer says that the bytes open only with a key of their writer's.
	Customer bool
}

// Conditions are those of RFC 9110, section 13.1, with ETags without quotes. On
// writes only IfMatch and IfNoneMatch == "*" count.
type Conditions struct {
	IfMatch, IfNoneMatch               []string // "*" matches any present object
	IfModifiedSince, IfUnmodifiedSince time.Time
	// Bypass is for the deletion of a version by who may go around governance.
	Bypass bool
	still  still
}

// Digest is what a gateway works out of a body while it is stored.
type Digest struct {
	ETag     string
	Checksum Checksum
}

// Body is what a client sends.
type Body struct {
	// Reader yields the plain bytes. It returns io.EOF only when the body is whole
	// and every signature and checksum in it was right; any other error ends the
	// operation, is returned as it is, and nothing is stored.
	Reader io.Reader
	// Size is the announced length, -1 if unknown.
	Size int64
	// Customer, if set, is the key of its own that the client has the bytes encrypted with; for
	// a part it is that of its upload. The ETag is then no digest, whatever Finish says.
	Customer *CustomerKey
	// Stop, if set, has a Read that waits for a client, and all after it, fail soon. It
	// may be called while one is under way, does not wait for it and is not called after
	// the operation. With it a client that stalls can lose its place in memory to others.
	Stop func()
	// Hash, if set, is given every byte in order, while it is being stored, from a
	// single goroutine at a time.
	Hash io.Writer
	// Finish is called once after io.EOF and before the commit. It returns the ETag and
	// checksum to store, or an error that ends the operation.
	Finish func() (Digest, error)
	// Confirm, if set, says that the bucket is only what was known of it before, and that
	// it is not certain yet that the caller may write to it: bytes may be stored, and
	// are given back if need be. It is called once, when the body was stored, and returns
	// the bucket as it is, or why the caller may not.
	Confirm func(context.Context) (*Bucket, error)
}

// Put stores one object.
type Put struct {
	Key   string
	Attrs Attrs
	Tags  []Tag
	Lock  Lock
	Body  Body
	If    Conditions
}

// Range asks for part of an object: First to Last inclusive; Last -1 is the end;
// First -1 asks for the last Last bytes.
type Range struct{ First, Last int64 }

// Get asks for an object or a part of it.
type Get struct {
	Key string
	// Version is a version ID; empty: the current version.
	Version string
	If      Conditions
	Range   *Range
	// PartNumber, if not 0, asks for one part; then Range is nil.
	PartNumber int
	// Customer is the key that the bytes were written with, nil if with none. Keyed says that
	// it is not enough for a Stat to give none, as it never is for a Get.
	Customer *CustomerKey
	Keyed    bool
}

// Object is an object opened for reading. Close it.
type Object struct {
	Head
	// Offset and Length say which bytes Body yields.
	Offset, Length int64
	// Body verifies as it reads: damaged bytes are an error, never data. It
	// implements io.WriterTo. It is nil for a Stat.
	Body io.ReadCloser
}

// Copy copies an object within the rhizome by reference.
type Copy struct {
	From    *Bucket
	FromKey string
	// FromVersion is the source's version ID; empty: the current version.
	FromVersion string
	FromIf      Conditions
	// FromOnly, if not zero, is the very version that may be copied (Head.Version): if another has
	// taken its place, it is ErrBusy.
	FromOnly ident.ID
	Key      string
	If       Conditions
	// Attrs replaces the metadata; nil copies it all but WebsiteRedirect.
	Attrs *Attrs
	// Tags replaces the tags; nil copies them.
	Tags *[]Tag
	// Lock is the copy's; the source's is never taken along.
	Lock Lock
	// Digest, if set, makes another checksum than the source has; it forces a read of
	// the bytes. It returns a Hash and its Finish as in Body.
	Digest func() (io.Writer, func() (Digest, error))
	// Range applies to UploadPartCopy only.
	Range *Range
	// FromCustomer is the key of the source, Customer that of the copy, nil for none; for a part
	// that of its upload.
	FromCustomer, Customer *CustomerKey
	large                  bool // it may be longer than S3 lets copies be
	keyed                  bool // it keeps the key of the source, which is not at hand
}

// List asks for a page of keys.
type List struct {
	Prefix, Delimiter string
	// After is exclusive. If it is itself a rolled-up prefix, the page begins behind
	// all keys under it.
	After string
	Limit int // 0 to 1,000
}

// Listed is a page of keys, whose heads carry neither Version, Attrs nor Tags. Objects and Prefixes are each in byte order; together
// they are at most Limit.
type Listed struct {
	Objects  []Head
	Prefixes []string
	// More says that keys may follow; Next is the After to go on with.
	More bool
	Next string
}

// NewUpload begins an upload in parts.
type NewUpload struct {
	Key      string
	Attrs    Attrs
	Tags     []Tag
	Lock     Lock
	Checksum Checksum // Algorithm and Composite only
	// Customer is the key that every part and every read of the object comes with, or nil.
	Customer *CustomerKey
}

// Upload is an upload in parts that is under way.
type Upload struct {
	ID       ident.ID
	Key      string
	Started  time.Time
	Attrs    Attrs
	Checksum Checksum
	// Customer says that its parts come with a key of their writer's.
	Customer bool
}

// ListUploads asks for a page of uploads under way, ordered by key, then by the time at
// which they were begun, in which order their IDs are.
type ListUploads struct {
	Prefix, Delimiter string
	AfterKey          string
	AfterID           ident.ID // zero: after every upload of AfterKey
	Limit             int
	parts             []string // nil: all of the bucket
}

// ListedUploads is a page of uploads.
type ListedUploads struct {
	Uploads  []Upload
	Prefixes []string
	More     bool
	NextKey  string
	NextID   ident.ID
}

// CompletePart names a part to put into the object.
type CompletePart struct {
	Number   int
	ETag     string
	Checksum []byte // empty: not given
}

// Complete ends an upload: the named parts become the object.
type Complete struct {
	Key    string
	Upload ident.ID
	Parts  []CompletePart
	If     Conditions
	// Size, if not -1, must be the sum of the parts.
	Size int64
	// Finish is given the parts and returns the object's ETag and checksum, or an error.
	Finish func([]Part) (Digest, error)
	// Customer, if set, must be the upload's key. It may be left out.
	Customer *CustomerKey
}
