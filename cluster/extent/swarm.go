package extent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

const (
	// hedgeLeast is how long a holder may be mute before another one is asked too; three
	// round trips if that is longer.
	hedgeLeast = 50 * time.Millisecond
	// depth is how many frames one holder is asked for ahead.
	depth = 2
	// wideHolders is how many holders one long read has at work at once.
	wideHolders = 3
	// wideReaders is how many readers may read from several holders, and so far ahead, at
	// a time; what they take is memory.
	wideReaders = 16
	// wideFrames is how many frames are left from which on a read counts as long.
	wideFrames = 4
)

// swarm fetches frames of one extent from other nodes: from the nearest, from the next
// when that fails or is mute, from several at once when the read is long.
type swarm struct {
	s      *Store
	id     ident.ID
	ctx    context.Context
	cancel context.CancelFunc
	last   int // frame
	ahead  bool
	wide   bool
	began  time.Time     // stopwatch
	moved  chan struct{} // something changed that the caller of get may wait for
	work   sync.WaitGroup

	mu      sync.Mutex
	pos     int // the frame that is wanted first
	next    int // the least that nobody was asked for
	again   map[int]bool
	since   time.Duration // when somebody was asked for pos
	got     map[int]gotten
	seen    bool      // a holder has the extent
	pullers []*puller // the nearest first
}

// gotten is a stored frame that came.
type gotten struct {
	data, buf []byte
	from      *puller
}

// newSwarm prepares to fetch frames from first to last. ahead: one after the other,
// and the next before they are asked for.
func (s *Store) newSwarm(ctx context.Context, id ident.ID, nodes []ident.NodeID, frames, first, last int, ahead bool) *swarm {
	w := &swarm{s: s, id: id, last: last, ahead: ahead, began: time.Now(), moved: make(chan struct{}, 1), // stopwatch
		pos: first, next: first, again: map[int]bool{}, got: map[int]gotten{}}
	w.ctx, w.cancel = context.WithCancel(ctx)
	for _, n := range nodes {
		rtt, _ := s.links.Distance(n)
		w.pullers = append(w.pullers, &puller{w: w, node: n, frames: frames, mute: max(hedgeLeast, 3*rtt),
			wake: make(chan struct{}, 1), refused: map[int]error{}, asked: map[int]time.Duration{}})
	}
	if ahead && last-first+1 >= wideFrames {
		if s.wide.Add(1) <= wideReaders {
			w.wide = true
		} else {
			s.wide.Add(-1)
		}
	}
	return w
}

func (w *swarm) close() {
	w.cancel()
	w.work.Wait()
	for _, g := range w.got {
		w.s.pool.put(g.buf)
	}
	if w.wide {
		w.s.wide.Add(-1)
	}
}

func (w *swarm) now() time.Duration { return time.Since(w.began) } // stopwatch

// get returns stored frame i, which the caller takes over; fault is to be called if it
// proves not to be the writer's, before it is asked for again.
func (w *swarm) get(i int) (gotten, error) {
	if err := w.await(i); err != nil {
		return gotten{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.got[i]
	delete(w.got, i)
	w.pos = i + 1
	w.wakeAll()
	return g, nil
}

// await returns once frame i is there, or with the reason why nobody has it.
func (w *swarm) await(i int) error {
	w.mu.Lock()
	w.pos, w.since = i, w.now()
	if w.ahead {
		w.next = max(w.next, i)
	} else {
		w.again[i] = true
	}
	if w.started() == 0 {
		w.start()
	}
	w.wakeAll()
	w.mu.Unlock()
	tick := time.NewTicker(hedgeLeast / 2)
	defer tick.Stop()
	for {
		w.mu.Lock()
		_, ok := w.got[i]
		err := w.hopeless(i)
		if !ok && err == nil {
			w.hurry(i)
		}
		w.mu.Unlock()
		if ok {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-w.moved:
		case <-tick.C:
		case <-w.ctx.Done():
			return errs.Newf(errs.Unavailable, "reading an extent was given up: %w", w.ctx.Err())
		}
	}
}

// greet returns once a holder says that it has the extent, or why none does.
func (w *swarm) greet() error {
	w.mu.Lock()
	w.start()
	w.mu.Unlock()
	tick := time.NewTicker(hedgeLeast)
	defer tick.Stop()
	for {
		w.mu.Lock()
		ok := w.seen
		err := w.hopeless(-1)
		if !ok && err == nil {
			w.hurry(-1)
		}
		w.mu.Unlock()
		if ok || err != nil {
			if ok {
				err = nil
			}
			return err
		}
		select {
		case <-w.moved:
		case <-tick.C:
		case <-w.ctx.Done():
			return errs.Newf(errs.Unavailable, "reading an extent was given up: %w", w.ctx.Err())
		}
	}
}

// fault says that frame i, as it came from g, is not what was written.
func (w *swarm) fault(i int, g gotten, err error) {
	w.s.pool.put(g.buf)
	w.s.accuse(g.from.node, w.id)
	w.mu.Lock()
	defer w.mu.Unlock()
	g.from.refused[i] = err
	w.pos = i
	w.again[i] = true
	w.wakeAll()
}

func (w *swarm) started() (n int) {
	for _, p := range w.pullers {
		if p.started {
			n++
		}
	}
	return n
}

// start has the next holder join; mu is held.
func (w *swarm) start() bool {
	for _, p := range w.pullers {
		if !p.started {
			p.started, p.began = true, w.now()
			p.ctx, p.stop = context.WithCancel(w.ctx)
			w.work.Go(p.run)
			return true
		}
	}
	return false
}

// hopeless returns the reason why frame i cannot be had, nil if somebody may yet give
// it; mu is held.
func (w *swarm) hopeless(i int) error {
	var why error
	for _, p := range w.pullers {
		err := p.dead
		if err == nil {
			err = p.refused[i]
		}
		if err == nil {
			if p.started {
				return nil
			}
			continue
		}
		why = worse(why, err)
	}
	if w.start() {
		return nil
	}
	if why == nil {
		why = errs.Newf(errs.NotFound, "no node keeps extent %s", w.id)
	}
	return why
}

// worse chooses what to say of several holders' failures: one that may pass, else
// damage, else that the bytes are not there.
func worse(a, b error) error {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, errs.NotFound):
			return 1
		case errors.Is(err, errs.Corrupt):
			return 2
		}
		return 3
	}
	if rank(b) <= rank(a) {
		return a
	}
	if rank(b) == 3 && errs.KindOf(b) != errs.Unavailable {
		return errs.Newf(errs.Unavailable, "a node that may have the bytes cannot be read: %w", b)
	}
	return b
}

