// Package importer copies a bucket from another S3 store into the rhizome.
//
// It walks both listings side by side, in key order, and copies what the rhizome
// lacks or has differently. Because a copy keeps its ETag, that alone makes an
// import resumable: what was copied is found again, no notes are kept. A final walk
// compares key by key: every object there, with the same size and ETag.
//
// Objects that only the rhizome has are left alone. Sizes are bytes.
package importer

import (
	"context"
	"io"
	"iter"
	"sync"

	"rhizome/gateway/admin/api"
)

// Object is one object of the source.
type Object struct {
	Key, ETag string
	Size      int64
}

// Source is where objects come from. Open may be called from several goroutines.
type Source interface {
	// Objects yields every object in byte order of keys. An error ends it.
	Objects(ctx context.Context) iter.Seq2[Object, error]
	// Open returns the bytes and attributes of an object while it is the one listed.
	Open(ctx context.Context, o Object) (io.ReadCloser, api.PutObject, error)
}

// Target is where they go.
type Target interface {
	Objects(ctx context.Context) iter.Seq2[Object, error]
	Put(ctx context.Context, key string, in api.PutObject, body io.Reader) error
}

// Progress is told, from several goroutines, what was done.
type Progress interface {
	// Found says that the source has an object more; same that the target has it.
	Found(o Object, same bool)
	// Moved says that n bytes more were copied.
	Moved(n int64)
	// Copied says that an object is copied.
	Copied(o Object)
}

// Run copies what differs, workers objects at a time. The first error ends it.
func Run(ctx context.Context, from Source, to Target, workers int, p Progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan Object)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for o := range work {
				if err := one(ctx, from, to, o, p); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := Compare(ctx, from, to, func(o Object, same bool) error {
		p.Found(o, same)
		if same {
			return nil
		}
		select {
		case work <- o:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(work)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func one(ctx context.Context, from Source, to Target, o Object, p Progress) error {
	body, in, err := from.Open(ctx, o)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := to.Put(ctx, o.Key, in, &counted{body, p}); err != nil {
		return err
	}
	p.Copied(o)
	return nil
}

type counted struct {
	io.Reader
	p Progress
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.p.Moved(int64(n))
	return n, err
}

// Compare calls f for every object of the source, in order, and says whether the
// target has it with the same size and ETag.
func Compare(ctx context.Context, from Source, to Target, f func(o Object, same bool) error) error {
	next, stop := iter.Pull2(to.Objects(ctx))
	defer stop()
	have, err, more := next()
	for o, serr := range from.Objects(ctx) {
		if serr != nil {
			return serr
		}
		for more && err == nil && have.Key < o.Key {
			have, err, more = next()
		}
		if err != nil {
			return err
		}
		if err := f(o, more && have == o); err != nil {
			return err
		}
	}
	return err
}
