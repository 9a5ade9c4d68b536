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
	ctx := v.ctx
	defer func() { v.ctx, v.ahead = ctx, nil }()
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	late := false
	t := time.AfterFunc(patience, func() {
		if f, err := v.s.c.Stale.Sites.Find(waiting, v.host); err == nil && f.Site.Stale {
			cancel()
		}
	})
	v.w.begun = func() { late = !t.Stop() }
	defer t.Stop()
	v.ctx = waiting
	err := v.answer()
	if err != nil && waiting.Err() != nil && ctx.Err() == nil && !late {
		err = errs.Newf(errs.Unavailable, "no majority answered in time: %w", err)
	}
	return err
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
