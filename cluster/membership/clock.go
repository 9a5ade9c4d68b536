package membership

import (
	"maps"
	"slices"
	"sync"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
)

const (
	// close is how far apart clocks may be that count as agreeing.
	closeBy = 5 * time.Second
	// stale is how long a comparison counts.
	stale = 15 * time.Minute
	// tolerated is by how much a machine's clock may be off before its time is corrected:
	// below it the comparison is no better than the clock.
	tolerated = 2 * time.Second
	// leap is by how much the machine's clock goes ahead of the monotonic one when it was
	// asleep, or was set: what was agreed, and compared, before does not count any more.
	leap = 10 * time.Second
)

// Clock tells the time that most nodes agree on. It is a clock.Clock, safe for
// concurrent use. A node that met no others goes by its own.
type Clock struct {
	own clock.Clock
	// since is how much time passed by the monotonic clock; a test has one that sleeps.
	since func(from, to time.Time) time.Duration

	mu      sync.Mutex
	seen    time.Time // the last reading of our own clock
	samples map[ident.NodeID]sample
	agreed  bool
	anchor  time.Time     // own clock when it was last agreed, with its monotonic reading
	offset  time.Duration // of the agreed time from the anchor's
}

// sample is how far another node's clock is ahead of ours, and when it was compared.
type sample struct {
	ahead time.Duration
	at    time.Time
}

// NewClock returns a Clock that goes by a machine's own until it has compared that with others.
func NewClock(own clock.Clock) *Clock {
	return NewClockSince(own, func(from, to time.Time) time.Duration { return to.Sub(from) })
}

// NewClockSince is NewClock for simulations: since tells how much time passed between two
// readings of the own clock, whatever was set meanwhile, as a monotonic clock does.
func NewClockSince(own clock.Clock, since func(from, to time.Time) time.Duration) *Clock {
	return &Clock{own: own, since: since, samples: map[ident.NodeID]sample{}}
}

// look notes a reading of our own clock. A monotonic clock stands still while the machine
// sleeps: after that, only the next comparisons tell the time.
func (c *Clock) look(now time.Time) {
	if !c.seen.IsZero() && now.Round(0).Sub(c.seen.Round(0))-c.since(c.seen, now) > leap {
		c.agreed = false
		clear(c.samples)
	}
	c.seen = now
}

// Now returns the agreed time in UTC.
func (c *Clock) Now() time.Time {
	now := c.own.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(now)
	if !c.agreed {
		return now
	}
	return c.at(now)
}

// at converts a reading of our own clock. The difference to the anchor is monotonic
// where the machine has such a clock, so a step of its wall clock is not seen.
func (c *Clock) at(now time.Time) time.Time {
	return c.anchor.Round(0).Add(c.since(c.anchor, now) + c.offset)
}

// Skew returns by how much our own clock is ahead of the agreed time, and whether most
// nodes agree at all.
func (c *Clock) Skew() (ahead time.Duration, agreed bool) {
	now := c.own.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(now)
	if !c.agreed {
		return 0, false
	}
	return now.Round(0).Sub(c.at(now)), true
}

// Compare notes what another node's clock showed between two readings of ours.
func (c *Clock) Compare(node ident.NodeID, theirs, before, after time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(before)
	c.look(after)
	middle := before.Add(after.Sub(before) / 2)
	c.samples[node] = sample{theirs.Round(0).Sub(middle.Round(0)), middle}
	c.agree(after)
}

// heard returns by how much the other clocks that were compared lately are ahead of ours.
func (c *Clock) heard(now time.Time) map[ident.NodeID]time.Duration {
	// An offset counts from our wall clock now: one that was stepped since the comparison
	// is off by that step.
	out := map[ident.NodeID]time.Duration{}
	for node, s := range c.samples {
		age := c.since(s.at, now)
		if age > stale {
			delete(c.samples, node)
			continue
		}
		stepped := now.Round(0).Sub(s.at.Round(0)) - age
		out[node] = s.ahead - stepped
	}
	return out
}

// Torn returns, while no time is that of most of the clocks compared lately, by how much each of
// the others is ahead of ours; else nil. It is not known then which of them are wrong.
func (c *Clock) Torn() map[ident.NodeID]time.Duration {
	now := c.own.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(now)
	others := c.heard(now)
	all := slices.Sorted(maps.Values(others))
	if len(all) == 0 {
		return nil
	}
	if _, most := majority(append(all, 0)); most {
		return nil
	}
	return others
}

// agree looks for a time that more than half of the clocks compared are close to, our
// own among them. Where none is, the last one agreed goes on.
func (c *Clock) agree(now time.Time) {
	offset, most := majority(append(slices.Collect(maps.Values(c.heard(now))), 0))
	if !most {
		return
	}
	if offset.Abs() <= tolerated {
		offset = 0
	}
	c.agreed, c.anchor, c.offset = true, now, offset
}

// majority returns what more than half of the offsets, and two at least, lie close to.
func majority(offsets []time.Duration) (time.Duration, bool) {
	slices.Sort(offsets)
	from, n := largestGroup(offsets)
	if n < 2 || 2*n <= len(offsets) {
		return 0, false
	}
	return offsets[from+n/2], true
}

// largestGroup returns where the most of the sorted offsets lie within closeBy.
func largestGroup(sorted []time.Duration) (from, n int) {
	for i := range sorted {
		j := i
		for j < len(sorted) && sorted[j]-sorted[i] <= closeBy {
			j++
		}
		if j-i > n {
			from, n = i, j-i
		}
	}
	return from, n
}
