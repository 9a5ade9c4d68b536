package replicate

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/object"
	"rhizome/model/remote"
)

// lane is what is sent from one bucket to one destination. The Replicator's mutex guards it,
// but for bare.
type lane struct {
	bucket  ident.ID
	dest    string
	to      Target
	remote  *remote.Remote
	bare    atomic.Bool // the store does no conditional writes
	queue   []register.Row
	known   map[register.Row]struct{} // queued or under way
	working int
	more    bool      // something was not taken for want of room
	until   time.Time // nothing is tried before
	tries   int       // rests in a row, nothing having come through between them
	refused int       // objects that the store refused in a row
	since   time.Time // the first rest of them
	noted   string    // what the bucket's row says is wrong
	fine    bool      // it was noted that nothing is
	aside   map[register.Row]time.Time
}

// due is how long it is until something is to be tried again; negative: nothing waits for
// time.
func (l *lane) due(now time.Time) time.Duration {
	due := time.Duration(-1)
	soonest := func(t time.Time) {
		if d := max(t.Sub(now), 0); due < 0 || d < due {
			due = d
		}
	}
	if l.until.After(now) {
		soonest(l.until)
		return due
	}
	for row, until := range l.aside {
		_, busy := l.known[row]
		switch {
		case until.After(now):
			soonest(until)
		case now.Sub(until) > Look && !busy:
			delete(l.aside, row) // another node did it
		case !busy:
			soonest(now.Add(First)) // it was too early just now, or the lane is full
		}
	}
	return due
}

// laneOf names the lane of a row.
func laneOf(row register.Row) (name string, bucket ident.ID, dest string) {
	bucket, dest, _ = object.DueDest(row)
	return bucket.Key() + dest, bucket, dest
}

// offer gives a row to its lane, and reports whether the lane may take others.
func (r *Replicator) offer(ctx context.Context, row register.Row) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, bucket, dest := laneOf(row)
	l := r.lanes[name]
	if l == nil {
		l = &lane{bucket: bucket, dest: dest, known: map[register.Row]struct{}{}, aside: map[register.Row]time.Time{}}
		r.lanes[name] = l
	}
	now := time.Now() // a stopwatch
	if l.until.After(now) {
		return false
	}
	if _, known := l.known[row]; known {
		return true
	}
	if until, ok := l.aside[row]; ok && until.After(now) {
		return true
	}
	if len(l.queue) >= queued {
		l.more = true
		return false
	}
	l.queue = append(l.queue, row)
	l.known[row] = struct{}{}
	if l.working < InFlight {
		l.working++
		r.workers.Go(func() { r.work(ctx, l) })
	}
	return true
}

// work does what a lane has until it is empty, or fails.
func (r *Replicator) work(ctx context.Context, l *lane) {
	for {
		row, ok := r.take(ctx, l)
		if !ok {
			return
		}
		note, why := r.done(ctx, l, row, r.deliver(ctx, l, row))
		if !note {
			continue
		}
		if err := r.Objects.NoteDest(ctx, l.bucket, l.dest, why); err != nil && ctx.Err() == nil {
			r.Logger.Warn("the state of replication could not be noted", "to", l.dest, "error", err)
		}
	}
}

// take takes the next row; false ends the worker.
func (r *Replicator) take(ctx context.Context, l *lane) (row register.Row, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(l.queue) == 0 || ctx.Err() != nil || l.until.After(time.Now()) { // a stopwatch
		l.working--
		return row, false
	}
	row, l.queue = l.queue[0], l.queue[1:]
	if l.more && len(l.queue) < queued/4 {
		l.more = false
		r.Wake()
	}
	return row, true
}

// done notes what came of an attempt, and says what is to be noted of the destination.
func (r *Replicator) done(ctx context.Context, l *lane, row register.Row, err error) (note bool, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(l.known, row)
	now := time.Now() // a stopwatch
	var later errLater
	switch {
	case ctx.Err() != nil:
		return false, ""
	case errors.As(err, &later):
		delete(l.aside, row)
		if len(l.aside) < asides {
			l.aside[row] = now.Add(later.wait)
		}
		r.Wake() // for the time to wait is another one now
		if later.refused == nil {
			return false, ""
		}
		// It may be these objects' fault alone: what comes after them is sent first.
		if l.refused++; l.refused <= InFlight {
			return false, ""
		}
		return r.rest(l, now, min(r.backoff(l.refused-InFlight), r.Breath), later.refused)
	case err == nil:
		delete(l.aside, row)
		l.tries, l.refused = 0, 0
		note = !l.fine
		l.fine, l.noted = true, ""
		return note, ""
	}
	return r.rest(l, now, r.backoff(l.tries+1), err)
}

// rest leaves the store alone for a while, and says what is to be noted of the destination.
func (r *Replicator) rest(l *lane, now time.Time, wait time.Duration, err error) (note bool, why string) {
	if l.until.After(now) { // not the first to fail of those that were under way
		return false, ""
	}
	if l.tries++; l.tries == 1 {
		l.since = now
	}
	l.until = now.Add(wait)
	for _, q := range l.queue {
		delete(l.known, q)
	}
	l.queue, l.more, l.fine = nil, false, false
	r.Logger.Warn("nothing can be replicated; it is tried again later", "to", l.dest, "failed", l.tries, "error", err)
	r.Wake()
	note = l.noted != err.Error()
	l.noted = err.Error()
	return note, l.noted
}

// backoff is how long to wait after so many failures.
func (r *Replicator) backoff(tries int) time.Duration {
	return clock.Backoff(r.First, r.Longest, tries)
}
