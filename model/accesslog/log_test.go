package accesslog

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/model/object"
)

// town has two buckets and remembers what is put.
type town struct {
	mu          sync.Mutex
	garden      *object.Bucket
	logs        *object.Bucket
	gone        bool
	denied, bad error
	objects     map[string]string
	puts        int
	doubt       atomic.Bool // about the time
}

func newTown() *town {
	logs := &object.Bucket{ID: ident.New(), Names: []string{"logs"}}
	garden := &object.Bucket{ID: ident.New(), Names: []string{"garden"}}
	garden.Settings.Logging = &object.Logging{To: object.Destination{Bucket: logs.ID, Name: "logs", Prefix: "p/"}}
	return &town{garden: garden, logs: logs, objects: map[string]string{}}
}

func (o *town) BucketByID(_ context.Context, id ident.ID) (*object.Bucket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case id == o.garden.ID:
		return o.garden, nil
	case id == o.logs.ID && !o.gone:
		return o.logs, nil
	}
	return nil, object.ErrNoSuchBucket
}

func (o *town) Put(_ context.Context, _ *object.Bucket, p object.Put) (*object.Head, error) {
	text, err := io.ReadAll(p.Body.Reader)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.puts++; o.bad != nil || err != nil {
		return nil, o.bad
	}
	o.objects[p.Key] = string(text)
	return &object.Head{}, nil
}

func (o *town) MayDeliver(_ context.Context, service string, _, _ *object.Bucket, _ object.Destination, _ string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if service != Service {
		return errs.New(errs.Denied, "another service")
	}
	return o.denied
}

func (o *town) OwnerID(context.Context, *object.Bucket) (string, error) { return "rose", nil }

func (o *town) set(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

// lines returns how many lines are in objects, each of which must be the town's.
func (o *town) lines(t *testing.T) (n int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, text := range o.objects {
		for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if n++; !strings.HasPrefix(l, "rose garden [") || !strings.HasPrefix(key, "p/20") {
				t.Errorf("%s has the line %q", key, l)
			}
		}
	}
	return n
}

func (o *town) log(fs vfs.FS) *Log {
	return New(Config{FS: fs, Dir: "logs", Objects: o, Rights: func() Rights { return o }, Region: "r", Clock: clock.System{}, Agreed: func() bool { return !o.doubt.Load() }, Logger: slog.New(slog.DiscardHandler)})
}

// play runs a log under fake time until f ends.
func play(t *testing.T, fs vfs.FS, o *town, f func(l *Log)) {
	t.Helper()
	l := o.log(fs)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	f(l)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func (o *town) ask(l *Log, n int) {
	for range n {
		r := record()
		r.Time = time.Now()
		l.Note(o.garden, r)
	}
}

// pass lets fake time go by.
func pass(d time.Duration) { <-time.After(d) }

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, o := vfs.NewCrashable(), newTown()
		play(t, fs, o, func(l *Log) {
			l.Note(o.logs, record()) // which nobody wants
			o.ask(l, 3)
			pass(Every - time.Minute)
			if n := o.lines(t); n != 0 {
				t.Errorf("%d lines ahead of time", n)
			}
			pass(2 * time.Minute)
			if n := o.lines(t); n != 3 || l.State(o.garden.ID).Written != 3 || l.Counts().Waiting != 0 {
				t.Errorf("%d lines, %+v", n, l.State(o.garden.ID))
			}
			o.ask(l, 4000) // more than fits into an object
			pass(10 * time.Second)
			if n := o.lines(t); n != 4003 {
				t.Errorf("%d lines", n)
			}
			o.ask(l, 5)
			if err := l.Deliver(t.Context(), o.garden.ID); err != nil || o.lines(t) != 4008 {
				t.Errorf("at once: %v, %d lines", err, o.lines(t))
			}
			o.ask(l, 7) // and the end
		})
		play(t, fs, o, func(l *Log) {
			pass(Every + time.Minute)
			if n := o.lines(t); n != 4015 || l.Counts().Waiting != 0 {
				t.Errorf("%d lines after a restart, %+v", n, l.Counts())
			}
			puts := o.puts
			pass(48 * time.Hour)
			if o.puts != puts {
				t.Error("it writes though nothing happens")
			}
		})
		if left, err := fs.List("logs"); err != nil || len(left) > 0 {
			t.Errorf("left are %q, %v", left, err)
		}
	})
}

