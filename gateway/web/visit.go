package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/model/object"
	"rhizome/model/site"
)

// visit is one request. One goroutine owns it.
type visit struct {
	s    *Server
	w    *counted
	r    *http.Request
	ctx  context.Context
	from Source
	host string
	key  string
	who  guest
	ok   bool // the path may lead somewhere

	began time.Time // of the stopwatch

	at    *object.Bucket
	site  *site.Found
	ahead *object.Ahead
	stale bool
}

// counted is a ResponseWriter that knows what it sent.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
	soon   *soon // if set, told when the answer begins
	armed  time.Time
	first  time.Time // when the answer began
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 {
		c.status, c.first = status, time.Now() // a stopwatch
		if c.soon != nil {
			c.soon.begins()
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	c.arm(len(b))
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := &visit{s: s, w: &counted{ResponseWriter: w}, r: r, ctx: r.Context(), from: s.c.Live, host: site.Host(r.Host), who: guestOf(r),
		began: time.Now()} // a stopwatch
	v.key, v.ok = keyOf(r.URL.Path)
	defer v.note()
	if !s.guests.enter(v.who) {
		v.busy()
		return
	}
	defer s.guests.leave(v.who)
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		v.busy()
		return
	}
	v.w.arm(maxKept)
	err := v.serve()
	if err != nil && v.w.status == 0 {
		v.refuse(err)
	}
	if v.at != nil {
		n := site.Visit{Hits: 1, Bytes: v.w.bytes}
		if v.w.status == http.StatusNotFound {
			n.Missing = 1
		}
		v.from.Sites.Visited(v.at.ID, n)
	}
	if err == nil {
		return
	}
	if k := errs.KindOf(err); k == errs.Corrupt || k == errs.Internal && !errors.Is(err, context.Canceled) {
		s.c.Logger.Warn("a visitor got an error", "host", v.host, "path", r.URL.Path, "error", err)
	}
	if errors.Is(err, errCut) {
		panic(http.ErrAbortHandler) // it cuts the connection: nobody takes a part for the whole
	}
}

// errCut says that an answer had begun when what was to be read failed.
var errCut = errs.New(errs.Unavailable, "the answer was cut off")

// arm gives the next n bytes their time: a visitor who does not take them is cut off.
func (c *counted) arm(n int) {
	now := time.Now() // a stopwatch
	if now.Sub(c.armed) < time.Second {
		return
	}
	c.armed = now
	until := now.Add(idleWrite + time.Duration(n/slowestWrite)*time.Second)
	_ = http.NewResponseController(c.ResponseWriter).SetWriteDeadline(until) // not every one has a connection
}

// serve answers from where the truth is, and for a site that wants that from what this home
// has, when the truth is out of reach.
func (v *visit) serve() error {
	if v.host == "" {
		return site.ErrNoSite
	}
	if v.s.c.Stale.Sites == nil {
		return v.answer()
	}
	if v.s.cut.since(v.host) {
		if done, err := v.answerStale(); done {
			return err
		}
	}
	err := v.answerSoon()
	if err == nil || errs.KindOf(err) != errs.Unavailable || v.w.status != 0 || v.r.Context().Err() != nil {
		return err
	}
	if done, err := v.answerStale(); done {
		v.s.cut.note(v.host)
		return err
	}
	return err
}

// answer finds the site and answers. What it will need by what was known last is read
// meanwhile.
func (v *visit) answer() error {
	if f, ok := v.from.Objects.(object.Foreseer); ok {
		v.ctx, v.ahead = f.Ahead(v.ctx)
		defer v.ahead.Close()
		if b := v.from.Sites.Foresee(v.ahead, v.host); b != nil {
			v.foresee(b)
		}
	}
	f, err := v.find()
	if err != nil {
		return err
	}
	v.site, v.at = f, f.Bucket
	return v.found()
}

// found answers a visitor of a site that was found.
func (v *visit) found() error {
	t := v.site.Site
	asked := site.Asked{Host: v.r.Host, Key: strings.TrimPrefix(v.r.URL.Path, "/"), Query: v.r.URL.RawQuery}
	switch {
	case v.site.To != "":
		return v.redirect(site.RedirectAll(&object.SiteTarget{Host: v.site.To + port(v.r.Host)}, asked))
	case t.RedirectAll != nil:
		return v.redirect(site.RedirectAll(t.RedirectAll, asked))
	case v.r.Method == http.MethodOptions:
		return v.preflight()
	case v.r.Method != http.MethodGet && v.r.Method != http.MethodHead:
		v.w.Header().Set("Allow", methods)
		return v.plainError(http.StatusMethodNotAllowed)
	case t.Password != "":
		if status := v.s.gate.enter(v.r, v.at, v.who); status != 0 {
			return v.locked(status)
		}
	}
	v.shareWithPage()
	if loc, status := site.Rule(t.Rules, asked, 0); status != 0 {
		return v.redirect(loc, status)
	}
	err := v.content()
	if err == nil {
		return nil
	}
	if status := statusOf(err); status >= 400 && v.w.status == 0 {
		if loc, code := site.Rule(t.Rules, asked, status); code != 0 {
			return v.redirect(loc, code)
		}
		return v.failed(err, status)
	}
	return err
}

// find returns the site of the visitor's host. NAME.localhost, if no site has that name, is the
// site NAME, seen from this computer before the DNS leads to it.
func (v *visit) find() (*site.Found, error) {
	f, err := v.from.Sites.Find(v.ctx, v.host)
	name, here := strings.CutSuffix(v.host, localhost)
	if !errors.Is(err, site.ErrNoSite) || !here || !strings.Contains(name, ".") {
		return f, err
	}
	f, err = v.from.Sites.Find(v.ctx, name)
	if err == nil && f.To != "" {
		f.To += localhost
	}
	return f, err
}

const localhost = ".localhost"

// port returns the port of a Host header with its colon, "" for the one that goes without saying.
func port(host string) string {
	if _, p, err := net.SplitHostPort(host); err == nil && p != "" {
		return ":" + p
	}
	return ""
}

const methods = "GET, HEAD, OPTIONS"

// content answers with what the path stands for.
func (v *visit) content() error {
	if !v.ok {
		return object.ErrNoSuchKey
	}
	d := site.Current(v.site.Site)
	if d == nil {
		return v.plain()
	}
	return v.deployed(d)
}

// may refuses what the bucket's owner keeps from the public.
func (v *visit) may(key string) error {
	if v.at.Settings.Block.Restrict {
		return errs.New(errs.Denied, "the bucket's public access block keeps it from the public")
	}
	if v.at.Settings.Policy != nil && v.s.c.May != nil && !v.s.c.May(v.r, v.at, key) {
		return errs.New(errs.Denied, "the bucket's policy denies it")
	}
	return nil
}

// redirect sends the visitor elsewhere.
func (v *visit) redirect(location string, status int) error {
	h := v.w.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Length", "0")
	v.w.WriteHeader(status)
	return nil
}
