package web

import (
	"context"
	"sync"
	"time"

	"rhizome/base/errs"
)

const (
	// patience is how long the truth is waited for where this home may answer by itself, cutFor
	// how long it is not asked again after that.
	patience = 3 * time.Second
	cutFor   = 5 * time.Second
	maxCut   = 1024
)

// cut remembers which hosts were out of reach lately. It decides nothing but how long a
// visitor waits. It is safe for concurrent use.
type cut struct {
	mu    sync.Mutex
	hosts map[string]time.Time
}

func (c *cut) note(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts == nil || len(c.hosts) >= maxCut {
		c.hosts = map[string]time.Time{}
	}
	c.hosts[host] = time.Now() // a stopwatch
}

func (c *cut) since(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.hosts[host]
	return ok && time.Since(at) < cutFor // a stopwatch
}

// answerSoon is answer, which is given up for what this home has if nothing was answered
// within patience, and the site wants that.
func (v *visit) answerSoon() error {
	ctx, s := v.ctx, &soon{Context: v.ctx, v: v}
	defer func() { v.ctx, v.ahead = ctx, nil }()
	defer s.end()
	v.ctx, v.w.soon = s, s
	err := v.answer()
	if err != nil && s.gaveUp() {
		err = errs.Newf(errs.Unavailable, "no majority answered in time: %w", err)
	}
	return err
}

// soon is the context of a visit that is given up after patience. Most visits wait for nobody:
// it begins to look at the time when somebody asks for what tells of its end.
type soon struct {
	context.Context // the visitor's
	v               *visit

	mu     sync.Mutex
	begun  bool            // the answer has begun
	late   bool            // it began when patience was over
	waits  context.Context // nil: nobody waits
	cancel context.CancelFunc
	timer  *time.Timer
}

// Done, Err and Value make it a context.
func (s *soon) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waits == nil && !s.begun {
		s.waits, s.cancel = context.WithCancel(s.Context)
		s.timer = time.AfterFunc(patience-time.Since(s.v.began), s.give) // a stopwatch
	}
	return s.current().Done()
}

func (s *soon) Err() error { return s.context().Err() }

func (s *soon) Value(key any) any { return s.context().Value(key) }

func (s *soon) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current()
}

// current returns the context that says whether to go on. mu is held.
func (s *soon) current() context.Context {
	if s.waits == nil {
		return s.Context
	}
	return s.waits
}

// give gives the visit up, if the site wants that.
func (s *soon) give() {
	if f, err := s.v.s.c.Stale.Sites.Find(s.waits, s.v.host); err == nil && f.Site.Stale {
		s.cancel()
	}
}

// begins is told that the answer begins: from then on it is not given up.
func (s *soon) begins() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
	s.late = s.timer != nil && !s.timer.Stop()
}

// gaveUp reports whether patience was over before an answer began, and the visitor still waits.
func (s *soon) gaveUp() bool { return s.Err() != nil && s.Context.Err() == nil && !s.late }

func (s *soon) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true // nobody begins to wait any more
	if s.timer != nil {
		s.timer.Stop()
		s.cancel()
	}
}

// answerStale answers from what this home has, if the site wants that.
func (v *visit) answerStale() (done bool, err error) {
	f, err := v.s.c.Stale.Sites.Find(v.ctx, v.host)
	if err != nil || !f.Site.Stale {
		return false, nil
	}
	v.from, v.stale, v.ahead = v.s.c.Stale, true, nil
	v.site, v.at = f, f.Bucket
	return true, v.found()
}
