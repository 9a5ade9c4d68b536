package web

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/model/object"
	"rhizome/model/site"
)

//go:embed *.html
var pages embed.FS

// statusOf is the status of an error; 0 of none.
func statusOf(err error) int {
	switch kind := errs.KindOf(err); {
	case err == nil:
		return 0
	case kind == errs.NotFound, errors.Is(err, object.ErrKeyTooLong), errors.Is(err, object.ErrNotText):
		return http.StatusNotFound
	case kind == errs.Denied, errors.Is(err, object.ErrKeyNeeded): // the keys of their writers no visitor has
		return http.StatusForbidden
	case kind == errs.Unavailable, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// refuse answers an error that no site says anything about.
func (v *visit) refuse(err error) {
	_ = v.plainError(statusOf(err)) // a visitor who is gone needs no answer
}

func (v *visit) busy() {
	v.w.Header().Set("Retry-After", "1")
	_ = v.plainError(http.StatusServiceUnavailable) // as above
}

// locked answers who has not said the password.
func (v *visit) locked(status int) error {
	switch status {
	case http.StatusUnauthorized:
		v.w.Header().Set("WWW-Authenticate", `Basic realm="`+v.host+`", charset="UTF-8"`)
	case http.StatusTooManyRequests:
		v.w.Header().Set("Retry-After", "5")
	}
	return v.plainError(status)
}

// failed answers an error of a site: with its error document, if it has one.
func (v *visit) failed(err error, status int) error {
	if status == http.StatusNotFound || status == http.StatusForbidden {
		if p := v.errorPage(); p != nil {
			if serr := v.sendError(p, status); serr == nil || v.w.status != 0 {
				return nil
			}
		}
	}
	if status == http.StatusServiceUnavailable {
		if v.s.c.Stale.Sites != nil && !v.stale && v.site != nil && v.site.Site.Stale {
			return err // there is another way to answer
		}
		v.w.Header().Set("Retry-After", "5")
	}
	if perr := v.plainError(status); perr != nil {
		return perr
	}
	if status < http.StatusInternalServerError {
		return nil
	}
	return err
}

// errorPage returns the error document of the site, nil if there is none.
func (v *visit) errorPage() *page {
	t := v.site.Site
	if d := site.Current(t); d != nil {
		m, err := v.manifest(d)
		if err != nil {
			return nil
		}
		key := t.Error
		if key == "" {
			key = "404.html"
		}
		if f := m.Find(key); f != nil && v.may(key) == nil {
			return v.filePage(m, f, "/"+key)
		}
		return nil
	}
	if t.Error == "" || v.may(t.Error) != nil {
		return nil
	}
	h, err := v.stat(t.Error)
	if err != nil {
		return nil
	}
	return v.objectPage(h)
}

// sendError answers with a page under an error's status, whole and uncompressed but as it is.
func (v *visit) sendError(p *page, status int) error {
	if p.size > maxKept {
		return errs.New(errs.TooLarge, "the error document is too long")
	}
	b, err := v.bytes(p)
	if err != nil {
		return err
	}
	v.describe(p, p.values())
	h := v.w.Header()
	h.Del("Etag")
	h.Set("Cache-Control", "no-cache")
	if c := v.pressed(p, b); c != nil {
		b = c.bytes
		h.Set("Content-Encoding", c.page.coded)
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(b) // a visitor who is gone needs no answer
	}
	return nil
}

// plainError answers with a small page of this server's own.
func (v *visit) plainError(status int) error {
	say := lang.FromHeader(v.r.Header.Get("Accept-Language"))
	title := map[int]string{
		http.StatusNotFound:            lang.M("There is nothing here"),
		http.StatusForbidden:           lang.M("This is not open to visitors"),
		http.StatusUnauthorized:        lang.M("A password is needed"),
		http.StatusTooManyRequests:     lang.M("Too many passwords were tried: wait a little"),
		http.StatusMethodNotAllowed:    lang.M("This can only be read"),
		http.StatusServiceUnavailable:  lang.M("This cannot be shown at the moment: try again soon"),
		http.StatusInternalServerError: lang.M("Something went wrong here"),
	}[status]
	v.protect()
	v.w.Header().Set("Cache-Control", "no-cache")
	v.w.Header().Add("Vary", "Accept-Language")
	return v.show("error.html", status, map[string]any{"Title": say.T(title), "Status": status, "Lang": string(say.Language())})
}

// show answers with a page of this server's own.
func (v *visit) show(name string, status int, data any) error {
	t, err := template.ParseFS(pages, name)
	if err != nil {
		return errs.Newf(errs.Internal, "a page of the program: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return errs.Newf(errs.Internal, "a page of the program: %w", err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write([]byte(b.String())) // a visitor who is gone needs no answer
	}
	return nil
}
