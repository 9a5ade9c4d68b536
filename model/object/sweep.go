package object

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
)

// hours is how many parts a day has, in each of which another part of every bucket is
// looked at.
const hours = 24

// Sweeping says how far the lifecycle worker of this node is.
type Sweeping struct {
	Swept
	// Since is when it began to count; Last when it was last done with what was due, and Left
	// how many parts of buckets are left of what is due now.
	Since, Last time.Time
	Left        int
	// Failed is why the last part that failed did; it is tried again the next day.
	Failed error
}

type sweeping struct {
	mu sync.Mutex
	is Sweeping
}

func (w *sweeping) update(f func(*Sweeping)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.is)
}

// Sweeping returns what the lifecycle worker did since it was started.
func (s *Store) Sweeping() Sweeping {
	s.sweeping.mu.Lock()
	defer s.sweeping.mu.Unlock()
	return s.sweeping.is
}

// catchingUp is how long the worker waits between two hours of a day that it missed.
const catchingUp = 2 * time.Minute

// Sweep carries out lifecycle rules until ctx ends: in each part of a bucket once a day, in an hour of
// its own, or later if the node is idle then. What the hours before the start missed is made up for
// one hour after the other, two minutes apart. A part is looked at by the first of its
// replicas that can be reached. That two do it at once is harmless: each deletion is of the
// version that was judged, where it stood then.
func (s *Store) Sweep(ctx context.Context) error {
	s.sweeping.update(func(w *Sweeping) { w.Since = s.Clock.Now() })
	last := s.Clock.Now().Add(-day)
	for {
		if s.Awake != nil { // rules can wait, and a disk that sleeps is not woken for them
			if err := s.Awake(ctx); err != nil {
				return nil
			}
		}
		now := s.Clock.Now()
		if s.sure() { // what time it is decides what goes
			after, upto := lot(last, now)
			s.report("lifecycle rules", s.sweepDue(ctx, after, upto, now))
			last = upto
		}
		wait := time.Hour
		if _, upto := lot(last, now); upto.Before(now) {
			wait = catchingUp
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// lot returns after and until when hours are looked at at once: one of them. Of many days
// that were missed, whole days are left out, so that a worker which is never done with a
// day's hours within a day still comes to each of them in turn.
func lot(last, now time.Time) (after, upto time.Time) {
	if missed := now.Sub(last) / day; missed > 1 {
		last = last.Add((missed - 1) * day)
	}
	if next := last.Add(time.Hour); next.Before(now) {
		return last, next
	}
	return last, now
}

// sweepDue looks at the parts whose hour began after last and until upto, as of now.
func (s *Store) sweepDue(ctx context.Context, last, upto, now time.Time) error {
	all, err := s.AllBuckets(ctx)
	if err != nil {
		return err
	}
	type todo struct {
		b    *Bucket
		part string
	}
	var list []todo
	for _, b := range all {
		for _, part := range b.parts() {
			if len(b.Settings.Lifecycle) > 0 && inHour(part, last, upto) && (s.Rank == nil || s.Rank(part) == 0) {
				list = append(list, todo{b, part})
			}
		}
	}
	for i, t := range list {
		s.sweeping.update(func(w *Sweeping) { w.Left = len(list) - i })
		done, err := s.sweepPart(ctx, t.b, t.part, now)
		s.sweeping.update(func(w *Sweeping) {
			if w.add(done); err != nil {
				w.Failed = err
			}
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.report("lifecycle rules", err)
	}
	s.sweeping.update(func(w *Sweeping) { w.Left, w.Last = 0, s.Clock.Now() })
	return nil
}

// inHour reports whether the hour of a part began after last and until now.
func inHour(part string, last, now time.Time) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(part))
	at := now.UTC().Truncate(day).Add(time.Duration(h.Sum32()%hours) * time.Hour)
	if at.After(now) {
		at = at.Add(-day)
	}
	return at.After(last)
}

// sweepPart carries a bucket's rules out in one of its parts.
func (s *Store) sweepPart(ctx context.Context, b *Bucket, part string, now time.Time) (done Swept, err error) {
	w := &walk{}
	judged := func(v *VersionHead) error {
		before, at := w.next(v)
		if before == nil || !b.Settings.expired(at, now) {
			return nil
		}
		if err := s.rest(ctx, now); err != nil {
			return err
		}
		now := s.Clock.Now()
		if !s.sure() {
			return errUnsure
		}
		b, err := s.bucketByID(ctx, b.ID) // the rules may have been changed or taken away
		if err != nil || !b.Settings.expired(at, now) {
			return err
		}
		return s.sweepVersion(ctx, b, before, at, &done)
	}
	l := ListVersions{Limit: MaxListEntries, parts: []string{part}}
	for {
		p, err := s.ListVersions(ctx, b, l)
		if err != nil {
			return done, err
		}
		for i := range p.Versions {
			if err := judged(&p.Versions[i]); err != nil {
				return done, err
			}
		}
		if !p.More {
			break
		}
		l.AfterKey, l.AfterVersion = p.NextKey, p.NextVersion
		if err := s.rest(ctx, now); err != nil {
			return done, err
		}
	}
	if err := judged(nil); err != nil {
		return done, err
	}
	return done, s.sweepUploads(ctx, b, part, now, &done)
}

// rest gives way to requests, less so once what was due at a time is not done within the
// hour that it has.
func (s *Store) rest(ctx context.Context, due time.Time) error {
	if s.Rest == nil {
		return ctx.Err()
	}
	return s.Rest(ctx, s.Clock.Now().Sub(due) > time.Hour)
}

// sweepVersion deletes a version that rules want gone, if it still is where it was judged.
func (s *Store) sweepVersion(ctx context.Context, b *Bucket, v *VersionHead, at standing, done *Swept) (err error) {
	if at.replaced.IsZero() && !v.Marker {
		var gone *Deleted
		gone, err = s.Delete(ctx, b, v.Key, Conditions{still: still{swept: true, current: v.Version}})
		if err == nil {
			done.Expired++
			did := DidExpire
			if gone.Marker {
				did = DidMark
			}
			s.toldSwept(b, did, v)
		}
	} else {
		_, err = s.DeleteVersion(ctx, b, v.Key, v.VersionID, Conditions{still: still{swept: true, version: v.Version, noncurrent: !at.replaced.IsZero()}})
		if err == nil {
			done.Removed++
			s.toldSwept(b, DidExpire, v)
		}
	}
	switch {
	case errors.Is(err, ErrLocked):
		done.Locked++
		return nil
	case errors.Is(err, ErrPrecondition), errs.KindOf(err) == errs.NotFound:
		return nil
	}
	return err
}

func (s *Store) sweepUploads(ctx context.Context, b *Bucket, part string, now time.Time, done *Swept) error {
	if !slices.ContainsFunc(b.Settings.Lifecycle, func(r LifecycleRule) bool { return r.AbortDays > 0 }) {
		return nil
	}
	l := ListUploads{Limit: MaxListEntries, parts: []string{part}}
	for {
		p, err := s.ListUploads(ctx, b, l)
		if err != nil {
			return err
		}
		for i := range p.Uploads {
			if u := &p.Uploads[i]; aborts(b.Settings.Lifecycle, u, now) {
				if err := s.rest(ctx, now); err != nil {
					return err
				}
				if err := s.Abort(ctx, b, u.Key, u.ID); err == nil {
					done.Aborted++
					s.toldSwept(b, DidAbort, &VersionHead{Head: Head{Key: u.Key}})
				} else if !errors.Is(err, ErrNoSuchUpload) {
					return err
				}
			}
		}
		if !p.More {
			return nil
		}
		l.AfterKey, l.AfterID = p.NextKey, p.NextID
	}
}
