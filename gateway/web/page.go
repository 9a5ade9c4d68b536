package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/model/object"
)

// page is a body to answer with, and what is said about it.
type page struct {
	name     string // what it is remembered under: its bytes never change
	etag     string // without quotes
	modified time.Time
	size     int64
	media    string
	// coded is how the bytes are coded already, as the header says it.
	coded string
	// neighbours are pages with the same bytes, coded.
	neighbours map[coding]*page
	headers    [][2]string
	open       func(ctx context.Context, v *visit, off, n int64) (io.ReadCloser, error)
	read       func([]byte) error // if set, checks the whole bytes when they are remembered
	said       *values            // nil: made when it is sent
}

// values are headers of a page. Nobody changes them.
type values struct{ media, etag, length, modified []string }

func (p *page) values() *values {
	if p.said != nil {
		return p.said
	}
	s := &values{media: []string{p.media}, etag: []string{quote(p.etag)}, length: []string{strconv.FormatInt(p.size, 10)}}
	if !p.modified.IsZero() {
		s.modified = []string{p.modified.UTC().Format(http.TimeFormat)}
	}
	return s
}

const (
	revalidate = "public, max-age=0, must-revalidate"
	private    = "private, max-age=0, must-revalidate"
)

// send answers with a page, status 200, or what conditions and ranges make of it.
func (v *visit) send(p *page) error {
	p = v.preferred(p)
	h := v.w.Header()
	said := p.values()
	v.describe(p, said)
	v.sameDate(p)
	whole := len(v.r.Header["Range"]) == 0
	if whole && p.size <= maxKept {
		return v.sendSmall(p, said)
	}
	if strings.Count(v.r.Header.Get("Range"), ",") >= maxParts {
		v.r.Header.Del("Range") // as if it were not understood
	}
	if p.coded != "" && whole {
		h["Content-Length"] = said.length
	}
	if p.size <= maxKept {
		b, err := v.bytes(p)
		if err != nil {
			return err
		}
		http.ServeContent(v.w, v.r, "", p.modified, bytes.NewReader(b))
		return nil
	}
	body := &seeker{ctx: v.ctx, v: v, p: p}
	defer body.close()
	if err := body.begin(); err != nil { // before anything is sent
		return err
	}
	http.ServeContent(v.w, v.r, "", p.modified, body)
	if body.failed != nil && v.w.status != 0 {
		return errs.Newf(errs.KindOf(body.failed), "%w: %w", errCut, body.failed)
	}
	return body.failed
}

// sendSmall answers with a page that is remembered, whole.
func (v *visit) sendSmall(p *page, said *values) error {
	b, err := v.bytes(p)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h["Content-Length"] = said.length
	if c := v.pressed(p, b); c != nil {
		b, p = c.bytes, c.page
		h.Set("Content-Encoding", p.coded)
		h.Set("Etag", quote(p.etag))
		h.Set("Content-Length", strconv.Itoa(len(b)))
	}
	if conditional(v.r.Header) {
		http.ServeContent(v.w, v.r, "", p.modified, bytes.NewReader(b))
		return nil
	}
	h["Accept-Ranges"] = inBytes
	if said.modified != nil {
		h["Last-Modified"] = said.modified
	}
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(b) // a visitor who is gone needs no answer
	}
	return nil
}

// sameDate lets If-Modified-Since count only for the very date that the page has: after a rollback
// a page is older than the one that the visitor keeps, and yet another.
func (v *visit) sameDate(p *page) {
	const since = "If-Modified-Since"
	if v.r.Header[since] == nil {
		return
	}
	if t, err := http.ParseTime(v.r.Header.Get(since)); err != nil || !t.Equal(p.modified) {
		v.r.Header.Del(since)
	}
}

func conditional(h http.Header) bool {
	return h["If-None-Match"] != nil || h["If-Modified-Since"] != nil || h["If-Match"] != nil || h["If-Unmodified-Since"] != nil
}

// describe sets the headers of a page.
func (v *visit) describe(p *page, said *values) {
	h := v.w.Header()
	h["Content-Type"], h["Etag"] = said.media, said.etag
	v.protect()
	if p.coded != "" {
		h.Set("Content-Encoding", p.coded)
	}
	if compressible(p.media) || len(p.neighbours) > 0 {
		h["Vary"] = more(h["Vary"], byCoding)
	}
	for _, f := range p.headers {
		h.Set(f[0], f[1])
	}
	v.keeping()
}

// keeping says what caches may do: what the owner said, else keep it and ask whether it is still
// the one. Of a site with a password, and of what may be old, the owner has no say.
func (v *visit) keeping() {
	h := v.w.Header()
	const control = "Cache-Control"
	switch {
	case v.stale:
		h[control] = keepsNot
	case v.site != nil && v.site.Site.Password != "":
		h[control] = keepsSelf
	case h[control] == nil:
		h[control] = keepsAsk
		return
	default:
		return
	}
	for name := range h { // those of one provider's caches
		if name == "Expires" || name == "Surrogate-Control" || strings.HasSuffix(name, "Cdn-Cache-Control") {
			delete(h, name)
		}
	}
}