// TestLogWaits: what cannot be written waits, is told of, and is dropped after a day.
func TestLogWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, o := vfs.NewCrashable(), newTown()
		for name, set := range map[string]func(bool){
			"denied": func(on bool) { o.denied = map[bool]error{true: errs.New(errs.Denied, "no")}[on] },
			"gone":   func(on bool) { o.gone = on },
			"full":   func(on bool) { o.bad = map[bool]error{true: object.ErrQuota}[on] },
		} {
			play(t, fs, o, func(l *Log) {
				had := o.lines(t)
				o.set(func() { set(true) })
				o.ask(l, 2)
				if err := l.Deliver(t.Context(), o.garden.ID); err == nil {
					t.Errorf("%s: nothing is said", name)
				}
				if s := l.State(o.garden.ID); s.Error == nil || s.Since.IsZero() || s.Waiting == 0 || l.Counts().Failing != 1 {
					t.Errorf("%s: %+v", name, s)
				}
				pass(time.Hour)
				o.set(func() { set(false) })
				pass(2 * time.Minute)
				if s := l.State(o.garden.ID); s.Error != nil || s.Waiting != 0 || o.lines(t) != had+2 {
					t.Errorf("%s: %+v, %d lines", name, s, o.lines(t)-had)
				}
				o.set(func() { set(true) })
				o.ask(l, 2)
				o.doubt.Store(true)
				pass(2 * MaxAge)
				if s := l.State(o.garden.ID); s.Dropped != 0 || s.Waiting == 0 {
					t.Errorf("%s: while the time is in doubt %+v", name, s)
				}
				o.doubt.Store(false)
				pass(time.Hour)
				o.set(func() { set(false) })
				if s := l.State(o.garden.ID); s.Dropped != 2 || s.Waiting != 0 {
					t.Errorf("%s: after a day %+v", name, s)
				}
			})
		}
		play(t, fs, o, func(l *Log) {
			o.set(func() { o.denied = errs.New(errs.Denied, "no") })
			for range 100 {
				o.ask(l, 1000)
				pass(2 * time.Second)
			}
			s := l.State(o.garden.ID)
			if s.Waiting > MaxWaiting || s.Waiting < MaxWaiting-1000 || s.Dropped == 0 {
				t.Errorf("too many: %+v", s)
			}
			off := *o.garden
			off.Settings.Logging = nil
			o.set(func() { o.garden, o.denied = &off, nil })
			pass(10 * time.Minute)
			if s := l.State(o.garden.ID); s.Waiting != 0 || s.Dropped != 100_000 {
				t.Errorf("nobody wants them: %+v", s)
			}
		})
	})
}

// TestLogCrash: what was in a file when the process died is written, once, also if it died
// before the file was removed.
func TestLogCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, o := vfs.NewCrashable(), newTown()
		l := o.log(fs)
		o.ask(l, 3)
		l.flush()
		o.set(func() { o.bad = object.ErrQuota })
		_ = l.Deliver(t.Context(), o.garden.ID) // sealed
		o.ask(l, 2)
		l.flush()
		for at, p := range l.spool.pens { // and half a line
			if err := l.spool.write(at, []byte("garden [22/N"), time.Now()); err != nil || p.size == 0 {
				t.Fatal(err)
			}
		}
		o.set(func() { o.bad = nil })
		f := l.due(&o.garden.ID)
		if len(f) != 2 {
			t.Fatalf("%d files", len(f))
		}
		for _, f := range f { // written, and not removed
			if err := l.one(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		play(t, fs, o, func(l *Log) {
			pass(Every + time.Minute)
			if n := o.lines(t); n != 5 || len(o.objects) != 2 {
				t.Errorf("%d lines in %d objects", n, len(o.objects))
			}
		})
	})
}
