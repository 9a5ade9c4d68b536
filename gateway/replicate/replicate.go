package replicate

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/object"
	"rhizome/model/remote"
)

// Bounds of what goes on at once.
const (
	InFlight = 4    // keys of one destination of a bucket
	queued   = 256  // rows that wait in a lane
	page     = 256  // rows read at a time
	asides   = 4096 // rows of a lane that wait on their own
)

// The times, unless the Config says otherwise.
const (
	First   = time.Second
	Longest = 15 * time.Minute
	Breath  = 30 * time.Second
	Look    = 2 * time.Minute
	// rounds is how often all buckets are looked at for what was not begun.
	rounds = time.Hour
	// pause is how long going through a bucket rests while enough of it waits.
	pause = time.Second
)

// Remotes knows the other stores; *remote.Store implements it.
type Remotes interface {
	Remote(ctx context.Context, name string) (*remote.Remote, error)
}

// Config is what a Replicator is made of. All fields are needed unless they say otherwise.
type Config struct {
	Objects Objects
	Remotes Remotes
	// Open opens a bucket of a remote; nil: Open of this package.
	Open func(r *remote.Remote, bucket string) (Target, error)
	// Node is this node.
	Node ident.NodeID
	// Clock tells the time that all nodes go by.
	Clock  clock.Clock
	Logger *slog.Logger
	// Awake waits until disks are awake anyway; it fails when ctx ends. Nil: they always are.
	Awake func(context.Context) error
	// First and Longest bound how long a store is left alone after a failure; Look is how often
	// what is due is looked at though nobody said so. 0: those above.
	First, Longest, Look time.Duration
	// Breath is how long a store is left alone at most that answers and refuses each object. 0:
	// that above.
	Breath time.Duration
}

// Replicator sends what is due. One goroutine runs it; its other methods are safe for
// concurrent use.
type Replicator struct {
	Config
	mine  object.Claim // of this run
	wake  chan struct{}
	begin atomic.Bool // all buckets are to be looked at
	sent  atomic.Int64
	bytes atomic.Int64
	bad   atomic.Int64

	mu      sync.Mutex
	lanes   map[string]*lane
	limits  map[string]*limit // by remote
	from    *register.Row     // where the next look begins
	workers sync.WaitGroup
}

type limit struct {
	*rate.Limiter
	bytes int64
}

// Counts are of this node since it started.
type Counts struct {
	Sent, Bytes, Failed int64
}

// New returns a Replicator.
func New(c Config) *Replicator {
	for t, usual := range map[*time.Duration]time.Duration{&c.First: First, &c.Longest: Longest, &c.Look: Look, &c.Breath: Breath} {
		if *t == 0 {
			*t = usual
		}
	}
	if c.Open == nil {
		c.Open = Open
	}
	r := &Replicator{Config: c, mine: object.Claim{Node: c.Node, Run: ident.New()}, wake: make(chan struct{}, 1),
		lanes: map[string]*lane{}, limits: map[string]*limit{}}
	r.begin.Store(true)
	return r
}

// Wake says that there may be something to send. It returns at once.
func (r *Replicator) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it was said already
	}
}

// Changed says that rules or remotes may have changed: what failed is tried again now. It returns at once.
func (r *Replicator) Changed() {
	r.mu.Lock()
	for _, l := range r.lanes {
		l.until = time.Time{}
	}
	r.mu.Unlock()
	r.begin.Store(true)
	r.Wake()
}

// Run sends until ctx ends, and returns nil when nothing is under way any more.
func (r *Replicator) Run(ctx context.Context) error {
	defer r.workers.Wait()
	r.workers.Go(func() { r.rounds(ctx) })
	for {
		if r.begin.Swap(false) {
			if err := r.Objects.StartAllReplicating(ctx); err != nil && ctx.Err() == nil {
				r.begin.Store(true)
				r.Logger.Warn("replication could not be begun; it is tried again", "error", err)
			}
		}
		if err := r.look(ctx); err != nil && ctx.Err() == nil {
			r.Logger.Warn("what is to be replicated could not be read; it is tried again", "error", err)
		}
		timer := time.NewTimer(r.pause())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// rounds has all buckets looked at now and then, and wakes no disk for that: what changes a bucket's
// rules says so, and this is for the node that did and died.
func (r *Replicator) rounds(ctx context.Context) {
	tick := time.NewTicker(rounds)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if r.Awake != nil && r.Awake(ctx) != nil {
			return
		}
		r.begin.Store(true)
		r.Wake()
	}
}

// look gives the lanes what they take. Of rows for a lane that takes no more those under the
// same partition key are passed over; the next look begins behind the first of these, so
// that none waits for ever.
func (r *Replicator) look(ctx context.Context) error {
	start, wrapped := r.from, r.from == nil
	after := start
	r.from = nil
	for {
		rows, next, err := r.Objects.OutgoingDues(ctx, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !r.offer(ctx, row) {
				past := object.PastDue(row)
				next = &past
				if r.from == nil {
					r.from = &past
				}
				break
			}
		}
		if next == nil {
			if wrapped {
				return nil
			}
			wrapped = true
		}
		after = next
	}
}

// pause is how long it is until a lane is to be tried again, Look at most.
func (r *Replicator) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, wait := time.Now(), r.Look // a stopwatch
	for name, l := range r.lanes {
		due := l.due(now)
		if due < 0 && len(l.known) == 0 && l.tries == 0 {
			delete(r.lanes, name)
		}
		if due >= 0 {
			wait = min(wait, due)
		}
	}
	if r.begin.Load() {
		wait = min(wait, r.First)
	}
	return max(wait, time.Millisecond)
}