// Values of headers that most answers have; nobody changes them.
var (
	nosniff   = []string{"nosniff"}
	referrer  = []string{"strict-origin-when-cross-origin"}
	framed    = []string{"SAMEORIGIN"}
	inBytes   = []string{"bytes"}
	byCoding  = []string{"Accept-Encoding"}
	keepsAsk  = []string{revalidate}
	keepsSelf = []string{private}
	keepsNot  = []string{"no-store"}
)

// more adds values that nobody changes to those of a header.
func more(to, values []string) []string {
	if to == nil {
		return values
	}
	return append(to, values...)
}

// protect sets the headers that keep visitors safer and break no page.
func (v *visit) protect() {
	h := v.w.Header()
	h["X-Content-Type-Options"], h["Referrer-Policy"], h["X-Frame-Options"] = nosniff, referrer, framed
	if v.stale {
		h.Set("X-Rhizome-Stale", "1")
	}
}

// preferred returns the neighbour that the visitor prefers, if there are any.
func (v *visit) preferred(p *page) *page {
	if len(p.neighbours) == 0 || len(v.r.Header["Range"]) > 0 {
		return p
	}
	for _, c := range accepted(v.r.Header.Get("Accept-Encoding")) {
		if n := p.neighbours[c]; n != nil {
			q := *n
			q.media, q.headers, q.coded, q.neighbours, q.said = p.media, p.headers, codings[c].name, p.neighbours, nil
			return &q
		}
	}
	return p
}

// bytes returns the bytes of a page of at most maxKept, from memory if they are there.
func (v *visit) bytes(p *page) ([]byte, error) {
	got, err := v.s.memory.load(v.ctx, name{of: p.name}, func() (any, int, error) {
		r, err := p.open(v.ctx, v, 0, p.size)
		if err != nil {
			return nil, 0, err
		}
		defer r.Close()
		b := make([]byte, p.size)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, 0, err
		}
		if p.read != nil {
			if err := p.read(b); err != nil {
				return nil, 0, err
			}
		}
		return b, len(b), nil
	})
	if err != nil {
		return nil, err
	}
	return got.([]byte), nil
}

// pressed is a page that was compressed here.
type pressedPage struct {
	bytes []byte
	page  *page
}

// pressed compresses a page in the first coding that the visitor takes; nil: it goes as it is.
func (v *visit) pressed(p *page, b []byte) *pressedPage {
	if p.coded != "" || len(b) < minSmall || !compressible(p.media) {
		return nil
	}
	take := accepted(v.r.Header.Get("Accept-Encoding"))
	if len(take) == 0 {
		return nil
	}
	c := take[0]
	n := name{p.name, c}
	got, ok := v.s.memory.find(n)
	if !ok {
		select {
		case v.s.press <- struct{}{}:
			defer func() { <-v.s.press }()
		default:
			return nil // there is enough to do
		}
		got, _ = v.s.memory.load(v.ctx, n, func() (any, int, error) {
			small := compress(c, b)
			return small, len(small), nil
		})
	}
	small, _ := got.([]byte)
	if small == nil {
		return nil
	}
	q := *p
	q.coded, q.etag, q.said = codings[c].name, p.etag+"-"+codings[c].name, nil
	return &pressedPage{small, &q}
}

func quote(etag string) string { return `"` + etag + `"` }

// seeker reads a long page from where it is wanted. It is an io.ReadSeeker.
type seeker struct {
	ctx    context.Context
	v      *visit
	p      *page
	off    int64
	r      io.ReadCloser
	at     int64 // of r
	failed error
}

// begin opens the page.
func (s *seeker) begin() (err error) {
	s.r, err = s.p.open(s.ctx, s.v, 0, s.p.size)
	return err
}

func (s *seeker) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += s.off
	case io.SeekEnd:
		off += s.p.size
	}
	s.off = off
	return off, nil
}

func (s *seeker) Read(b []byte) (n int, err error) {
	if s.off >= s.p.size {
		return 0, io.EOF
	}
	if s.r == nil || s.at != s.off {
		s.close()
		if s.r, err = s.p.open(s.ctx, s.v, s.off, s.p.size-s.off); err != nil {
			s.failed = err
			return 0, err
		}
		s.at = s.off
	}
	n, err = s.r.Read(b)
	s.off, s.at = s.off+int64(n), s.at+int64(n)
	if err != nil && err != io.EOF {
		s.failed = err
	}
	return n, err
}

func (s *seeker) close() {
	if s.r != nil {
		_ = s.r.Close() // what was read was verified
		s.r = nil
	}
}

// modifiedOf is a version's date, in seconds as dates are.
func modifiedOf(h *object.Head) time.Time { return h.Modified.Truncate(time.Second) }
