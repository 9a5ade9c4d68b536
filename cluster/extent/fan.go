package extent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
)

const (
	// lagFrames is by how many frames the slowest holder may lie behind the writer: what
	// waits for it is all the memory that a writer takes.
	lagFrames = 4
	// patience is how long a writer waits for one slow holder, in sum, before it goes on
	// without it: what is missing there is mended later. Of one among three or more of
	// which nothing is heard it waits half as long, and the writers after it do not ask
	// it at all for muteTime.
	patience = 2 * time.Second
	muteTime = 5 * time.Second
	// endurance is how long a writer waits for a holder that it cannot do without and of
	// which nothing is heard.
	endurance = 30 * time.Second
)

// fan gives the frames of one extent to all its holders at once. Its methods are for
// one goroutine, but for those of lanes.
type fan struct {
	s      *Store
	id     ident.ID
	size   int64 // expected stored bytes, -1 if unknown
	total  int   // holders of the layout
	lanes  []*lane
	tally  extentstore.Tally
	ctx    context.Context
	cancel context.CancelFunc
	unlink func() bool // from the caller's context
	done   sync.WaitGroup
	moved  chan struct{} // something changed in a lane
	caller context.Context

	mu sync.Mutex // guards what lanes say of themselves
}

// shared is a frame that several lanes send; the last one gives its buffer back.
type shared struct {
	data, buf []byte
	sum       [extentstore.SumSize]byte
	left      atomic.Int32
}

func (s *Store) release(f *shared) {
	if f != nil && f.left.Add(-1) == 0 {
		s.pool.put(f.buf)
	}
}

// own returns a copy of a frame for this node's disk: a file system may change what it
// is given to write.
func (s *Store) own(f *shared) *shared {
	buf := s.pool.get(max(0, len(f.data)-overhead))
	c := &shared{data: buf[:copy(buf, f.data)], buf: buf, sum: f.sum}
	c.left.Store(1)
	return c
}

// newFan begins an extent on its holders. size is the expected number of stored
// bytes, -1 if unknown.
func (s *Store) newFan(ctx context.Context, id ident.ID, size int64) (*fan, error) {
	holders := s.holders(id)
	f := &fan{s: s, id: id, size: size, total: len(holders), caller: ctx, moved: make(chan struct{}, 1)}
	if f.total == 0 {
		return nil, errs.New(errs.Unavailable, "the layout gives these bytes to nobody: no node that offers room is in it")
	}
	f.ctx, f.cancel = context.WithCancel(s.life)
	f.unlink = context.AfterFunc(ctx, f.cancel)
	context.AfterFunc(f.ctx, f.giveUp)
	for _, n := range s.reachable(holders, f.least()) {
		l := &lane{f: f, node: n, wake: make(chan struct{}, 1)}
		if n == s.self {
			l.err = l.openHere()
		}
		f.lanes = append(f.lanes, l)
	}
	if err := f.verdict(); err != nil {
		f.abort()
		for _, l := range f.lanes {
			if l.to != nil {
				l.to.Abort()
			}
		}
		return nil, err
	}
	for _, l := range f.lanes {
		if l.err == nil {
			f.done.Add(1)
			s.behind(l.run)
		}
	}
	return f, nil
}

// least is how many holders must have the bytes for them to be acknowledged when the
// others are away: a majority, but one of two.
func (f *fan) least() int {
	if f.total == 2 {
		return 1
	}
	return f.total/2 + 1
}

// reachable leaves out holders without a link, and mute ones, if there are enough others.
func (s *Store) reachable(holders []ident.NodeID, least int) []ident.NodeID {
	var up []ident.NodeID
	for _, n := range holders {
		if n == s.self {
			if s.disks != nil {
				up = append(up, n)
			}
		} else if s.links != nil {
			if _, ok := s.links.Distance(n); ok && (len(holders) == 2 || !s.mute.has(n)) {
				up = append(up, n)
			}
		}
	}
	if len(up) >= least {
		return up
	}
	return holders
}

// append takes a frame over: data lies in buf, which goes back to the pool. It waits
// while the frames under way are as many as may be.
func (f *fan) append(data, buf []byte) error {
	sum := extentstore.Sum(data)
	f.tally.Add(len(data), sum)
	if err := f.wait(f.roomy); err != nil {
		f.s.pool.put(buf)
		return err
	}
	fr := &shared{data: data, buf: buf, sum: sum}
	f.mu.Lock()
	defer f.mu.Unlock()
	fr.left.Store(1) // this call's own
	for _, l := range f.lanes {
		switch {
		case l.err != nil:
		case l.node == f.s.self:
			l.push(step{frame: f.s.own(fr)})
		default:
			fr.left.Add(1)
			l.push(step{frame: fr})
		}
	}
	f.s.release(fr)
	return nil
}

// rest has the holders let go of all frames.
func (f *fan) rest() error {
	f.mu.Lock()
	for _, l := range f.lanes {
		if l.err == nil {
			l.push(step{rest: true})
		}
	}
	f.mu.Unlock()
	return f.wait(f.idle)
}

// commit returns when enough holders have all of it durably. Those that are left go on
// for a while.
func (f *fan) commit(ctx context.Context, desc []byte) error {
	f.mu.Lock()
	for _, l := range f.lanes {
		if l.err == nil {
			l.push(step{end: true, desc: desc})
		}
	}
	f.mu.Unlock()
	stop := context.AfterFunc(ctx, f.cancel)
	err := f.wait(f.settled)
	stop()
	f.unlink()
	if err != nil {
		return err
	}
	// Whoever is not through by then is mended.
	t := time.AfterFunc(f.s.endurance, f.cancel)
	f.s.behind(func() {
		f.done.Wait()
		t.Stop()
		f.cancel()
	})
	return nil
}

