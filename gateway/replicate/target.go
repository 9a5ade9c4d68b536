package replicate

import (
	"context"
	"io"

	"rhizome/model/object"
)

// State is what a key is at the other store.
type State struct {
	Size  int64
	ETag  string
	Attrs object.Attrs // without the mark
	Mark  string
	Tags  int // how many, as far as the store says
}

// Sent is what an object is sent with.
type Sent struct {
	Attrs object.Attrs
	Mark  string // empty: there is no room for it
	Tags  []object.Tag
}

// Part is one that the other store has of an upload.
type Part struct {
	Number int
	Size   int64
	ETag   string
}

// Body is what is sent: so many bytes, and the MD5 that they should have, in hexadecimal.
type Body struct {
	io.Reader
	Size int64
	MD5  string
}

// Unless says what a write replaces: the object of that ETag, or, if it is empty, nothing. A nil one
// replaces anything.
type Unless struct{ ETag string }

// Target is a bucket of another store. It is safe for concurrent use. Errors are of errs'
// kinds, or errRefused, errPrecondition, errNoUpload or errNotDone.
type Target interface {
	// Rhizome reports whether what was asked so far answered as a rhizome does, and ID is the bucket's,
	// if it said so: older releases do not. "": it did not.
	Rhizome() bool
	ID() string
	// Head returns nil if there is nothing.
	Head(ctx context.Context, key string) (*State, error)
	Put(ctx context.Context, key string, s Sent, body Body, u *Unless) error
	Begin(ctx context.Context, key string, s Sent) (upload string, err error)
	PutPart(ctx context.Context, key, upload string, number int, body Body) (etag string, err error)
	Parts(ctx context.Context, key, upload string) ([]Part, error)
	Complete(ctx context.Context, key, upload string, parts []Part, u *Unless) error
	Abort(ctx context.Context, key, upload string) error
	Tags(ctx context.Context, key string) ([]object.Tag, error)
	SetTags(ctx context.Context, key string, tags []object.Tag) error
	Delete(ctx context.Context, key string) error
	// List is object.There.
	List(ctx context.Context, after string, limit int) (keys []string, more bool, err error)
}
