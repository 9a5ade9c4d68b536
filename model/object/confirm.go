package object

import (
	"context"
	"io"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// errMoved says that the name under which bytes were stored stands for another bucket by
// now. Nothing of them is left; another try goes to the right one.
var errMoved = errs.New(errs.Unavailable, "the bucket was replaced while the object was stored; try again")

// confirm returns the bucket that an object goes into after all, if its caller may. What
// is sealed for another bucket's row is sealed anew, if it is here.
func (s *Store) confirm(ctx context.Context, b *Bucket, d *draft, p Put) (*Bucket, error) {
	if p.Body.Confirm == nil {
		return b, nil
	}
	now, err := p.Body.Confirm(ctx)
	if err != nil || now == b {
		return now, err
	}
	if now.ID != b.ID {
		if len(d.version.Extents) > 0 {
			return nil, errMoved
		}
		if err := s.reseal(b, now, d, p.Key); err != nil {
			return nil, err
		}
	}
	return now, s.checkQuota(ctx, now, p.Key, d.version.Size)
}

// reseal makes the draft of an inline object one of another bucket.
func (s *Store) reseal(from, to *Bucket, d *draft, key string) error {
	old := from.versionKey(d.version.ID)
	fresh := s.newDraft(to.objectRow(key))
	d.row, d.ballot, d.version.ID = fresh.row, fresh.ballot, fresh.version.ID
	own := to.versionKey(d.version.ID)
	if d.keys.customers() {
		d.version.Sealed = sealInner(own, d.keys.inner) // the bytes are under the key that is in there
		return nil
	}
	if len(d.blob) == 0 {
		return nil
	}
	plain, err := openBytes(old, d.blob)
	if err == nil {
		d.blob = sealBytes(own, plain)
	}
	return err
}

func unchecked() error { return nil }

// beside makes a check while the body is read, which fails as soon as the check did; the
// returned function waits for the check. Without other homes it is made at once.
func beside(ahead *register.Ahead, body *Body, check func() error) (wait func() error, err error) {
	if ahead == nil {
		err := check()
		return func() error { return err }, err
	}
	c := &checked{r: body.Reader, done: make(chan struct{})}
	body.Reader = c
	go func() {
		defer close(c.done)
		c.err = check()
	}()
	return func() error { <-c.done; return c.err }, nil
}

// checked is a body that ends when a check fails.
type checked struct {
	r    io.Reader
	done chan struct{}
	err  error
}

// Read implements io.Reader.
func (c *checked) Read(p []byte) (int, error) {
	select {
	case <-c.done:
		if c.err != nil {
			return 0, c.err
		}
	default:
	}
	return c.r.Read(p)
}
