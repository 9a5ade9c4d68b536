package accesslog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/model/object"
)

// How much waits, and how long.
const (
	// Full is how long a log object gets, in bytes, before it is written ahead of its time; it
	// holds what came in the same second too.
	Full = 1 << 20
	// Every is how often lines are written into objects, Retry how soon what failed is tried
	// again at the earliest.
	Every = 5 * time.Minute
	Retry = time.Minute
	// MaxHeld is how many bytes of lines are in memory, MaxWaiting in files of one bucket,
	// MaxAll of all.
	MaxHeld    = 4 << 20
	MaxWaiting = 16 << 20
	MaxAll     = 64 << 20
	// MaxAge is how long a file waits.
	MaxAge = 24 * time.Hour
	// settle is how long a line is in memory alone.
	settle = time.Second
	// putTime bounds the writing of one object.
	putTime = time.Minute
)

// Objects is what a Log needs of the objects; *object.Store is one.
type Objects interface {
	// BucketByID fails with object.ErrNoSuchBucket.
	BucketByID(ctx context.Context, id ident.ID) (*object.Bucket, error)
	Put(ctx context.Context, b *object.Bucket, p object.Put) (*object.Head, error)
}

// Rights says who owns buckets, and who may be written to.
type Rights interface {
	// MayDeliver returns why a service may not write a report about one bucket into another
	// under a key, errs.Denied, or nil.
	MayDeliver(ctx context.Context, service string, about, to *object.Bucket, d object.Destination, key string) error
	// OwnerID returns the ID that S3 calls a bucket's owner by.
	OwnerID(ctx context.Context, b *object.Bucket) (string, error)
}

// Service is what a policy calls who writes logs.
const Service = "logging.s3.amazonaws.com"

// Config is what a Log is made of. All fields but Agreed are needed.
type Config struct {
	FS      vfs.FS
	Dir     string // the folder of its files, which it makes when it needs it
	Objects Objects
	Rights  func() Rights
	Region  string
	Clock   clock.Clock
	// Agreed reports whether Clock may decide that a file waited for too long; nil: it may.
	Agreed func() bool
	Logger *slog.Logger
}

// Log takes lines and writes them. It is safe for concurrent use; Run does its work.
type Log struct {
	Config
	mu    sync.Mutex
	held  map[sheet][]byte // lines that are in memory alone
	bytes int              // of held
	known map[ident.ID]*standing
	total Counts
	begun bool // there are lines since the last flush

	flushNow, deliverNow chan struct{}
	spool                spool
	turn                 chan struct{} // held by who works on spool
	taken                bool          // by who has the turn: what an earlier run left was counted
	delivering           chan struct{} // held by who makes objects
}

// sheet is what becomes one object: a bucket's requests of one day.
type sheet struct {
	bucket ident.ID
	day    string // 20060102
}

// Counts says what became of lines since the start.
type Counts struct {
	// Written are in objects, Dropped were given up. Waiting is in bytes.
	Written, Dropped, Waiting int64
	// Failing is of how many buckets the last attempt to write failed.
	Failing int
}

// State is how the log of one bucket is, on this node.
type State struct {
	Counts
	// Error is why the last attempt failed, nil if it did not; Since when attempts fail.
	Error error
	Since time.Time
}

type standing struct {
	State
	tried time.Time
}

// New returns a Log.
func New(c Config) *Log {
	return &Log{Config: c, held: map[sheet][]byte{}, known: map[ident.ID]*standing{}, spool: spool{fs: c.FS, dir: c.Dir, pens: map[sheet]*pen{}},
		flushNow: make(chan struct{}, 1), deliverNow: make(chan struct{}, 1), turn: make(chan struct{}, 1), delivering: make(chan struct{}, 1)}
}

// Note takes a line about a bucket, if that bucket's requests are written down. It returns at once.
func (l *Log) Note(b *object.Bucket, r *Record) {
	if b.Settings.Logging == nil {
		return
	}
	at := sheet{b.ID, r.Time.UTC().Format(dayForm)}
	line := r.appendLine(make([]byte, 0, 512))
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.of(b.ID)
	if l.bytes+len(line) > MaxHeld || s.Waiting+int64(len(line)) > MaxWaiting || l.total.Waiting+int64(len(line)) > MaxAll {
		l.drop(s, 1)
		return
	}
	l.held[at] = append(l.held[at], line...)
	l.bytes += len(line)
	l.wait(s, int64(len(line)))
	if !l.begun || l.bytes > MaxHeld/2 {
		l.begun = true
		poke(l.flushNow)
	}
}

// dayForm is how a day is written in the names of files.
const dayForm = "20060102"

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it was said already
	}
}

// of returns what is known of a bucket, under mu.
func (l *Log) of(bucket ident.ID) *standing {
	s := l.known[bucket]
	if s == nil {
		s = &standing{}
		l.known[bucket] = s
	}
	return s
}

// drop counts lines that are given up, and wait bytes that wait; both under mu.
func (l *Log) drop(s *standing, lines int64) {
	s.Dropped += lines
	l.total.Dropped += lines
}

func (l *Log) wait(s *standing, n int64) {
	s.Waiting += n
	l.total.Waiting += n
}

// State returns how the log of a bucket is.
func (l *Log) State(bucket ident.ID) State {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.known[bucket]; s != nil {
		return s.State
	}
	return State{}
}

// Counts returns what became of all lines.
func (l *Log) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.total
	for _, s := range l.known {
		if s.Error != nil {
			c.Failing++
		}
	}
	return c
}
