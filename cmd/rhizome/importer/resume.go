package importer

import (
	"context"
	"io"
	"time"

	"rhizome/base/errs"
)

// maxBreaks is how often a transfer may break without a byte in between.
const maxBreaks = 5

// resuming reads a body of a known size and goes on where a connection broke.
type resuming struct {
	ctx    context.Context
	body   io.ReadCloser
	size   int64
	offset int64
	breaks int
	pause  time.Duration
	again  func(offset int64) (io.ReadCloser, error)
}

func (r *resuming) Read(b []byte) (int, error) {
	for {
		n, err := r.body.Read(b)
		r.offset += int64(n)
		if n > 0 {
			r.breaks = 0
			return n, nil // an error comes again with the next Read
		}
		if r.offset == r.size {
			return 0, io.EOF
		}
		if err == nil {
			continue
		}
		if err := r.reconnect(err); err != nil {
			return 0, err
		}
	}
}

func (r *resuming) reconnect(broken error) error {
	for {
		if r.breaks++; r.breaks > maxBreaks {
			return errs.Newf(errs.Unavailable, "the connection to the other store broke: %w", broken)
		}
		select {
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case <-time.After(time.Duration(r.breaks) * r.pause):
		}
		body, err := r.again(r.offset)
		if err == nil {
			_ = r.body.Close()
			r.body = body
			return nil
		}
		broken = err
	}
}

func (r *resuming) Close() error { return r.body.Close() }
