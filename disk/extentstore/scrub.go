package extentstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// ScrubOptions tune a Scrubber. The zero value is right for a home machine.
type ScrubOptions struct {
	// Pass is the time in which every byte is read once; 30 days if zero.
	Pass time.Duration
	// Window is how often a piece of the pass is done, in one go, so that a disk that
	// sleeps is woken once per Window; a day if zero.
	Window time.Duration
	// Rate bounds reading within a window, in bytes per second; 32 MiB/s if zero. It
	// wins over Pass: a store too large for it takes longer.
	Rate int64
	// Busy, if set, reports whether the machine has better things to do: a window then
	// reads slowly, but it goes on.
	Busy func() bool
	// Damaged, if set, is told of every extent, and every file of the row store, that is not
	// what was written.
	Damaged func(Damage)
	Clock   clock.Clock
}

// Damage is what the scrubber found wrong with one extent, or one file of the row store.
type Damage struct {
	// Rows is the name of the row store's file; of the rest only Err is set then.
	Rows string
	Info Info
	// Frames are the numbers of damaged frames, -1 for the descriptor.
	Frames []int
	// Err is set instead if the extent could not be looked at: its file is gone.
	Err error
}

// ScrubStatus says how far scrubbing is. It survives restarts.
type ScrubStatus struct {
	Pass       uint64    // number of the present pass, from 1
	Done       int64     // bytes read in it
	Total      int64     // bytes there are to read
	Damaged    int       // extents, and files of the row store, found damaged in it
	Started    time.Time // of the present pass
	Finished   time.Time // of the one before
	LastWindow time.Time
	Running    bool
}

// scrubRow is the scrubber's place as stored.
type scrubRow struct {
	Pass     uint64 `cbor:"1,keyasint"`
	Next     []byte `cbor:"2,keyasint,omitempty"` // extent ID to go on at
	Done     int64  `cbor:"3,keyasint,omitempty"`
	Damaged  int    `cbor:"4,keyasint,omitempty"`
	Started  int64  `cbor:"5,keyasint,omitempty"` // Unix seconds, as those below
	Finished int64  `cbor:"6,keyasint,omitempty"`
	Window   int64  `cbor:"7,keyasint,omitempty"`
	// Once all extents were read, RowsTo is the last file of the row store that this pass
	// reads, RowsAt the last that it read. An earlier release loses them, and reads the
	// extents once more.
	RowsAt uint64 `cbor:"8,keyasint,omitempty"`
	RowsTo uint64 `cbor:"9,keyasint,omitempty"`
}

// Scrubber reads every stored byte, of extents and then of rows, again and again, gently. Its methods are safe for
// concurrent use; passes exclude each other.
type Scrubber struct {
	s   *Store
	opt ScrubOptions

	turn  sync.Mutex   // held by who scrubs
	asked atomic.Int32 // whole passes that wait for their turn
	mu    sync.Mutex
	row   scrubRow
	busy  bool
}

// saveEvery is how many bytes are read between two notes of the place. What a crash
// forgets is read twice.
const saveEvery = 256 << 20