// abort gives up and waits until no lane writes.
func (f *fan) abort() {
	f.unlink()
	f.cancel()
	f.giveUp()
	f.done.Wait()
}

// giveUp ends all lanes that are not through.
func (f *fan) giveUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.lanes {
		f.drop(l, errs.New(errs.Unavailable, "the extent was given up"))
	}
}

// wait returns when ready says so, or with the reason why it never will. Holders that
// keep it waiting too long are given up, those that it cannot do without last.
func (f *fan) wait(ready func() bool) error {
	ok, err := f.look(ready, 0)
	if ok || err != nil {
		return err
	}
	tick := time.NewTicker(f.s.patience / 8)
	defer tick.Stop()
	for {
		began := time.Now() // stopwatch
		select {
		case <-f.moved:
		case <-tick.C:
		case <-f.ctx.Done():
		}
		if ok, err = f.look(ready, time.Since(began)); ok || err != nil { // stopwatch
			return err
		}
	}
}

// look is one look of wait, which waited so long since the last.
func (f *fan) look(ready func() bool, waited time.Duration) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.caller.Err(); err != nil {
		return false, errs.Newf(errs.Unavailable, "writing an extent was given up: %w", err)
	}
	if err := f.verdict(); err != nil {
		return false, err
	}
	if f.ctx.Err() != nil {
		return false, errs.New(errs.Unavailable, "writing an extent was given up")
	}
	if ready() {
		return true, nil
	}
	f.weed(waited)
	return false, nil
}

// healthy returns how many lanes are not given up; mu is held.
func (f *fan) healthy() (n int) {
	for _, l := range f.lanes {
		if l.err == nil {
			n++
		}
	}
	return n
}

// roomy: one more frame may be under way.
func (f *fan) roomy() bool {
	for _, l := range f.lanes {
		if l.err == nil && l.behind() >= lagFrames {
			return false
		}
	}
	return true
}

// idle: nothing is under way.
func (f *fan) idle() bool {
	for _, l := range f.lanes {
		if l.err == nil && l.behind() > 0 {
			return false
		}
	}
	return true
}

// settled: enough holders have it. Of two, both, unless one is given up.
func (f *fan) settled() bool {
	have := 0
	for _, l := range f.lanes {
		if l.durable {
			have++
		}
	}
	if f.total == 2 {
		return have == f.healthy()
	}
	return have >= f.least()
}

// weed gives up lanes that made the writer wait too long; waited is since the last
// look. mu is held.
func (f *fan) weed(waited time.Duration) {
	for _, l := range f.lanes {
		if l.err != nil || l.behind() == 0 {
			continue
		}
		if !f.holdsUp(l) {
			continue
		}
		l.blocked += waited
		l.silent += waited
		if f.tooSlow(l) && f.healthy() > f.least() && f.ahead(l) || l.silent >= f.s.endurance {
			if l.silent >= f.s.patience/2 {
				f.s.mute.add(l.node)
			}
			f.drop(l, errs.Newf(errs.Unavailable, "node %s is too slow", l.node))
		}
	}
}

// tooSlow reports whether a lane is not to be waited for where it can be done without.
func (f *fan) tooSlow(l *lane) bool {
	if f.total == 2 {
		return l.silent >= f.s.patience // without it there is but one copy: it may be slow, not mute
	}
	return l.blocked >= f.s.patience || l.silent >= f.s.patience/2
}

// holdsUp reports whether a lane is among those furthest behind.
func (f *fan) holdsUp(l *lane) bool {
	for _, o := range f.lanes {
		if o.err == nil && o.behind() > l.behind() {
			return false
		}
	}
	return true
}

// ahead reports whether as many other holders as are needed are further than l.
func (f *fan) ahead(l *lane) bool {
	n := 0
	for _, o := range f.lanes {
		if o.err == nil && o.behind() < l.behind() {
			n++
		}
	}
	return n >= f.least()
}

// verdict returns why enough holders cannot be had any more, nil if they can: errs.Full
// if it is for want of room. mu is held, or no lane runs.
func (f *fan) verdict() error {
	full, first := 0, error(nil)
	for _, l := range f.lanes {
		if l.err == nil {
			continue
		}
		if errors.Is(l.err, errs.Full) {
			full++
			first = l.err
		} else if first == nil {
			first = l.err
		}
	}
	least := f.least()
	if full > 0 {
		least = f.total/2 + 1 // one that is full is not away: of two, both must have room
	}
	switch {
	case f.healthy() >= least:
		return nil
	case f.total-full < least:
		return errs.Newf(errs.Full, "the nodes that keep these bytes have no room: %v", first)
	case first == nil:
		return errs.New(errs.Unavailable, "too few of the nodes that keep these bytes can be reached; try again")
	}
	return errs.Newf(errs.Unavailable, "too few of the nodes that keep these bytes can be reached; try again: %v", first)
}

// drop gives a lane up; mu is held.
func (f *fan) drop(l *lane, why error) {
	if l.err != nil || l.durable {
		return
	}
	l.err = why
	for _, st := range l.steps {
		f.s.release(st.frame)
	}
	l.steps = nil
	if r, ok := l.to.(*remoteSink); ok {
		r.Abort() // unblocks the lane
	}
	l.poke()
	f.poke()
	if f.ctx.Err() == nil {
		f.s.log.Info("a holder is left out of a write and will be mended", "node", l.node, "extent", f.id, "error", why)
	}
}

func (f *fan) poke() {
	select {
	case f.moved <- struct{}{}:
	default:
	}
}
