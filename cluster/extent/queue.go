package extent

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Reason says why an extent is to be mended.
type Reason uint8

// The reasons.
const (
	Missing Reason = iota + 1 // its row says that this node has it, and it is not here
	Damaged                   // it is here and not what was written
	Moved                     // it is here, and by the layout it is others' now
	Unused                    // it is here, and perhaps nothing uses it
)

const (
	// maxChores is how many extents are queued in memory; more are counted and found
	// again.
	maxChores = 1 << 16
	// graceTime is how long bytes may come later than their row before they are fetched.
	graceTime = 5 * time.Second
	// orphanTime is how long a row may come later than its bytes.
	orphanTime = time.Minute
	// retryLeast and retryMost bound the time between two attempts.
	retryLeast = time.Second
	retryMost  = 10 * time.Minute
	// lostTries is after how many looks that find an extent nowhere it counts as lost.
	lostTries = 6
)

// task is an extent to be looked at, as a worker takes it: what is learnt of the extent
// meanwhile is for the next look.
type task struct {
	id    ident.ID
	why   Reason
	tries int
	from  ident.NodeID // said that it has the bytes; zero: nobody
}

// chore is a task in the queue.
type chore struct {
	task
	bytes int64
	due   time.Duration // since the mender's beginning
	busy  bool          // a worker has it
	again bool          // it was asked for anew while busy
	index int           // in the heap, -1: not there
}

// mender keeps the queue of what is to be mended.
type mender struct {
	s     *Store
	began time.Time // stopwatch
	wake  chan struct{}

	grace, orphan, retry time.Duration

	mu          sync.Mutex
	chores      map[ident.ID]*chore
	heap        choreHeap
	beyond      int // did not fit
	beyondBytes int64
	sweep       bool              // rows and bytes are to be compared when there is time
	sweeping    int               // comparisons under way
	lost        map[ident.ID]bool // no node has them
	lastErr     error
	meter       meter
	limit       limiter
}

func newMender(s *Store, rate int64) *mender {
	return &mender{s: s, began: time.Now(), wake: make(chan struct{}, 1), chores: map[ident.ID]*chore{}, lost: map[ident.ID]bool{}, // stopwatch
		grace: graceTime, orphan: orphanTime, retry: retryLeast, limit: limiter{rate: rate}}
}

func (m *mender) now() time.Duration { return time.Since(m.began) } // stopwatch

// add queues an extent, to be looked at after a while at the earliest. A reason that is
// known already is not forgotten for a weaker one.
func (m *mender) add(id ident.ID, why Reason, bytes int64, after time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	due := m.now() + after
	c := m.chores[id]
	switch {
	case c == nil && len(m.chores) >= maxChores:
		m.beyond++
		m.beyondBytes += bytes
		m.sweep = true
		return
	case c == nil:
		c = &chore{task: task{id: id, why: why}, bytes: bytes, due: due, index: -1}
		m.chores[id] = c
		heap.Push(&m.heap, c)
	default:
		if why == Unused && c.why == Moved && !c.busy && c.due < due { // its row may yet come, for as long as any
			c.due = due
			heap.Fix(&m.heap, c.index)
		}
		if c.why != Damaged {
			c.why = why
		}
		c.bytes = max(c.bytes, bytes)
		if c.again = c.busy; !c.busy && due < c.due {
			c.due = due
			heap.Fix(&m.heap, c.index)
		}
	}
	m.poke()
}

// forget takes an extent off the queue if it is there for that reason, and reports
// for which it was there.
func (m *mender) forget(id ident.ID, why Reason) Reason {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.chores[id]
	if c == nil {
		return 0
	}
	if c.why == why && !c.busy {
		m.remove(c)
	}
	return c.why
}

func (m *mender) remove(c *chore) {
	delete(m.chores, c.id)
	if c.index >= 0 {
		heap.Remove(&m.heap, c.index)
	}
}

// offer notes who says that it has the bytes of an extent in the queue.
func (m *mender) offer(id ident.ID, from ident.NodeID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.chores[id]; c != nil {
		c.from = from
	}
}

// sized notes how many bytes an extent in the queue has.
func (m *mender) sized(id ident.ID, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.chores[id]; c != nil {
		c.bytes = bytes
	}
}

func (m *mender) known(id ident.ID, why Reason) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.chores[id]
	return c != nil && c.why == why
}

// take waits for a task that is due, and returns more of the same kind if it is Moved,
// which are asked about together. It returns none when a sweep is wanted or ctx ends.
func (m *mender) take(ctx context.Context) []task {
	for {
		m.mu.Lock()
		if m.sweepDue() {
			m.mu.Unlock()
			return nil
		}
		out, wait := m.due(m.now())
		m.mu.Unlock()
		if len(out) > 0 {
			return out
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-m.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

const noWork = time.Hour

// due takes what is due by then; mu is held.
func (m *mender) due(by time.Duration) (out []task, wait time.Duration) {
	for len(m.heap) > 0 && m.heap[0].due <= by && len(out) < movedBatch {
		if len(out) > 0 && (out[0].why != Moved || m.heap[0].why != Moved) {
			break
		}
		c := heap.Pop(&m.heap).(*chore)
		c.busy = true
		out = append(out, c.task)
	}
	if len(m.heap) == 0 {
		return out, noWork
	}
	if len(out) > 0 {
		m.poke() // for the next worker
	}
	return out, m.heap[0].due - by
}

// errLater puts a chore back without counting the attempt.
type errLater struct {
	why   Reason
	after time.Duration
}

func (e errLater) Error() string { return "it is too early" }

// done notes how an attempt ended.
func (m *mender) done(t task, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.chores[t.id]
	c.busy = false
	if later, ok := err.(errLater); ok {
		if c.why == t.why {
			c.why = later.why
		}
		m.back(c, later.after)
		return
	}
	switch {
	case err == nil && c.again:
		m.back(c, 0)
	case err == nil:
		m.remove(c)
	default:
		if m.s.life.Err() == nil && errs.KindOf(err) != errs.Conflict {
			m.lastErr = err
		}
		wait := m.retry << min(c.tries, 12)
		c.tries++
		m.back(c, min(wait, retryMost))
	}
	if len(m.chores) == 0 && m.sweep {
		m.poke()
	}
}

func (m *mender) back(c *chore, after time.Duration) {
	c.again = false
	c.due = m.now() + after
	heap.Push(&m.heap, c)
	m.poke()
}

func (m *mender) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// hasten makes due at once what waits for another attempt.
func (m *mender) hasten() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for _, c := range m.heap {
		if c.tries > 0 {
			c.due = min(c.due, now)
			c.tries = 1
		}
	}
	heap.Init(&m.heap)
	m.poke()
}

// choreHeap is ordered by when chores are due.
type choreHeap []*chore

func (h choreHeap) Len() int           { return len(h) }
func (h choreHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h choreHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *choreHeap) Push(x any) {
	c := x.(*chore)
	c.index = len(*h)
	*h = append(*h, c)
}
func (h *choreHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	c.index = -1
	return c
}

// lose notes that no node has an extent, or that one has it again.
func (m *mender) lose(id ident.ID, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !on {
		delete(m.lost, id)
	} else if len(m.lost) < maxChores {
		m.lost[id] = true
	}
}

func (m *mender) isLost(id ident.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost[id]
}

// missed returns what counts as lost.
func (m *mender) missed() []ident.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.lost))
}
