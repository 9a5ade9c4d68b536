package history

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
)

// Answers of a store that are no success. Any other error of a write means that its
// outcome is unknown; any other error of a read means that nothing was learnt.
var (
	// ErrAbsent: there is no such key (404).
	ErrAbsent = errors.New("absent")
	// ErrMismatch: a condition does not hold (412).
	ErrMismatch = errors.New("the condition does not hold")
	// ErrNoEffect: certainly nothing happened, and nothing was learnt (409, never sent).
	ErrNoEffect = errors.New("no effect")
)

// Condition of a write. The zero value is none.
type Condition struct {
	Match string // If-Match: the ETag, without quotes
	New   bool   // If-None-Match: *
}

// Complete ends a multipart upload: the object is there.
type Complete func(ctx context.Context, c Condition) (etag string, err error)

// Store is one client's way to one bucket. ETags are without quotes. Body and ETag of
// an object are as Body.ETag says.
type Store interface {
	Put(ctx context.Context, key string, body []byte, c Condition) (etag string, err error)
	Get(ctx context.Context, key string) (body []byte, etag string, err error)
	Head(ctx context.Context, key string) (etag string, err error)
	Delete(ctx context.Context, key string) error
	// List returns the ETag of every key of the bucket.
	List(ctx context.Context) (map[string]string, error)
	// Copy copies an object onto another key if its ETag is the one given: a source that
	// is absent or another is ErrAbsent or ErrMismatch. The copy has the same ETag.
	Copy(ctx context.Context, from, etag, to string) (copied string, err error)
	// Upload sends the parts of a multipart upload, and returns what completes it.
	Upload(ctx context.Context, key string, parts [][]byte) (complete Complete, err error)
}

// Body is what one write writes: bytes that no other write has.
type Body struct {
	ID    int // 1 and up; 0 is absence
	Parts [][]byte
	multi bool
}

// newBody returns the body of a write: its number, and bytes that follow from it.
func newBody(id, size int) Body { return Body{ID: id, Parts: [][]byte{fill(id, 0, size)}} }

// newParts returns the body of a multipart upload.
func newParts(id int, sizes ...int) Body {
	b := Body{ID: id, multi: true}
	for i, size := range sizes {
		b.Parts = append(b.Parts, fill(id, i, size))
	}
	return b
}

func fill(id, part, size int) []byte {
	line := fmt.Sprintf("write %d part %d ", id, part)
	b := make([]byte, 0, size+len(line))
	for len(b) < max(size, len(line)) {
		b = append(b, line...)
	}
	return b[:max(size, len(line))]
}

// Bytes is the whole body.
func (b Body) Bytes() []byte {
	var all []byte
	for _, p := range b.Parts {
		all = append(all, p...)
	}
	return all
}

// ETag is the one that S3 gives the body.
func (b Body) ETag() string {
	if !b.multi {
		return sum(b.Parts[0])
	}
	var sums []byte
	for _, p := range b.Parts {
		s := md5.Sum(p)
		sums = append(sums, s[:]...)
	}
	return fmt.Sprintf("%s-%d", sum(sums), len(b.Parts))
}

func sum(b []byte) string {
	s := md5.Sum(b)
	return hex.EncodeToString(s[:])
}
