package extentstore

import (
	"context"
	"errors"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// slowest is the least rate of a window, in bytes per second: one frame in a second.
const slowest = 1 << 20

// worthWaiting is the length in bytes from which on a frame is waited for alone.
const worthWaiting = 256 << 10

// pace is how fast a walk reads, in bytes per second.
type pace struct {
	c          *Scrubber
	rate, busy int64
	yields     bool // to a walk that a person asked for
}

// gentle is the pace of a window. While the machine is busy it reads as slowly as it
// may for its share to be read in half the window.
func (c *Scrubber) gentle(share int64) pace {
	busy := max(slowest, int64(2*float64(share)/c.opt.Window.Seconds()))
	return pace{c, c.opt.Rate, min(busy, c.opt.Rate), true}
}

// wait makes reading that many bytes, which took so long, last as long as it has to.
func (p pace) wait(ctx context.Context, bytes int64, took time.Duration) error {
	rate := p.rate
	if p.busy < rate && p.c.opt.Busy != nil && p.c.opt.Busy() {
		rate = p.busy
	}
	due := time.Duration(float64(bytes) / float64(rate) * float64(time.Second))
	if err := pause(ctx, due-took); err != nil {
		return errs.Newf(errs.Unavailable, "scrubbing was given up: %w", err)
	}
	return nil
}

// scrub reads up to budget bytes from the noted place on and reports whether the
// pass came to its end. The caller has the turn.
func (c *Scrubber) scrub(ctx context.Context, budget int64, p pace) (ended bool, err error) {
	from, rows := c.begin()
	w := walk{c: c, pace: p, budget: budget}
	if !rows {
		err = c.s.each(ctx, from, func(id ident.ID, e *entry) error {
			if w.over() {
				return errStop
			}
			n, err := c.one(ctx, id, e, p)
			w.read(n)
			return err
		})
		if err == nil {
			err = c.beginRows()
		}
	}
	if err == nil {
		err = w.rows(ctx)
	}
	ended = err == nil
	if errors.Is(err, errStop) {
		err = nil
	}
	c.end(ended)
	return ended, err
}

// walk is what is read in one go.
type walk struct {
	c       *Scrubber
	pace    pace
	budget  int64
	unsaved int64
}

// over reports whether the walk is to end.
func (w *walk) over() bool { return w.budget <= 0 || w.pace.yields && w.c.asked.Load() > 0 }

// read notes that n bytes were read.
func (w *walk) read(n int64) {
	w.budget -= n
	if w.unsaved += n; w.unsaved >= saveEvery {
		w.unsaved = 0
		w.c.save()
	}
}

// beginRows notes that all extents were read, and up to which file of the row store this pass
// is to read: what is written later was written well.
func (c *Scrubber) beginRows() error {
	files, err := c.s.rows.Files()
	if err != nil || len(files) == 0 {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.row.Next, c.row.RowsAt, c.row.RowsTo = nil, 0, files[len(files)-1].Number
	return nil
}

// rows reads the files of the row store from the noted one on.
func (w *walk) rows(ctx context.Context) error {
	c := w.c
	files, err := c.s.rows.Files()
	if err != nil {
		return err
	}
	c.mu.Lock()
	at, to := c.row.RowsAt, c.row.RowsTo
	c.mu.Unlock()
	for _, f := range files {
		if f.Number <= at || f.Number > to {
			continue
		}
		if w.over() {
			return errStop
		}
		err := c.s.rows.CheckFile(ctx, f, w.pace.wait)
		bad := errors.Is(err, errs.Corrupt)
		if err != nil && !bad && !errors.Is(err, errs.NotFound) {
			return err
		}
		if bad && c.opt.Damaged != nil {
			c.opt.Damaged(Damage{Rows: f.Name, Err: err})
		}
		c.mu.Lock()
		c.row.Done += f.Bytes
		c.row.RowsAt = f.Number
		if bad {
			c.row.Damaged++
		}
		c.mu.Unlock()
		w.read(f.Bytes)
	}
	return nil
}

// one reads one extent and notes that it did.
func (c *Scrubber) one(ctx context.Context, id ident.ID, e *entry, p pace) (int64, error) {
	began := time.Now() // stopwatch
	damage, err := c.s.inspect(ctx, id, p.wait)
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
	// What surrounds the frames takes room and time too.
	return e.bytes(), p.wait(ctx, e.bytes(), time.Since(began)) // stopwatch
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

// inspect reads all of an extent from the disk itself where the system lets it,
// rather than from memory, and returns what is wrong, nil if nothing. It fails if the
// extent or its disk is not there.
func (s *Store) inspect(ctx context.Context, id ident.ID, wait func(context.Context, int64, time.Duration) error) (*Damage, error) {
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
	vfs.Forget(r.f, r.e.meta, r.e.bytes())
	d := &Damage{Info: s.info(id, r.e)}
	if _, err := r.Descriptor(); err != nil {
		d.Frames = append(d.Frames, -1)
	}
	var buf []byte
	for i := range r.Frames() {
		began := time.Now() // stopwatch
		b, err := r.ReadFrame(i, buf)
		if err != nil {
			d.Frames = append(d.Frames, i)
		} else {
			buf = b
		}
		vfs.Forget(r.f, r.offsets[i], int64(r.Length(i)))
		if r.Length(i) < worthWaiting {
			continue // the caller waits for all of it
		}
		if err := wait(ctx, int64(r.Length(i)), time.Since(began)); err != nil { // stopwatch
			return nil, err
		}
	}
	if d.Frames == nil {
		return nil, nil
	}
	return d, nil
}
