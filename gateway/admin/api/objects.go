package api

import "time"

// Object is one object of a listing. What is empty is unknown or unset.
type Object struct {
	Key      string    `json:"key"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
}

// Undeleted answers POST /v1/buckets/{bucket}/undelete of one object: what is there now, and whether it
// was deleted; else nothing was done.
type Undeleted struct {
	Object
	Was bool `json:"was_deleted"`
}

// Objects is GET /v1/buckets/{bucket}/objects?prefix=&after=.
type Objects struct {
	Objects []Object `json:"objects"`
	More    bool     `json:"more"`
	Next    string   `json:"next,omitempty"`
}

// Stat is GET /v1/buckets/{bucket}/object?key=: an object and where its bytes lie.
type Stat struct {
	Object
	Bucket string `json:"bucket"`
	Parts  int    `json:"parts,omitempty"`
	Attrs
	Tags []Tag `json:"tags,omitempty"`
	Lock *Lock `json:"lock,omitempty"`
	// Inline says that the bytes lie in the object's row.
	Inline bool    `json:"inline"`
	Pieces []Piece `json:"pieces,omitempty"`
	// Whole says that every byte was found and checked.
	Whole bool `json:"whole"`
}

// Tag is a name and a value that somebody gave an object.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Piece is one extent of an object.
type Piece struct {
	Extent string `json:"extent"`
	Offset int64  `json:"offset"` // of its first byte in the object
	Size   int64  `json:"size"`   // plain bytes that the object uses
	Stored int64  `json:"stored"` // bytes on disk
	// Node, Disk and File say where it lies on the node that is asked; empty if it keeps
	// none of it.
	Node string `json:"node,omitempty"`
	Disk string `json:"disk,omitempty"`
	File string `json:"file,omitempty"`
	// Healthy says that the checksum of every frame is right: on the node that is asked, or,
	// if that keeps none of it, on one that does.
	Healthy bool   `json:"healthy"`
	Reason  string `json:"reason,omitempty"`
	Err     error  `json:"-"`
	// Copies are the nodes that keep it, the one that is asked first if it does.
	Copies []Copy `json:"copies"`
}

// Copy is a piece on one of the nodes that keep it.
type Copy struct {
	Node string `json:"node"`
	Name string `json:"name"` // what people call the node; the server fills it in
	This bool   `json:"this"` // the node that is asked
	// State is one of CopyWhole and the others. Reason says what is wrong.
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	File   string `json:"file,omitempty"` // on that computer
	Err    error  `json:"-"`
}

// The states of a Copy.
const (
	CopyWhole   = "whole"
	CopyDamaged = "damaged"
	CopyMissing = "missing"
	CopySilent  = "silent" // the node does not answer: nothing is known
)

// Attrs is what a client said about an object's bytes.
type Attrs struct {
	ContentType        string            `json:"content_type,omitempty"`
	CacheControl       string            `json:"cache_control,omitempty"`
	ContentDisposition string            `json:"content_disposition,omitempty"`
	ContentEncoding    string            `json:"content_encoding,omitempty"`
	ContentLanguage    string            `json:"content_language,omitempty"`
	Expires            string            `json:"expires,omitempty"`
	WebsiteRedirect    string            `json:"website_redirect,omitempty"`
	StorageClass       string            `json:"storage_class,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
}

// PutObject stands, as base64 JSON, in the header HeaderPut of PUT
// /v1/buckets/{bucket}/object?key=, whose body are the bytes. It keeps an object's
// ETag when it is copied from elsewhere.
type PutObject struct {
	// ETag, if set, is stored; else the MD5 of the bytes is.
	ETag string `json:"etag,omitempty"`
	// Verify says that ETag must be the MD5 of the bytes.
	Verify bool  `json:"verify,omitempty"`
	Size   int64 `json:"size"`
	Attrs
}

// HeaderPut carries PutObject.
const HeaderPut = "Rhizome-Object"
