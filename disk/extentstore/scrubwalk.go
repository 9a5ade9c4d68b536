package extentstore

import (
	"context"
	"errors"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// busyWait is how long the scrubber waits before it asks again whether the machine
// is busy.
const busyWait = time.Second

// scrub reads up to budget bytes from the noted place on and reports whether the
// pass came to its end.
func (c *Scrubber) scrub(ctx context.Context, budget int64) (ended bool, err error) {
	if err := c.s.adopted(ctx); err != nil {
		return false, err
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	from := c.begin()
	var unsaved int64
	err = c.s.each(ctx, from, func(id ident.ID, e *entry) error {
		if budget <= 0 {
			return errStop
		}
		n, err := c.one(ctx, id, e)
		budget -= n
		if unsaved += n; unsaved >= saveEvery && err == nil {
			unsaved = 0
			c.save()
		}
		return err
	})
	ended = err == nil
	if errors.Is(err, errStop) {
		err = nil
	}
	c.end(ended)
	return ended, err
}

// one reads one extent and notes that it did.
func (c *Scrubber) one(ctx context.Context, id ident.ID, e *entry) (int64, error) {
	began := time.Now()
	damage, err := c.s.inspect(ctx, id, c.gentle)
	if errors.Is(err, errs.Unavailable) && ctx.Err() == nil {
		err = nil // its disk is not there; nothing to be said about it
	}
	if err != nil && !errors.Is(err, errs.NotFound) {
		return 0, err
	}
	if damage != nil && c.opt.Damaged != nil {
		c.opt.Damaged(*damage)
	}
	c.mu.Lock()
	c.row.Done += e.bytes()
	if damage != nil {
		c.row.Damaged++
	}
	c.row.Next = successor(id)
	c.mu.Unlock()
	// Small extents: what gentle does between frames is done between extents.
	return e.bytes(), c.pause(ctx, c.due(e.bytes())-time.Since(began))
}

// successor returns the ID behind id, nil behind the last.
func successor(id ident.ID) []byte {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			return id[:]
		}
	}
	return nil
}

// due is the least time in which that many bytes may be read.
func (c *Scrubber) due(bytes int64) time.Duration {
	return time.Duration(float64(bytes) / float64(c.opt.Rate) * float64(time.Second))
}

// gentle is called after each frame with the time it took.
func (c *Scrubber) gentle(ctx context.Context, bytes int64, took time.Duration) error {
	for c.opt.Busy != nil && c.opt.Busy() {
		if err := c.pause(ctx, busyWait); err != nil {
			return errs.Newf(errs.Unavailable, "scrubbing was given up: %w", err)
		}
	}
	if bytes < 256<<10 {
		return nil
	}
	if err := c.pause(ctx, c.due(bytes)-took); err != nil {
		return errs.Newf(errs.Unavailable, "scrubbing was given up: %w", err)
	}
	return nil
}

// inspect reads all of an extent from the disk itself where the system lets it,
// rather than from memory, and returns what is wrong, nil if nothing. It fails if the
// extent or its disk is not there.
func (s *Store) inspect(ctx context.Context, id ident.ID, gentle func(context.Context, int64, time.Duration) error) (*Damage, error) {
	r, err := s.Reader(ctx, id)
	if errors.Is(err, errs.Corrupt) {
		info, gone := s.Info(ctx, id)
		if gone != nil {
			return nil, gone
		}
		return &Damage{Info: info, Err: err}, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	forget(r.f, r.e.meta, r.e.bytes())
	d := &Damage{Info: s.info(id, r.e)}
	if _, err := r.Descriptor(); err != nil {
		d.Frames = append(d.Frames, -1)
	}
	var buf []byte
	for i := range r.Frames() {
		began := time.Now()
		b, err := r.ReadFrame(i, buf)
		if err != nil {
			d.Frames = append(d.Frames, i)
		} else {
			buf = b
		}
		forget(r.f, r.offsets[i], int64(r.Length(i)))
		if err := gentle(ctx, int64(r.Length(i)), time.Since(began)); err != nil {
			return nil, err
		}
	}
	if d.Frames == nil {
		return nil, nil
	}
	return d, nil
}
