package accesslog

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
)

// Run writes lines until ctx ends; what is in memory then is in files.
func (l *Log) Run(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { l.flushes(ctx) })
	both.Go(func() { l.deliveries(ctx) })
	both.Wait()
	l.flush()
	return nil
}

// takeUp counts what an earlier run of the program left, before this one writes anything. It is
// called by who has the turn.
func (l *Log) takeUp() error {
	if l.taken {
		return nil
	}
	found, err := l.spool.find(l.Clock.Now())
	if err != nil {
		return err
	}
	l.taken = true
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range found {
		l.wait(l.of(f.bucket), f.size)
	}
	for at, p := range l.spool.pens {
		l.wait(l.of(at.bucket), p.size)
	}
	return nil
}

// flushes brings lines into files, soon after they came.
func (l *Log) flushes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.flushNow:
		}
		t := time.NewTimer(settle)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-l.flushNow: // there are many
			t.Stop()
		case <-t.C:
		}
		l.flush()
	}
}

// flush brings lines into files. Those that no file takes stay in memory, as far as there is
// room.
func (l *Log) flush() {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	lines := l.held
	l.held, l.bytes, l.begun = map[sheet][]byte{}, 0, false
	l.mu.Unlock()
	now, written := l.Clock.Now(), false
	left := l.takeUp()
	for at, b := range lines {
		err := left
		if err == nil {
			err = l.spool.write(at, b, now)
		}
		if err != nil {
			l.Logger.Warn("log lines could not be written to the data folder; they are kept in memory", "error", err)
			l.keep(at, b)
			continue
		}
		written = true
	}
	if written {
		poke(l.deliverNow) // it works out when they are due
	}
}

// keep puts lines back.
func (l *Log) keep(at sheet, lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes+len(lines) > MaxHeld {
		s := l.of(at.bucket)
		l.drop(s, int64(bytes.Count(lines, []byte("\n"))))
		l.wait(s, -int64(len(lines)))
		return
	}
	l.held[at] = append(lines, l.held[at]...)
	l.bytes += len(lines)
}

// deliveries makes objects of files that are due. While nothing waits it does nothing.
func (l *Log) deliveries(ctx context.Context) {
	wait := time.Duration(0)
	for {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-l.deliverNow:
			t.Stop()
		case <-t.C:
		}
		if l.kept() {
			l.flush()
		}
		if wait = l.deliver(ctx, nil); wait == 0 {
			t.Stop()
			select { // nothing waits
			case <-ctx.Done():
				return
			case <-l.deliverNow:
			}
			wait = settle
		}
	}
}

// kept reports whether there are lines that no file took.
func (l *Log) kept() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes > 0 && !l.begun
}

// Deliver writes what waits of a bucket at once, and returns why that failed.
func (l *Log) Deliver(ctx context.Context, bucket ident.ID) error {
	l.flush()
	l.deliver(ctx, &bucket)
	if err := ctx.Err(); err != nil {
		return errs.Newf(errs.Unavailable, "the log was not written in time: %w", err)
	}
	return l.State(bucket).Error
}

// deliver writes what is due, or all of one bucket, and returns when something will be; 0 if
// nothing waits.
func (l *Log) deliver(ctx context.Context, only *ident.ID) time.Duration {
	select {
	case l.delivering <- struct{}{}:
		defer func() { <-l.delivering }()
	case <-ctx.Done():
		return 0
	}
	for _, f := range l.due(only) {
		if ctx.Err() != nil {
			break
		}
		err := l.one(ctx, f)
		if err != nil && ctx.Err() != nil {
			break
		}
		l.came(f, err)
	}
	return l.next()
}

// due seals what is due and returns all sealed files whose turn it is.
func (l *Log) due(only *ident.ID) []sealed {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	now := l.Clock.Now()
	if err := l.takeUp(); err != nil {
		l.Logger.Warn("the files of log lines could not be listed; it is tried again", "error", err)
		return nil
	}
	for at, p := range l.spool.pens {
		if only != nil && at.bucket == *only || only == nil && (p.size >= Full || !now.Before(p.since.Add(Every))) {
			if err := l.spool.seal(at, now); err != nil {
				l.Logger.Warn("a file of log lines could not be ended; it is tried again", "error", err)
			}
		}
	}
	found, err := l.spool.find(now)
	if err != nil {
		l.Logger.Warn("the files of log lines could not be listed; it is tried again", "error", err)
	}
	var out []sealed
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range found {
		s := l.of(f.bucket)
		if only != nil && f.bucket == *only || only == nil && (s.Error == nil || !now.Before(s.tried.Add(Retry))) {
			out = append(out, f)
		}
	}
	return out
}

