package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rhizome/base/errs"
	"rhizome/model/object"
	"rhizome/model/site"
)

// foresee begins to read the objects that the path may stand for, in the bucket as it was
// last. Where a deployment is served, none is needed.
func (v *visit) foresee(b *object.Bucket) {
	t := b.Settings.Site
	if v.ahead == nil || t == nil || t.RedirectAll != nil || !v.ok || !t.Current.IsZero() ||
		v.r.Method != http.MethodGet && v.r.Method != http.MethodHead {
		return
	}
	for _, key := range v.candidates(t) {
		v.ahead.Object(b, key)
		v.ahead.Object(b, key) // once for what it is, once for its bytes
		if t.Neighbours {
			for _, c := range accepted(v.r.Header.Get("Accept-Encoding")) {
				v.ahead.Object(b, key+codings[c].ending)
			}
		}
	}
}

// candidates are the keys that a path may stand for, the first that exists counts.
func (v *visit) candidates(t *object.Site) []string {
	switch {
	case v.key == "" || strings.HasSuffix(v.key, "/"):
		return []string{indexOf(v.key, t.Index)}
	case t.Index != "" && mayBeFolder(v.key):
		return []string{v.key, indexOf(v.key, t.Index)}
	}
	return []string{v.key}
}

// plain answers from the bucket's own objects.
func (v *visit) plain() error {
	t := v.site.Site
	folder := v.key == "" || strings.HasSuffix(v.key, "/")
	keys := v.candidates(t)
	key := keys[0]
	if key == "" { // the top of a site without index
		return v.list(object.ErrNoSuchKey, v.inBucket)
	}
	if err := v.may(key); err != nil {
		return err
	}
	h, err := v.stat(key)
	switch {
	case err == nil:
		return v.sendObject(h)
	case !errors.Is(err, errs.NotFound):
		return err
	case folder:
		return v.list(err, v.inBucket)
	case len(keys) == 1:
		return err
	}
	index := keys[1]
	if v.may(index) != nil {
		return err
	}
	if _, ierr := v.stat(index); ierr != nil {
		if errors.Is(ierr, errs.NotFound) {
			return err
		}
		return ierr
	}
	return v.addSlash()
}

// addSlash sends a visitor of a folder to its name with a slash, so that relative links work.
func (v *visit) addSlash() error {
	to := url.URL{Path: "/" + v.key + "/", RawQuery: v.r.URL.RawQuery}
	return v.redirect(to.String(), http.StatusMovedPermanently)
}

func (v *visit) stat(key string) (*object.Head, error) {
	if len(key) > maxKey {
		return nil, object.ErrNoSuchKey
	}
	o, err := v.from.Objects.Stat(v.ctx, v.at, object.Get{Key: key, Keyed: true})
	if err != nil {
		return nil, err
	}
	return &o.Head, nil
}

func (v *visit) sendObject(h *object.Head) error {
	if to := h.Attrs.WebsiteRedirect; to != "" {
		return v.redirect(to, http.StatusMovedPermanently)
	}
	p := v.objectPage(h)
	if v.site.Site.Neighbours && h.Attrs.ContentEncoding == "" {
		p.neighbours = v.beside(h)
	}
	return v.send(p)
}

// beside finds the coded objects beside one. One that is older is of an older version.
func (v *visit) beside(h *object.Head) map[coding]*page {
	out := map[coding]*page{}
	for _, c := range accepted(v.r.Header.Get("Accept-Encoding")) {
		n, err := v.stat(h.Key + codings[c].ending)
		if err == nil && !n.Modified.Before(h.Modified) {
			out[c] = v.objectPage(n)
		}
	}
	return out
}

// objectPage makes a page of an object.
func (v *visit) objectPage(h *object.Head) *page {
	p := &page{name: h.Version.Key(), etag: h.ETag, modified: modifiedOf(h), size: h.Size, media: mediaOf(h), coded: h.Attrs.ContentEncoding}
	for _, f := range [...][2]string{{"Cache-Control", h.Attrs.CacheControl}, {"Content-Disposition", h.Attrs.ContentDisposition},
		{"Content-Language", h.Attrs.ContentLanguage}, {"Expires", h.Attrs.Expires}} {
		if f[1] != "" {
			p.headers = append(p.headers, f)
		}
	}
	p.open = func(ctx context.Context, v *visit, off, n int64) (io.ReadCloser, error) {
		return v.open(ctx, h, off, n)
	}
	return p
}

// mediaOf is the type that an object was given, or that of its name if that says nothing.
func mediaOf(h *object.Head) string {
	switch t := h.Attrs.ContentType; t {
	case "", "application/octet-stream", "binary/octet-stream":
		return site.TypeOf(h.Key)
	default:
		return t
	}
}

// errMoved says that an object was replaced while it was answered with.
var errMoved = errs.New(errs.Unavailable, "the object was replaced meanwhile: ask again")

// open opens n bytes at off of the very version that h is of.
func (v *visit) open(ctx context.Context, h *object.Head, off, n int64) (io.ReadCloser, error) {
	g := object.Get{Key: h.Key}
	if v.at.Versioning != object.VersioningOff {
		g.Version = h.VersionID
	}
	if n == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	if off != 0 || n != h.Size {
		g.Range = &object.Range{First: off, Last: off + n - 1}
	}
	o, err := v.from.Objects.Get(ctx, v.at, g)
	if err != nil {
		return nil, err
	}
	if o.Version != h.Version {
		_ = o.Body.Close() // nothing was read from it
		return nil, errMoved
	}
	return o.Body, nil
}
