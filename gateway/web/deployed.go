package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/errs"
	"rhizome/model/object"
	"rhizome/model/site"
)

const deployedIndex = site.DefaultIndex

// deployed answers from a deployment alone.
func (v *visit) deployed(d *object.SiteDeployment) error {
	m, err := v.manifest(d)
	if err != nil {
		return err
	}
	if v.key != "" { // "" would ask about the bucket
		if err := v.may(v.key); err != nil {
			return err
		}
	}
	path := "/" + v.key
	if r := m.Redirected(path, true); r != nil {
		return v.obey(m, r)
	}
	if f, slash := v.fileAt(m); f != nil {
		return v.sendFile(m, f, path)
	} else if slash {
		return v.addSlash()
	}
	if r := m.Redirected(path, false); r != nil {
		return v.obey(m, r)
	}
	if v.key == "" || strings.HasSuffix(v.key, "/") {
		return v.list(object.ErrNoSuchKey, func(after string, limit int) (*object.Listed, error) { return m.In(v.key, after, limit), nil })
	}
	return v.before(path)
}

// before answers who opened a page of the deployment before, and asks for what it is made of now: a
// file that is named by its hash, for some minutes after the switch.
func (v *visit) before(path string) error {
	d := v.from.Sites.Before(v.site.Site)
	if d == nil || !site.Hashed(v.key) || strings.HasPrefix(site.TypeOf(v.key), "text/html") {
		return object.ErrNoSuchKey
	}
	m, err := v.manifest(d)
	if err != nil {
		return err
	}
	f := m.Find(v.key)
	if f == nil {
		return object.ErrNoSuchKey
	}
	return v.sendFile(m, f, path)
}

// fileAt finds what the path stands for: a file, a folder's index, or, as generators link to them
// and other servers of sites do, PATH.html. slash says that it is a folder with an index.
func (v *visit) fileAt(m *listing) (f *site.File, slash bool) {
	index := v.site.Site.Index
	if index == "" {
		index = deployedIndex
	}
	if v.key == "" || strings.HasSuffix(v.key, "/") {
		return m.Find(indexOf(v.key, index)), false
	}
	if f := m.Find(v.key); f != nil {
		return f, false
	}
	if m.Find(indexOf(v.key, index)) != nil {
		return nil, true
	}
	return m.Find(v.key + ".html"), false
}

// obey does what a line of _redirects says.
func (v *visit) obey(m *listing, r *site.Redirect) error {
	if r.Status != http.StatusOK && r.Status != http.StatusNotFound {
		to := r.To
		if v.r.URL.RawQuery != "" && !strings.ContainsAny(to, "?#") {
			to += "?" + v.r.URL.RawQuery
		}
		return v.redirect(to, r.Status)
	}
	to := *v
	var ok bool
	target, _, _ := strings.Cut(r.To, "?")
	if to.key, ok = keyOf(target); !ok {
		return object.ErrNoSuchKey
	}
	f, _ := to.fileAt(m)
	switch {
	case f == nil:
		return object.ErrNoSuchKey
	case r.Status == http.StatusNotFound:
		if err := v.may(f.Path); err != nil {
			return err
		}
		return v.sendError(v.filePage(m, f, "/"+v.key), r.Status)
	}
	return v.sendFile(m, f, "/"+v.key)
}

// listing is a manifest, and the pages of its files that were asked for, as long as they are
// the same for whoever asks.
type listing struct {
	*site.Manifest
	pages sync.Map // path -> *page
	n     atomic.Int32
}

// pageRoom is about what a page takes in memory, in bytes, maxPages how many of a deployment
// are kept.
const (
	pageRoom = 512
	maxPages = 2048
)

// manifest returns the manifest of a deployment; it never changes, so it is remembered.
func (v *visit) manifest(d *object.SiteDeployment) (*listing, error) {
	got, err := v.s.memory.load(v.ctx, name{of: string(d.Manifest), coding: manifestOf}, func() (any, int, error) {
		m, err := v.from.Sites.Manifest(v.ctx, v.at, d)
		if err != nil {
			return nil, 0, err
		}
		return &listing{Manifest: m}, m.Weight() + pageRoom*min(len(m.Files), maxPages), nil
	})
	if err != nil {
		return nil, err
	}
	return got.(*listing), nil
}

// sendFile answers with a file, whatever path it was asked for by: the policy is asked about
// the file.
func (v *visit) sendFile(m *listing, f *site.File, path string) error {
	if err := v.may(f.Path); err != nil {
		return err
	}
	if len(m.Headers) > 0 {
		return v.send(v.withNeighbours(m, f, path))
	}
	p, ok := m.pages.Load(f.Path)
	if !ok {
		fresh := v.withNeighbours(m, f, path)
		fresh.said = fresh.values()
		if m.n.Add(1) > maxPages {
			return v.send(fresh)
		}
		p, _ = m.pages.LoadOrStore(f.Path, fresh)
	}
	return v.send(p.(*page))
}

func (v *visit) withNeighbours(m *listing, f *site.File, path string) *page {
	p := v.filePage(m, f, path)
	for c := br; int(c) < len(codings); c++ {
		if n := m.Find(f.Path + codings[c].ending); n != nil && compressible(p.media) {
			if p.neighbours == nil {
				p.neighbours = map[coding]*page{}
			}
			q := v.filePage(m, n, path)
			q.etag += "-" + codings[c].name
			p.neighbours[c] = q
		}
	}
	return p
}

// filePage makes a page of a file.
func (v *visit) filePage(m *listing, f *site.File, path string) *page {
	return &page{name: f.Hash.String(), etag: f.Hash.String()[:32], modified: time.Unix(f.Since, 0), size: f.Size,
		media: site.TypeOf(f.Path), headers: m.HeadersOf(path),
		open: func(ctx context.Context, v *visit, off, n int64) (io.ReadCloser, error) {
			if n == 0 {
				return io.NopCloser(strings.NewReader("")), nil
			}
			o, err := v.from.Objects.Get(ctx, v.at, object.Get{Key: f.Key(), Range: &object.Range{First: off, Last: off + n - 1}})
			if err != nil {
				return nil, errs.Newf(errs.KindOf(err), "a file of the deployment: %v", err) // not one that was not asked for
			}
			if f.Size > maxKept { // else read looks at the bytes
				if err := v.vouched(f, &o.Head); err != nil {
					return nil, errors.Join(err, o.Body.Close())
				}
			}
			return o.Body, nil
		},
		read: func(b []byte) error {
			if sha256.Sum256(b) != f.Hash {
				return errChanged
			}
			return nil
		}}
}

var errChanged = errs.Newf(errs.Corrupt, "somebody changed what lies under %s", site.Prefix)

// vouched refuses a long file that is not what was deployed. What was deployed before hashes were
// stored beside the bytes is read whole, once per version.
func (v *visit) vouched(f *site.File, h *object.Head) error {
	switch {
	case f.Vouched(h):
		return nil
	case h.Size != f.Size:
		return errChanged
	}
	_, err := v.s.memory.load(v.ctx, name{of: h.Version.Key() + string(f.Hash[:]), coding: vouchedFor}, func() (any, int, error) {
		o, err := v.from.Objects.Get(v.ctx, v.at, object.Get{Key: f.Key()})
		if err != nil {
			return nil, 0, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, o.Body)
		switch err = errors.Join(err, o.Body.Close()); {
		case err != nil:
			return nil, 0, err
		case o.Version != h.Version:
			return nil, 0, errMoved
		case site.Hash(sum.Sum(nil)) != f.Hash:
			return nil, 0, errChanged
		}
		return true, 0, nil
	})
	return err
}
