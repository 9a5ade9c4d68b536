package events

import (
	"context"
	"errors"
	"time"

	"rhizome/base/clock"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// lane is what is told to one webhook. The Deliverer's mutex guards it.
type lane struct {
	queue   []register.Row
	known   map[register.Row]struct{} // queued or under way
	working int
	more    bool      // something was not taken for want of room
	until   time.Time // nothing is tried before
	tries   int       // that failed in a row
	since   time.Time // the first of them
	last    string    // why the last one did
	next    time.Time // when the rate allows the next one
	aside   map[register.Row]*refusal
}

// refusal is an event that its webhook refused for what it is.
type refusal struct {
	until time.Time
	tries int
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
	}
	for row, r := range l.aside {
		_, busy := l.known[row]
		switch {
		case r.until.After(now):
			soonest(r.until)
		case now.Sub(r.until) > Look && !busy:
			delete(l.aside, row) // another node told it
		case !busy:
			soonest(now.Add(First)) // it was too early just now, or the lane is full
		}
	}
	return due
}

// offer gives a row to its lane, and reports whether the lane may take others.
func (d *Deliverer) offer(ctx context.Context, row register.Row) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := object.OutboxWebhook(row)
	l := d.lanes[name]
	if l == nil {
		l = &lane{known: map[register.Row]struct{}{}, aside: map[register.Row]*refusal{}}
		d.lanes[name] = l
	}
	now := time.Now() // a stopwatch
	if l.until.After(now) {
		return false
	}
	if _, known := l.known[row]; known {
		return true
	}
	if r := l.aside[row]; r != nil && r.until.After(now) {
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
		d.workers.Go(func() { d.work(ctx, name, l) })
	}
	return true
}

// work tells what a lane has until it is empty, or fails.
func (d *Deliverer) work(ctx context.Context, name string, l *lane) {
	for {
		row, wait, ok := d.take(ctx, l)
		if !ok {
			return
		}
		if !sleep(ctx, wait) {
			d.done(ctx, name, l, row, ctx.Err())
			continue
		}
		d.done(ctx, name, l, row, d.deliver(ctx, name, row))
	}
}

// take takes the next row, to be told when so much time went by; false ends the worker.
func (d *Deliverer) take(ctx context.Context, l *lane) (row register.Row, wait time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now() // a stopwatch
	if len(l.queue) == 0 || ctx.Err() != nil || l.until.After(now) {
		l.working--
		return row, 0, false
	}
	row, l.queue = l.queue[0], l.queue[1:]
	if l.more && len(l.queue) < queued/4 {
		l.more = false
		d.Wake()
	}
	if l.next.Before(now) {
		l.next = now
	}
	wait = l.next.Sub(now)
	l.next = l.next.Add(time.Second / Rate)
	return row, wait, true
}

// done notes what came of an attempt.
func (d *Deliverer) done(ctx context.Context, name string, l *lane, row register.Row, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(l.known, row)
	now := time.Now() // a stopwatch
	switch {
	case ctx.Err() != nil:
	case err == nil:
		l.tries, l.last = 0, ""
		delete(l.aside, row)
	case errors.Is(err, errRefused) && (l.aside[row] != nil || len(l.aside) < asides):
		r := l.aside[row]
		if r == nil {
			r = &refusal{}
			l.aside[row] = r
		}
		r.tries++
		r.until = now.Add(d.backoff(r.tries))
		d.Logger.Warn("a webhook refuses an event; it is told again later", "webhook", name, "failed", r.tries, "error", err)
	case !l.until.After(now): // the first to fail of those that were under way
		if l.tries++; l.tries == 1 {
			l.since = now
		}
		l.last, l.until = err.Error(), now.Add(d.backoff(l.tries))
		for _, r := range l.queue {
			delete(l.known, r)
		}
		l.queue, l.more = nil, false
		d.Logger.Warn("a webhook cannot be told; it is tried again later", "webhook", name, "failed", l.tries, "error", err)
		d.Wake() // for the time to wait is another one now
	}
}

// backoff is how long to wait after so many failures.
func (d *Deliverer) backoff(tries int) time.Duration {
	return clock.Backoff(d.First, d.Longest, tries)
}

func sleep(ctx context.Context, t time.Duration) bool {
	if t <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
