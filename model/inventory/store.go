package inventory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/accesslog"
	"rhizome/model/object"
)

// Service is what a policy calls who writes inventories.
const Service = "s3.amazonaws.com"

// How much is in one file, unless the Config says otherwise; the first that is reached counts.
const (
	MaxRows = 200_000
	MaxFile = 4 << 20 // bytes, compressed
)

// look is how often it is seen what is due.
const look = time.Hour

// Objects is what inventories need of the objects; *object.Store is one.
type Objects interface {
	accesslog.Objects
	AllBuckets(ctx context.Context) ([]*object.Bucket, error)
	ListVersions(ctx context.Context, b *object.Bucket, l object.ListVersions) (*object.ListedVersions, error)
	Delete(ctx context.Context, b *object.Bucket, key string, cond object.Conditions) (*object.Deleted, error)
	DeleteVersion(ctx context.Context, b *object.Bucket, key, version string, cond object.Conditions) (*object.Deleted, error)
}

// Config is what a Store works with. All fields are needed but Rank, Awake, Rest and Rows.
type Config struct {
	Registers register.Store
	Objects   Objects
	Rights    func() accesslog.Rights
	// Rank returns how many replicas of a partition key that can be reached come before this
	// node; nil: none.
	Rank func(part string) int
	// Awake waits until disks are awake anyway; it fails when ctx ends. Nil: they always are.
	Awake func(context.Context) error
	// Rest gives way to requests; nil: it does not.
	Rest   func(context.Context) error
	Clock  clock.Clock
	Logger *slog.Logger
	Rows   int // of a file; 0: MaxRows
}

// Store writes inventories. It is safe for concurrent use; Run does what is due.
type Store struct {
	Config
	mu     sync.Mutex
	failed map[register.Row]error
}

// New returns a Store.
func New(c Config) *Store {
	if c.Rows == 0 {
		c.Rows = MaxRows
	}
	return &Store{Config: c, failed: map[register.Row]error{}}
}

// Run writes the inventories that are due until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if err := s.Due(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Warn("inventories could not be looked for; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if s.Awake != nil { // an inventory can wait
			if err := s.Awake(ctx); err != nil {
				return nil
			}
		}
	}
}

// Due does the runs that are due, and goes on with those that are under way. What fails is
// tried again the next time.
func (s *Store) Due(ctx context.Context) error {
	all, err := s.Objects.AllBuckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		for i := range b.Settings.Inventory {
			c := &b.Settings.Inventory[i]
			if c.Off || s.Rank != nil && s.Rank(b.ID.Key()) != 0 {
				continue
			}
			if err := s.ifDue(ctx, b.ID, c); err != nil && ctx.Err() == nil {
				s.Logger.Warn("an inventory could not be written; it is tried again", "bucket", b.ID, "inventory", c.ID, "error", err)
			}
		}
	}
	return ctx.Err()
}

func (s *Store) ifDue(ctx context.Context, bucket ident.ID, c *object.Inventory) error {
	r, err := s.read(ctx, rowOf(bucket, c.ID))
	if err != nil || r.Began == 0 && r.Done >= slot(bucket, c, s.Clock.Now()).UnixMilli() {
		return err
	}
	for {
		p, err := s.step(ctx, bucket, c.ID, s.rest)
		switch {
		case errors.Is(err, errLate), errors.Is(err, ErrNone):
			return nil
		case err != nil || p.Began.IsZero():
			return err
		}
	}
}

func (s *Store) rest(ctx context.Context) error {
	if s.Rest == nil {
		return ctx.Err()
	}
	return s.Rest(ctx)
}

// slot returns when the newest run should have begun.
func slot(bucket ident.ID, c *object.Inventory, now time.Time) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(bucket.Key() + c.ID))
	const day = 24 * time.Hour
	at := now.UTC().Truncate(day).Add(time.Duration(h.Sum32()%24) * time.Hour)
	if at.After(now) {
		at = at.Add(-day)
	}
	if c.Weekly {
		at = at.AddDate(0, 0, -int(at.Weekday()))
	}
	return at
}

// ErrNone says that there is no such configuration.
var ErrNone = errs.New(errs.NotFound, "the bucket has no such inventory")

// Step does a step of a run, and begins one if none is under way. When it is the last one,
// Progress.Began is zero. Nobody's requests are given way to: somebody waits.
func (s *Store) Step(ctx context.Context, bucket ident.ID, id string) (Progress, error) {
	p, err := s.step(ctx, bucket, id, context.Context.Err)
	if errors.Is(err, errLate) {
		return s.Progress(ctx, bucket, id)
	}
	return p, err
}

func (s *Store) step(ctx context.Context, bucket ident.ID, id string, rest func(context.Context) error) (Progress, error) {
	row := rowOf(bucket, id)
	r, err := s.advance(ctx, row, bucket, id, rest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.failed, row)
	} else if !errors.Is(err, errLate) && ctx.Err() == nil {
		s.failed[row] = err
	}
	return r.progress(), err
}

// job is a configuration with the buckets that it is about.
type job struct {
	c         object.Inventory
	about, to *object.Bucket
	owner     string
}

// find looks a configuration up, as it is now.
func (s *Store) find(ctx context.Context, bucket ident.ID, id string) (*job, error) {
	b, err := s.Objects.BucketByID(ctx, bucket)
	if err != nil {
		return nil, err
	}
	j := &job{about: b}
	for _, c := range b.Settings.Inventory {
		if c.ID == id {
			j.c = c
		}
	}
	if j.c.ID == "" {
		return nil, ErrNone
	}
	j.to, err = s.Objects.BucketByID(ctx, j.c.To.Bucket)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return nil, errs.Newf(errs.NotFound, "the bucket %s, where the inventory is written to, does not exist any more", j.c.To.Name)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Rights().MayDeliver(ctx, Service, b, j.to, j.c.To, j.folder()+"data/"); err != nil {
		return nil, err
	}
	j.owner, err = s.Rights().OwnerID(ctx, b)
	return j, err
}

// form tells runs apart whose files are not of one inventory.
func (j *job) form() []byte {
	c := j.c
	c.Off, c.Weekly, c.Account, c.Encrypted, c.To = false, false, "", false, object.Destination{}
	h := sha256.New()
	for _, part := range []string{string(codec.Encode(&c)), j.about.Name(), j.to.ID.Key(), j.to.Name(), j.folder()} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)[:16]
}

// advance does one step.
func (s *Store) advance(ctx context.Context, row register.Row, bucket ident.ID, id string, rest func(context.Context) error) (run, error) {
	was, err := s.read(ctx, row)
	if err != nil {
		return was, err
	}
	j, err := s.find(ctx, bucket, id)
	if err != nil {
		return was, err
	}
	now := was
	if form := j.form(); now.Began == 0 || now.Form != nil && !bytes.Equal(now.Form, form) {
		// Its files are elsewhere, or hold something else, if it was changed meanwhile.
		now = run{Began: s.Clock.Now().UnixMilli(), Form: form, Done: was.Done, Count: was.Count}
	}
	if !now.Whole {
		undo, err := s.list(ctx, j, &now, rest)
		if err != nil {
			return was, err
		}
		if was, err = s.note(ctx, row, was, now); err != nil {
			if errors.Is(err, errLate) {
				undo()
			}
			return was, err
		}
		if now = was; !now.Whole {
			return now, nil
		}
	}
	if err := s.manifest(ctx, j, &now); err != nil {
		return was, err
	}
	return s.note(ctx, row, was, run{Done: now.Began, Count: now.Listed})
}
