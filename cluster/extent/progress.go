package extent

import (
	"context"
	"sync"
	"time"
)

// Progress says how far mending is.
type Progress struct {
	// Queued is how many extents are to be looked at; Bytes what is known to be
	// fetched for them. ByReason leaves out those that did not fit into memory.
	Queued int
	Bytes  int64
	// Waiting is how many are to be looked at soon if nothing comes of itself, Comparing
	// whether rows and bytes are being compared or are about to be.
	Waiting   int
	Comparing bool
	ByReason  map[Reason]int
	// Rate is how many bytes per second came lately; Fetched all of them since the
	// process started, Mended how many extents.
	Rate    float64
	Fetched int64
	Mended  int64
	// Lost are extents in use that no node has whole. They are looked for again with
	// every sweep.
	Lost int
	// Undecided are extents on the work list whose time to be looked at has come, and of
	// which the last pass could not say whether anything uses them. The others on that list
	// are no work: most are in use, and only wait for the look that says so.
	Undecided int
	// LastError is why the last attempt that failed did; nil once all is mended.
	LastError error
}

// Progress returns how far mending is. Extents whose row or bytes came a moment ago, so
// that the other half may be on its way, do not count.
func (s *Store) Progress() Progress {
	s.mu.Lock()
	undecided := s.undecided
	s.mu.Unlock()
	m := s.mend
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	p := Progress{Undecided: undecided, Comparing: m.sweep || m.sweeping > 0, Queued: m.beyond, Bytes: m.beyondBytes, ByReason: map[Reason]int{}, Lost: len(m.lost)}
	for _, c := range m.chores {
		if !c.busy && c.tries == 0 && c.due > now {
			p.Waiting++
			continue
		}
		p.Queued++
		p.ByReason[c.why]++
		if c.why == Missing || c.why == Damaged {
			p.Bytes += c.bytes
		}
	}
	if p.Queued > 0 {
		p.LastError = m.lastErr
	}
	p.Rate, p.Fetched, p.Mended = m.meter.read(now)
	return p
}

// meterTime is over how long the rate is taken.
const meterTime = 10 * time.Second

// meter measures what comes.
type meter struct {
	mu            sync.Mutex
	from          time.Duration
	recent        int64 // bytes since from
	rate          float64
	total, mended int64
}

func (m *meter) add(now time.Duration, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(now)
	m.recent += bytes
	m.total += bytes
}

func (m *meter) one() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mended++
}

func (m *meter) roll(now time.Duration) {
	if past := now - m.from; past >= meterTime {
		m.rate = float64(m.recent) / past.Seconds()
		m.from, m.recent = now, 0
	}
}

func (m *meter) read(now time.Duration) (rate float64, total, mended int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(now)
	rate = m.rate
	if past := now - m.from; past > time.Second {
		rate = float64(m.recent) / past.Seconds()
	}
	return rate, m.total, m.mended
}

// While people wait for the node, what is fetched beside that gives way: it may cost
// busyRate bytes a second at a load of busyLoad calls a second, in proportion less at a
// higher one, and leastRate at any. An extent costs as much as leastFetch bytes, however
// small it is.
const (
	busyLoad   = 20
	busyRate   = 8 << 20
	leastRate  = 1 << 20
	leastFetch = 64 << 10
)

// limiter bounds bytes per second over all that fetch.
type limiter struct {
	rate int64
	load func() int // calls a second that people wait for; nil: none

	mu   sync.Mutex
	free time.Duration // when the last bytes have had their time
}

// wait returns when n more bytes may come.
func (l *limiter) wait(ctx context.Context, now time.Duration, n int) error {
	rate := l.rate
	if most := l.most(); most > 0 && (rate <= 0 || rate > most) {
		rate, n = most, max(n, leastFetch)
	}
	if rate <= 0 {
		return ctx.Err()
	}
	l.mu.Lock()
	l.free = max(l.free, now) + time.Duration(float64(n)/float64(rate)*float64(time.Second))
	pause := l.free - now
	l.mu.Unlock()
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// most is what the load leaves, in bytes per second; 0: there is none.
func (l *limiter) most() int64 {
	if l.load == nil {
		return 0
	}
	load := int64(l.load())
	if load < busyLoad {
		return 0
	}
	return max(leastRate, busyRate*busyLoad/load)
}
