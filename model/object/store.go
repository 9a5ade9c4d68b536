package object

import (
	"context"
	"log/slog"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/memo"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/model/account"
)

// Keyring is the second place where bucket keys are kept, sealed under the root key.
// Keep is durable when it returns.
type Keyring interface {
	Keep(bucket ident.ID, sealed []byte) error
}

// sweep is how often uploads are looked for at least: daily, or as soon as one can be too old.
// What was found is aborted when its time comes.
func (a Ages) sweep() time.Duration {
	if a.Upload > 0 {
		return min(24*time.Hour, a.Upload)
	}
	return 24 * time.Hour
}

// Config says what a Store works with. All fields but Rank, Logger and Ages are required.
type Config struct {
	Registers register.Store
	Local     register.Local
	Extents   *extent.Store
	Accounts  *account.Store
	Root      ident.Secret
	Keyring   Keyring
	Clock     clock.Clock
	// Rank returns how many replicas of a partition key that can be reached come before
	// this node: they look at its work list first. Nil: none.
	Rank func(part string) int
	// Agreed reports whether Clock agrees with most of the other nodes' clocks: unless it
	// does, no retention has ended, and nothing is deleted for its age. Nil: it does.
	Agreed func() bool
	// Knows fails with ErrOlder unless every member knows a generation of records, and says who does not;
	// nil: they do.
	Knows func(generation int) error
	// Gone, if set, removes what others keep of a bucket that was deleted. It is called
	// until it succeeds, and may be called again after that.
	Gone func(ctx context.Context, id ident.ID, s Settings) error
	// Awake waits until disks are awake anyway; it fails when ctx ends. Nil: they always are.
	Awake func(context.Context) error
	// Swept, if set, is told what lifecycle rules did, at once, for the log of requests.
	Swept func(b *Bucket, did Did, v *VersionHead)
	// Rest waits as long as work that nobody waits for is to give way, less for work that is
	// late; nil: it does not.
	Rest   func(ctx context.Context, late bool) error
	Logger *slog.Logger
	Ages   Ages
}

// Ages say when clean-up starts to look; they never decide what it does.
type Ages struct {
	// Orphan is how long a reference, or a half-done operation, is left alone before
	// a collector looks at it; 2 minutes if zero.
	Orphan time.Duration
	// Upload is after how long an upload that was never completed is aborted; 7 days
	// if zero, never if negative.
	Upload time.Duration
}

// Store implements Service. It is safe for concurrent use. Run does its clean-up.
type Store struct {
	Config
	bucketSeal ident.Secret
	memory     *memory
	pins       pins
	busy       busy
	work       chan register.Row
	decoded    *memo.Memo[ident.ID, *Bucket]
	aliases    *memo.Memo[string, ident.ID]
	uploads    *memo.Memo[ident.ID, *uploadRecord]
	keeping    rowLocks
	mostOutbox int64         // maxOutbox, but in tests
	mostDues   int64         // maxDues, but in tests
	silence    time.Duration // as mostOutbox
	rules      rules
	sweeping   sweeping
}

var _ Service = (*Store)(nil)

// New returns a Store. Until Run runs, nothing is cleaned up.
func New(c Config) *Store {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Ages.Orphan == 0 {
		c.Ages.Orphan = 2 * time.Minute
	}
	if c.Ages.Upload == 0 {
		c.Ages.Upload = 7 * 24 * time.Hour
	}
	return &Store{Config: c, memory: newMemory(), bucketSeal: c.Root.Derive("bucket keys v1", nil),
		decoded: memo.New[ident.ID, *Bucket](4096), aliases: memo.New[string, ident.ID](4096),
		uploads: memo.New[ident.ID, *uploadRecord](512), work: make(chan register.Row, 4096), mostOutbox: maxOutbox, mostDues: maxDues, silence: silence}
}

// now returns the time in Unix milliseconds.
func (s *Store) now() int64 { return s.Clock.Now().UnixMilli() }

// shardCount is the number of shards of a new bucket; it is fixed when the bucket is
// made.
const shardCount = 16

func (b *Bucket) part(key string) string {
	return b.ID.Key() + string([]byte{register.Shard(key, b.shards)})
}

func (b *Bucket) parts() []string { return register.Shards(b.ID.Key(), b.shards) }

// partsOf is parts, or some of them.
func (b *Bucket) partsOf(some []string) []string {
	if some != nil {
		return some
	}
	return b.parts()
}

func (b *Bucket) objectRow(key string) register.Row {
	return register.Row{Table: Objects, Part: b.part(key), Sort: key}
}

// checkObjectKey is checkKey for a key of which versions may be kept.
func (b *Bucket) checkObjectKey(key string) error {
	if b.Versioning != VersioningOff {
		return checkUploadKey(key)
	}
	return nil
}

// writable retries op, which writes under b's epoch, with the bucket as it is now
// when the bucket was fenced since it was looked up.
func (s *Store) writable(ctx context.Context, b *Bucket, op func(*Bucket) error) error {
	for range 4 {
		err := op(b)
		if !isFenced(err) {
			return err
		}
		fresh, err := s.bucketByID(ctx, b.ID)
		if err != nil {
			return err
		}
		if fresh.epoch == b.epoch {
			break
		}
		b = fresh
	}
	return errs.Newf(errs.Unavailable, "the bucket is being deleted: %w", ErrBusy)
}

// Mend keeps the bytes of this node as they should be until ctx ends; see extent.Store.
func (s *Store) Mend(ctx context.Context) error { return s.Extents.Mend(ctx, uses) }