// Counts returns what was sent since the start.
func (r *Replicator) Counts() Counts {
	return Counts{Sent: r.sent.Load(), Bytes: r.bytes.Load(), Failed: r.bad.Load()}
}

// Silent returns the remotes to which nothing could be sent for so long, by name.
func (r *Replicator) Silent(long time.Duration) (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		name, _, _ := strings.Cut(l.dest, "/")
		if l.tries > 0 && time.Since(l.since) >= long && !slices.Contains(names, name) { // a stopwatch
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// errLater says that a row is for later, and when.
type errLater struct {
	wait    time.Duration
	refused error // what the store said of this object; it may say it of all
}

func (e errLater) Error() string { return "it is for later" }

// deliver does what a row asks for; nil also if there is nothing to do any more.
func (r *Replicator) deliver(ctx context.Context, l *lane, row register.Row) error {
	id, dest, whole := object.DueDest(row)
	b, err := r.Objects.BucketByID(ctx, id)
	if errors.Is(err, object.ErrNoSuchBucket) || err == nil && !slices.Contains(b.Settings.Dests(), dest) {
		return r.drop(ctx, l, row, whole)
	}
	if err != nil {
		return err
	}
	to, rem, err := r.target(ctx, l)
	if err != nil {
		return err
	}
	if whole {
		return r.goThrough(ctx, b, dest, to)
	}
	d, err := r.Objects.Due(ctx, row)
	if err != nil || d == nil {
		return err
	}
	if wait := time.UnixMilli(d.Again).Sub(r.Clock.Now()); wait > 0 {
		return errLater{wait: wait}
	}
	s := &sender{objects: r.Objects, to: to, mine: r.mine, now: r.Clock.Now, limit: r.limited(rem), bare: l.bare.Load,
		plain: func() { l.bare.Store(true) }, b: b, d: d}
	err = s.settle(ctx)
	if errors.Is(err, object.ErrNotDue) {
		return nil
	}
	if err == nil && s.did {
		r.sent.Add(1)
	}
	if err != nil && ctx.Err() == nil {
		r.bad.Add(1)
	}
	if ofObject(err) && ctx.Err() == nil {
		wait := r.backoff(d.Tries + 1)
		r.Logger.Warn("an object cannot be replicated; it is tried again later", "bucket", id, "key", d.Key, "to", dest, "error", err)
		if err := r.Objects.RefuseDue(ctx, d, err.Error(), wait); err != nil {
			return err
		}
		return errLater{wait: wait}
	}
	if refusal := (answered{}); errors.As(err, &refusal) && ctx.Err() == nil {
		wait := r.backoff(d.Tries + 1)
		if err := r.Objects.RefuseDue(ctx, d, err.Error(), wait); err != nil {
			return err
		}
		return errLater{wait, err}
	}
	return err
}

// drop forgets a row that no rule asks for any more, and gives up what was begun for it.
func (r *Replicator) drop(ctx context.Context, l *lane, row register.Row, whole bool) error {
	if !whole {
		d, err := r.Objects.Due(ctx, row)
		if err != nil && errs.KindOf(err) != errs.Corrupt { // one that cannot be read goes too
			return err
		}
		if d != nil && d.Upload != nil {
			if to, _, err := r.target(ctx, l); err == nil {
				abort(ctx, to, d.Key, d.Upload)
			}
		}
	}
	return r.Objects.DropDues(ctx, row)
}

// ofObject reports whether an error is about one object and no other.
func ofObject(err error) bool {
	return errors.Is(err, errRefused) || errors.Is(err, errRestless) || errs.KindOf(err) == errs.Corrupt
}

// steps is how many steps of going through a bucket are taken before the lane does others' work.
const steps = 50

// goThrough takes steps of going through a bucket, until enough waits.
func (r *Replicator) goThrough(ctx context.Context, b *object.Bucket, dest string, to Target) error {
	for range steps {
		more, err := r.Objects.GoThrough(ctx, b, dest, to.List)
		if err != nil {
			return err
		}
		r.Wake()
		if !more {
			break
		}
	}
	return errLater{wait: pause}
}

// target returns a lane's, opened anew if the remote is another one by now.
func (r *Replicator) target(ctx context.Context, l *lane) (Target, *remote.Remote, error) {
	name, bucket, _ := strings.Cut(l.dest, "/")
	rem, err := r.Remotes.Remote(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.to == nil || *l.remote != *rem {
		if l.to, err = r.Open(rem, bucket); err != nil {
			return nil, nil, err
		}
		l.remote = rem
		l.bare.Store(false)
	}
	return l.to, rem, nil
}