// NewScrubber returns a scrubber that goes on where the last one stopped.
func (s *Store) NewScrubber(o ScrubOptions) (*Scrubber, error) {
	if o.Pass == 0 {
		o.Pass = 30 * 24 * time.Hour
	}
	if o.Window == 0 {
		o.Window = 24 * time.Hour
	}
	if o.Rate == 0 {
		o.Rate = 32 << 20
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	c := &Scrubber{s: s, opt: o}
	v, err := s.rows.Get(key(keyProgress))
	switch {
	case errs.KindOf(err) == errs.NotFound:
	case err != nil:
		return nil, err
	default:
		if err := codec.Decode(v, &c.row); err != nil {
			s.log.Warn("the scrubber's place is lost; it begins anew", "error", err)
			c.row = scrubRow{}
		}
	}
	return c, nil
}

// Run does a window's work when it is due, until ctx ends.
func (c *Scrubber) Run(ctx context.Context) error {
	for {
		if err := pause(ctx, c.untilNext()); err != nil {
			return nil // ctx ended
		}
		if err := c.Window(ctx); err != nil && ctx.Err() == nil {
			c.s.log.Warn("scrubbing stopped and goes on in the next window", "error", err)
		}
	}
}

// untilNext returns how long it is to the next window.
func (c *Scrubber) untilNext() time.Duration {
	c.mu.Lock()
	last := c.row.Window
	c.mu.Unlock()
	wait := c.opt.Window - c.opt.Clock.Now().Sub(time.Unix(last, 0))
	// A clock that was wrong once must not stop the scrubber for years.
	return max(0, min(wait, c.opt.Window))
}

// pause waits that long, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Window reads one window's share of the pass, or less if Whole is called meanwhile.
func (c *Scrubber) Window(ctx context.Context) error {
	if err := c.s.adopted(ctx); err != nil {
		return err
	}
	share := c.share()
	c.turn.Lock()
	defer c.turn.Unlock()
	c.mu.Lock()
	c.row.Window = c.opt.Clock.Now().Unix()
	c.mu.Unlock()
	_, err := c.scrub(ctx, share, c.gentle(share))
	return err
}

// share is what is to be read in one window, in bytes.
func (c *Scrubber) share() int64 {
	return int64(float64(c.stored())*float64(c.opt.Window)/float64(c.opt.Pass)) + 1
}

// Whole reads everything once from the beginning, at once and however busy the machine
// is, and returns how many extents and files of the row store are damaged.
func (c *Scrubber) Whole(ctx context.Context) (damaged int, err error) {
	if err := c.s.adopted(ctx); err != nil {
		return 0, err
	}
	c.asked.Add(1)
	c.turn.Lock()
	c.asked.Add(-1)
	defer c.turn.Unlock()
	c.mu.Lock()
	c.row = scrubRow{Pass: c.row.Pass, Finished: c.row.Finished, Window: c.row.Window}
	c.mu.Unlock()
	_, err = c.scrub(ctx, 1<<62, pace{c, c.opt.Rate, c.opt.Rate, false})
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.row.Damaged, err
}

// Status returns how far scrubbing is.
func (c *Scrubber) Status() ScrubStatus {
	total := c.stored()
	c.mu.Lock()
	defer c.mu.Unlock()
	at := func(unix int64) time.Time {
		if unix == 0 {
			return time.Time{}
		}
		return time.Unix(unix, 0).UTC()
	}
	return ScrubStatus{c.row.Pass, c.row.Done, max(total, c.row.Done), c.row.Damaged, at(c.row.Started),
		at(c.row.Finished), at(c.row.Window), c.busy}
}

// stored returns the bytes that all extents need, and the files of the row store.
func (c *Scrubber) stored() (n int64) {
	for _, d := range c.s.Disks() {
		n += d.Live
	}
	files, _ := c.s.rows.Files() // of those that cannot be listed nothing can be told
	for _, f := range files {
		n += f.Bytes
	}
	return n
}

func (c *Scrubber) save() {
	c.mu.Lock()
	row := c.row
	c.mu.Unlock()
	b := c.s.rows.NewBatch()
	b.Set(key(keyProgress), codec.Encode(row))
	if err := b.CommitLazily(); err != nil {
		c.s.log.Warn("the scrubber's place could not be noted", "error", err)
	}
}

// begin starts a pass if none is under way and returns where to go on: at an extent, or with
// the rows.
func (c *Scrubber) begin() (from ident.ID, rows bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = true
	if c.row.Started == 0 {
		c.row = scrubRow{Pass: c.row.Pass + 1, Finished: c.row.Finished, Window: c.row.Window,
			Started: c.opt.Clock.Now().Unix()}
	}
	id, err := ident.FromKey(string(c.row.Next))
	if err != nil {
		id = ident.ID{}
	}
	return id, c.row.RowsTo > 0
}

// end notes where the scrubber stopped.
func (c *Scrubber) end(whole bool) {
	total := c.stored()
	c.mu.Lock()
	c.busy = false
	if whole {
		c.row.Started, c.row.Next, c.row.RowsAt, c.row.RowsTo = 0, nil, 0, 0
		c.row.Done = max(c.row.Done, total) // what came meanwhile was written well
		c.row.Finished = c.opt.Clock.Now().Unix()
	}
	c.mu.Unlock()
	c.save()
}
