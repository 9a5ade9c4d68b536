package events

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/clock"
	"rhizome/cluster/register"
	"rhizome/model/hook"
	"rhizome/model/object"
)

// Bounds of what goes on at once.
const (
	InFlight = 4   // events of one webhook
	Rate     = 200 // of one webhook, a second
	queued   = 256 // rows that wait in a lane
	page     = 256 // rows read at a time
	asides   = 256 // events of a webhook that it refused, and that wait on their own
)

// The times, unless the Config says otherwise.
const (
	First   = time.Second
	Longest = 15 * time.Minute
	Look    = 2 * time.Minute
)

// Outbox is where events wait; *object.Store implements it.
type Outbox interface {
	Outgoing(ctx context.Context, after *register.Row, limit int) (rows []register.Row, next *register.Row, err error)
	OutgoingEvent(ctx context.Context, row register.Row) (*object.Event, error)
	Told(ctx context.Context, ev *object.Event) error
}

// Webhooks knows the webhooks; *hook.Store implements it.
type Webhooks interface {
	Webhook(ctx context.Context, name string) (*hook.Webhook, error)
}

// Config is what a Deliverer is made of. All fields are needed unless they say otherwise.
type Config struct {
	Outbox   Outbox
	Webhooks Webhooks
	// Region is what events say of where they were.
	Region string
	// Clock tells the time that signatures name.
	Clock  clock.Clock
	Logger *slog.Logger
	// First and Longest bound how long a webhook is left alone after a failure; Look is how
	// often the outbox is looked at though nobody said so. 0: those above.
	First, Longest, Look time.Duration
}

// Deliverer tells webhooks. One goroutine runs it; its other methods are safe for concurrent
// use.
type Deliverer struct {
	Config
	http *http.Client
	wake chan struct{}
	told atomic.Int64
	bad  atomic.Int64

	mu      sync.Mutex
	lanes   map[string]*lane
	workers sync.WaitGroup
}

// New returns a Deliverer.
func New(c Config) *Deliverer {
	for t, usual := range map[*time.Duration]time.Duration{&c.First: First, &c.Longest: Longest, &c.Look: Look} {
		if *t == 0 {
			*t = usual
		}
	}
	return &Deliverer{Config: c, http: newClient(), wake: make(chan struct{}, 1), lanes: map[string]*lane{}}
}

// Wake says that there may be something to tell. It returns at once.
func (d *Deliverer) Wake() {
	select {
	case d.wake <- struct{}{}:
	default: // it was said already
	}
}

// Run tells until ctx ends, and returns nil when nothing is under way any more.
func (d *Deliverer) Run(ctx context.Context) error {
	defer d.http.CloseIdleConnections()
	defer d.workers.Wait()
	for {
		if err := d.look(ctx); err != nil && ctx.Err() == nil {
			d.Logger.Warn("the outbox could not be read; it is tried again", "error", err)
		}
		timer := time.NewTimer(d.pause())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// look gives the lanes what they take of the outbox. Of rows for a lane that takes no more
// those under the same partition key are passed over.
func (d *Deliverer) look(ctx context.Context) error {
	var after *register.Row
	for {
		rows, next, err := d.Outbox.Outgoing(ctx, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !d.offer(ctx, row) {
				past := object.PastWebhook(row)
				next = &past
				break
			}
		}
		if next == nil {
			return nil
		}
		after = next
	}
}

// pause is how long it is until a lane is to be tried again, Look at most.
func (d *Deliverer) pause() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, wait := time.Now(), d.Look // a stopwatch
	for name, l := range d.lanes {
		due := l.due(now)
		if due < 0 && len(l.known) == 0 && l.tries == 0 {
			delete(d.lanes, name)
		}
		if due >= 0 {
			wait = min(wait, due)
		}
	}
	return max(wait, time.Millisecond)
}

// clocksApart is how far the clocks of two nodes may be apart without an event being taken for
// another webhook's.
const clocksApart = 10 * time.Minute

// ofAnother reports whether an event was for another webhook of the name, that was removed. A webhook
// that is to be made yet was made while the clock was ahead: its time says nothing.
func (d *Deliverer) ofAnother(ev *object.Event, w *hook.Webhook) bool {
	return !w.Created.After(d.Clock.Now()) && ev.Time.Before(w.Created.Add(-clocksApart))
}

// deliver tells one event; nil also if there is nothing to tell any more.
func (d *Deliverer) deliver(ctx context.Context, name string, row register.Row) error {
	ev, err := d.Outbox.OutgoingEvent(ctx, row)
	if err != nil || ev == nil {
		return err
	}
	w, err := d.Webhooks.Webhook(ctx, name)
	switch {
	case errors.Is(err, hook.ErrUnknown):
		d.Logger.Warn("an event is dropped, for its webhook was removed", "webhook", name, "bucket", ev.Bucket)
		return d.Outbox.Told(ctx, ev)
	case err != nil:
		return err
	case d.ofAnother(ev, w):
		d.Logger.Warn("an event is dropped, for it is older than the webhook, which another one had the name of", "webhook", name, "bucket", ev.Bucket, "event", ev.Time, "made", w.Created)
		return d.Outbox.Told(ctx, ev)
	}
	if err := d.post(ctx, w, ev.ID.String(), d.body(ev)); err != nil {
		d.bad.Add(1)
		return err
	}
	d.told.Add(1)
	return d.Outbox.Told(ctx, ev)
}

// Counts returns how many events were told and how many attempts failed since the start.
func (d *Deliverer) Counts() (told, failed int64) { return d.told.Load(), d.bad.Load() }

// Silent returns the webhooks that could not be told for so long, by name.
func (d *Deliverer) Silent(long time.Duration) (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, l := range d.lanes {
		if l.tries > 0 && time.Since(l.since) >= long { // a stopwatch
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// State is how a webhook is, as this node sees it.
type State struct {
	// Failed is how many attempts failed since the last that did not; Error is the last one's.
	Failed int
	Error  string
	// Again is when the next one is made.
	Again time.Time
}

// State returns how a webhook is: the zero State if nothing failed lately.
func (d *Deliverer) State(name string) State {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lanes[name]
	if l == nil || l.tries == 0 {
		return State{}
	}
	return State{Failed: l.tries, Error: l.last, Again: l.until}
}