// hurry looks whether those who were asked for frame i are mute or much slower than
// another; then another one is asked too. mu is held.
func (w *swarm) hurry(i int) {
	now := w.now()
	for _, p := range w.pullers {
		if !p.started || p.dead != nil || p.refused[i] != nil {
			continue
		}
		at, asked := p.asked[i]
		if last := max(at, p.began, time.Duration(p.heard.Load())); (asked || !p.met) && now-last >= w.s.endurance {
			p.dead = errs.Newf(errs.Unavailable, "node %s does not answer", p.node)
			p.stop()
			w.lost(p)
			w.poke()
			continue
		}
		from := max(at, w.since, time.Duration(p.heard.Load()))
		if now-from < p.mute && !(asked && w.outrun(p, now-at)) {
			return // it is on its way
		}
	}
	w.since = now // the next one gets its time too
	if i >= 0 {
		w.again[i] = true
	}
	w.start()
	w.wakeAll()
}

// outrun reports whether another holder would have given three frames meanwhile.
func (w *swarm) outrun(p *puller, age time.Duration) bool {
	for _, o := range w.pullers {
		if o != p && o.dead == nil && o.given > 0 && len(o.asked) == 0 && age > 3*o.pace {
			return true
		}
	}
	return false
}

// pick returns a frame for p to fetch, -1 if there is none; mu is held.
func (w *swarm) pick(p *puller) int {
	for i := range w.again {
		if _, asked := p.asked[i]; !asked && p.refused[i] == nil {
			delete(w.again, i)
			if _, ok := w.got[i]; !ok {
				return i
			}
		}
	}
	if w.ahead && w.next <= min(w.last, w.pos+w.window()-1) {
		w.next++
		return w.next - 1
	}
	return -1
}

// window is how many frames may be asked for at once.
func (w *swarm) window() int {
	if !w.wide {
		return 2
	}
	return max(2, depth*w.started())
}

func (w *swarm) wakeAll() {
	for _, p := range w.pullers {
		p.poke()
	}
}

func (w *swarm) poke() {
	select {
	case w.moved <- struct{}{}:
	default:
	}
}

// lost puts back what p was asked for; mu is held.
func (w *swarm) lost(p *puller) {
	for i := range p.asked {
		if _, ok := w.got[i]; !ok && i >= w.pos {
			w.again[i] = true
		}
	}
	clear(p.asked)
	w.wakeAll()
}

// deliver takes a frame from p; mu is held.
func (w *swarm) deliver(p *puller, i int, g gotten) {
	if _, ok := w.got[i]; ok || i < w.pos {
		w.s.pool.put(g.buf)
		return
	}
	w.got[i] = g
	delete(w.again, i)
	// The first frame is here: let upload lines add up.
	for w.wide && w.started() < min(wideHolders, len(w.pullers)) && w.start() {
	}
	w.poke()
}

// pulse notes when bytes came.
type pulse struct{ p *puller }

func (r pulse) Read(b []byte) (int, error) {
	n, err := r.p.st.Read(b)
	if n > 0 {
		r.p.heard.Store(int64(r.p.w.now()))
	}
	return n, err
}

// stamp is a moment, counted from the swarm's beginning.
type stamp = atomic.Int64