// next is how long it is until something is due.
func (l *Log) next() time.Duration {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	now := l.Clock.Now()
	wait := time.Duration(0)
	sooner := func(d time.Duration) {
		if d = max(d, settle); wait == 0 || d < wait {
			wait = d
		}
	}
	for _, p := range l.spool.pens {
		sooner(p.since.Add(Every).Sub(now))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes > 0 && !l.begun {
		sooner(Retry)
	}
	for _, s := range l.known {
		if s.Waiting > 0 && s.Error != nil {
			sooner(s.tried.Add(Retry).Sub(now))
		}
	}
	return wait
}

// errOff says that nobody wants the lines any more.
var errOff = errs.New(errs.NotFound, "the bucket's requests are not written down any more")

// one makes an object of a file.
func (l *Log) one(ctx context.Context, f sealed) error {
	ctx, cancel := context.WithTimeout(ctx, putTime)
	defer cancel()
	about, err := l.Objects.BucketByID(ctx, f.bucket)
	if errors.Is(err, object.ErrNoSuchBucket) || err == nil && about.Settings.Logging == nil {
		return errOff
	}
	if err != nil {
		return err
	}
	c := about.Settings.Logging
	to, err := l.Objects.BucketByID(ctx, c.To.Bucket)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return errs.Newf(errs.NotFound, "the bucket %s, where the log is written to, does not exist any more", c.To.Name)
	}
	if err != nil {
		return err
	}
	owner, err := l.Rights().OwnerID(ctx, about)
	if err != nil {
		return err
	}
	day, _ := time.Parse(dayForm, f.day)
	key := Name(c, Source{owner, l.Region, about.Name()}, f.at, day, f.unique)
	if err := l.Rights().MayDeliver(ctx, Service, about, to, c.To, key); err != nil {
		return err
	}
	text, _, err := l.spool.read(f, owner+" ")
	if err != nil || len(text) == 0 {
		return err
	}
	return put(ctx, l.Objects, to, key, text)
}

func put(ctx context.Context, o Objects, to *object.Bucket, key string, text []byte) error {
	sum := md5.Sum(text) // the ETag that S3 gives
	_, err := o.Put(ctx, to, object.Put{Key: key, Attrs: object.Attrs{ContentType: "text/plain"}, Body: object.Body{
		Reader: bytes.NewReader(text), Size: int64(len(text)),
		Finish: func() (object.Digest, error) { return object.Digest{ETag: hex.EncodeToString(sum[:])}, nil },
	}})
	return err
}

// came notes what came of a file.
func (l *Log) came(f sealed, err error) {
	now := l.Clock.Now()
	old := err != nil && now.After(f.at.Add(MaxAge)) && (l.Agreed == nil || l.Agreed())
	_, lines, bad := l.spool.read(f, "")
	if err == nil || old || errors.Is(err, errOff) {
		if rerr := l.spool.remove(f); rerr != nil {
			l.Logger.Warn("a file of log lines could not be removed; its object is written again", "error", rerr)
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.of(f.bucket)
	s.tried = now
	switch {
	case err == nil:
		s.Written += lines
		l.total.Written += lines
		s.Error, s.Since = nil, time.Time{}
	case errors.Is(err, errOff):
		l.drop(s, lines)
		s.Error, s.Since = nil, time.Time{}
	default:
		if s.Error == nil {
			s.Since = now
			l.Logger.Warn("the log of a bucket's requests cannot be written; it is tried again", "bucket", f.bucket, "error", err)
		}
		if s.Error = err; !old {
			return
		}
		l.drop(s, lines)
	}
	if bad == nil || err == nil {
		l.wait(s, -f.size)
	}
}
