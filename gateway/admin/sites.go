package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/site"
)

// Sites is what the admin server needs of the sites; *site.Store is one.
type Sites interface {
	Create(ctx context.Context, b *object.Bucket, made object.Site) (*object.Bucket, error)
	Change(ctx context.Context, b *object.Bucket, change func(*object.Site) error) (*object.Bucket, error)
	Delete(ctx context.Context, b *object.Bucket) error
	ByName(ctx context.Context, name string) (*object.Bucket, error)
	All(ctx context.Context) ([]*object.Bucket, error)
	Find(ctx context.Context, host string) (*site.Found, error)
	Claim(ctx context.Context, b *object.Bucket, name, to string) (*object.Bucket, error)
	Release(ctx context.Context, b *object.Bucket, name string) (*object.Bucket, error)
	Move(ctx context.Context, name string, to *object.Bucket) (*object.Bucket, error)
	OwnNames(ctx context.Context, b *object.Bucket) (*object.Bucket, error)
	Begin(ctx context.Context, b *object.Bucket, w *site.Wanted) (*site.Begun, error)
	Bring(ctx context.Context, b *object.Bucket, id ident.ID, h site.Hash, body io.Reader, size int64) error
	Finish(ctx context.Context, b *object.Bucket, id ident.ID) (*object.Bucket, *object.SiteDeployment, error)
	Abandon(ctx context.Context, b *object.Bucket, id ident.ID) error
	Rollback(ctx context.Context, b *object.Bucket, id ident.ID, plain bool) (*object.Bucket, error)
	Sweep(ctx context.Context, b *object.Bucket) error
	Stats(ctx context.Context, bucket ident.ID) ([]site.Day, error)
}

// maxDeployment bounds the list of a deployment's files, in bytes.
const maxDeployment = 64 << 20

func (s *Server) siteRoutes() map[string]request {
	return map[string]request{
		"GET /v1/sites":                  s.listSites,
		"POST /v1/sites":                 s.createSite,
		"GET /v1/sites/{site}":           s.showSite,
		"PUT /v1/sites/{site}":           s.setSite,
		"POST /v1/sites/{site}/names":    s.addSiteName,
		"DELETE /v1/sites/{site}/names":  s.removeSiteName,
		"POST /v1/sites/{site}/rollback": s.rollback,
		"GET /v1/sites/{site}/stats":     s.siteStats,
	}
}

// siteStreams are those that take as long as they need.
func (s *Server) siteStreams() map[string]request {
	return map[string]request{
		"DELETE /v1/sites/{site}":                            s.deleteSite,
		"POST /v1/sites/{site}/deployments":                  s.beginDeployment,
		"PUT /v1/sites/{site}/deployments/{id}/files/{hash}": s.bringFile,
		"POST /v1/sites/{site}/deployments/{id}/finish":      s.finishDeployment,
		"DELETE /v1/sites/{site}/deployments/{id}":           s.abandonDeployment,
	}
}

func (s *Server) findSite(r *http.Request) (*object.Bucket, error) {
	return s.Sites.ByName(r.Context(), r.PathValue("site"))
}

// ownSite is findSite for what only its owner may do.
func (s *Server) ownSite(r *http.Request) (*object.Bucket, error) {
	b, err := s.findSite(r)
	if err != nil {
		return nil, err
	}
	return b, s.mayOwn(r.Context(), b)
}

// mayOwn refuses who does not own a bucket.
func (s *Server) mayOwn(ctx context.Context, b *object.Bucket) error {
	if s.Owns == nil {
		return nil
	}
	return s.Owns(ctx, b)
}

func (s *Server) listSites(r *http.Request) (any, error) {
	all, err := s.Sites.All(r.Context())
	out := make([]api.Site, 0, len(all))
	for _, b := range all {
		out = append(out, s.wireSite(b))
	}
	return out, err
}

func (s *Server) showSite(r *http.Request) (any, error) { return s.siteNow(s.findSite(r)) }

// siteNow answers with a site after a change.
func (s *Server) siteNow(b *object.Bucket, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return s.wireSite(b), nil
}

func (s *Server) wireSite(b *object.Bucket) api.Site {
	t := b.Settings.Site
	w := api.Site{Bucket: b.ID.String(), Names: []api.SiteName{}, URLs: []string{}, Index: t.Index, Error: t.Error, Rules: len(t.Rules), Listing: t.Listing,
		Stale: t.Stale, Neighbours: t.Neighbours, Password: t.Password != "", Deployments: []api.Deployment{}, Keep: t.Keep, Underway: len(t.Underway)}
	if len(b.Names) > 0 {
		w.Bucket = b.Names[0]
	}
	if w.Keep == 0 {
		w.Keep = site.DefaultKeep
	}
	if t.RedirectAll != nil {
		w.RedirectTo = t.RedirectAll.Host
	}
	port := ""
	at := s.Host.Facts().Web
	if at != nil {
		_, port, _ = net.SplitHostPort(at.Address)
	}
	for _, h := range t.Hosts {
		w.Names = append(w.Names, api.SiteName{Name: h.Name, To: h.To})
		if h.To == "" && port != "" {
			w.URLs = append(w.URLs, "http://"+net.JoinHostPort(h.Name, port)+"/")
		}
	}
	if at != nil {
		for _, d := range at.Domains {
			for _, n := range b.Names {
				w.URLs = append(w.URLs, "http://"+net.JoinHostPort(n+"."+d, port)+"/")
			}
		}
	}
	if d := site.Current(t); d != nil {
		w.Current = d.ID.String()
	}
	for _, d := range t.Kept {
		w.Deployments = append(w.Deployments, api.Deployment{ID: d.ID.String(), Made: time.UnixMilli(d.Made).UTC(), Files: d.Files, Bytes: d.Bytes, Current: d.ID == t.Current})
	}
	return w
}

func (s *Server) createSite(r *http.Request) (any, error) {
	in, err := read[api.NewSite](r)
	if err != nil {
		return nil, err
	}
	if in.Name != "" {
		if err := site.CheckHost(in.Name); err != nil {
			return nil, err
		}
	}
	made := object.Site{Index: site.DefaultIndex}
	if err := apply(&made, in.SetSite); err != nil {
		return nil, err
	}
	if err := site.CheckSite(&made); err != nil {
		return nil, err
	}
	b, owner, err := s.siteBucket(r.Context(), in)
	if err != nil {
		return nil, err
	}
	if b, err = s.Sites.Create(r.Context(), b, made); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return s.madeSite(owner)(s.Sites.OwnNames(r.Context(), b))
	}
	named, err := s.takeNames(r.Context(), b, in.Name, in.Together)
	if errors.Is(err, site.ErrTaken) {
		err = errors.Join(err, s.notSite(r.Context(), b, owner != nil))
	}
	return s.madeSite(owner)(named, err)
}

// madeSite answers with a new site and the owner of the bucket that was made for it, nil for none.
func (s *Server) madeSite(owner *account.Key) func(*object.Bucket, error) (any, error) {
	return func(b *object.Bucket, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		w := s.wireSite(b)
		if owner != nil {
			w.Owner = cmp.Or(owner.Name, owner.ID)
		}
		return w, nil
	}
}

// notSite takes back that a bucket became a site, and the bucket if it was made for that.
func (s *Server) notSite(ctx context.Context, b *object.Bucket, fresh bool) error {
	err := s.Sites.Delete(ctx, b)
	if err == nil && fresh {
		err = s.Buckets.DeleteBucket(ctx, b)
	}
	return err
}

// siteBucket finds the bucket of a new site, or makes it: owner is the key to which it belongs then.
func (s *Server) siteBucket(ctx context.Context, in api.NewSite) (b *object.Bucket, owner *account.Key, err error) {
	name := in.Bucket
	if name == "" {
		name = in.Name
	}
	b, err = s.bucketNamed(ctx, name)
	if err == nil {
		if in.Key != "" {
			return nil, nil, errs.Newf(errs.Conflict, "the bucket %q is there already and belongs to whom it did: leave --key out, and see rhizome bucket allow", name)
		}
		return b, nil, s.mayOwn(ctx, b)
	}
	if in.Bucket != "" || errs.KindOf(err) != errs.NotFound {
		return b, nil, err
	}
	if owner, err = s.owner(ctx, in.Key); err != nil {
		return nil, nil, err
	}
	b, err = s.Buckets.CreateBucket(ctx, name, owner, false)
	return b, owner, err
}

// takeNames gives a site a name, and its companion if that is free.
func (s *Server) takeNames(ctx context.Context, b *object.Bucket, name, together string) (*object.Bucket, error) {
	b, err := s.Sites.Claim(ctx, b, name, "")
	if errors.Is(err, site.ErrTaken) {
		return nil, errs.Newf(errs.Exists, "%w: whoever owns that site gives it away with rhizome site name move %s --site SITE", err, name)
	}
	other := site.Companion(name)
	if err != nil || other == "" || together == api.TogetherAlone {
		return b, err
	}
	to := name
	if together == api.TogetherBoth {
		to = ""
	}
	both, err := s.Sites.Claim(ctx, b, other, to)
	if errors.Is(err, site.ErrTaken) {
		return b, nil // it is asked for by itself, if it is wanted
	}
	return both, err
}

func (s *Server) addSiteName(r *http.Request) (any, error) {
	in, err := read[api.NewSiteName](r)
	if err != nil {
		return nil, err
	}
	b, err := s.ownSite(r)
	if err != nil {
		return nil, err
	}
	if !in.Move {
		return s.siteNow(s.takeNames(r.Context(), b, in.Name, in.Together))
	}
	from, err := s.Sites.Find(r.Context(), in.Name)
	if err != nil {
		return nil, err
	}
	if err := s.mayOwn(r.Context(), from.Bucket); err != nil {
		return nil, err
	}
	return s.siteNow(s.Sites.Move(r.Context(), in.Name, b))
}

func (s *Server) removeSiteName(r *http.Request) (any, error) {
	b, err := s.ownSite(r)
	if err != nil {
		return nil, err
	}
	return s.siteNow(s.Sites.Release(r.Context(), b, r.URL.Query().Get("name")))
}

func (s *Server) setSite(r *http.Request) (any, error) {
	in, err := read[api.SetSite](r)
	if err != nil {
		return nil, err
	}
	b, err := s.ownSite(r)
	if err != nil {
		return nil, err
	}
	hashed := object.Site{}
	if err := apply(&hashed, api.SetSite{Password: in.Password}); err != nil { // once, for it takes its time
		return nil, err
	}
	said := in
	said.Password = nil
	return s.siteNow(s.Sites.Change(r.Context(), b, func(t *object.Site) error {
		if in.Password != nil {
			t.Password = hashed.Password
		}
		return apply(t, said)
	}))
}

// apply changes what is said of a site.
func apply(t *object.Site, in api.SetSite) (err error) {
	set(&t.Index, in.Index)
	set(&t.Error, in.Error)
	set(&t.Listing, in.Listing)
	set(&t.Stale, in.Stale)
	set(&t.Neighbours, in.Neighbours)
	set(&t.Keep, in.Keep)
	if in.Password != nil {
		if t.Password = ""; *in.Password != "" {
			t.Password, err = site.HashPassword(*in.Password)
		}
	}
	return err
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *Server) deleteSite(r *http.Request) (any, error) {
	b, err := s.ownSite(r)
	if err != nil {
		return nil, err
	}
	return nil, s.Sites.Delete(r.Context(), b)
}

func (s *Server) rollback(r *http.Request) (any, error) {
	in, err := read[api.Rollback](r)
	if err != nil {
		return nil, err
	}
	b, err := s.ownSite(r)
	if err != nil {
		return nil, err
	}
	var id ident.ID
	if in.ID != "" {
		if id, err = keptDeployment(b.Settings.Site, in.ID); err != nil {
			return nil, err
		}
	}
	return s.siteNow(s.Sites.Rollback(r.Context(), b, id, in.Plain))
}

// keptDeployment finds one by the beginning of its ID.
func keptDeployment(t *object.Site, begins string) (ident.ID, error) {
	var found []ident.ID
	for _, d := range t.Kept {
		if strings.HasPrefix(d.ID.String(), strings.ToLower(begins)) {
			found = append(found, d.ID)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return ident.ID{}, errs.Newf(errs.NotFound, "the site keeps no deployment %s", begins)
	}
	return ident.ID{}, errs.Newf(errs.Invalid, "several deployments begin with %s: write more of it", begins)
}

func (s *Server) siteStats(r *http.Request) (any, error) {
	b, err := s.findSite(r)
	if err != nil {
		return nil, err
	}
	days, err := s.Sites.Stats(r.Context(), b.ID)
	out := make([]api.SiteDay, 0, len(days))
	for _, d := range days {
		out = append(out, api.SiteDay{Day: d.Day, Hits: d.Hits, Missing: d.Missing, Bytes: d.Bytes})
	}
	return out, err
}

func (s *Server) beginDeployment(r *http.Request) (any, error) {
	var in api.NewDeployment
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxDeployment)).Decode(&in); err != nil {
		return nil, errs.Newf(errs.Invalid, "the request cannot be read: %w", err)
	}
	w, err := wantedOf(in)
	if err != nil {
		return nil, err
	}
	b, err := s.ownSite(r)
	if err != nil {
		return nil, err
	}
	begun, err := s.Sites.Begin(r.Context(), b, w)
	if err != nil {
		return nil, err
	}
	out := api.BegunDeployment{ID: begun.ID.String(), Missing: make([]string, 0, len(begun.Missing))}
	for i := range begun.Missing {
		out.Missing = append(out.Missing, begun.Missing[i].Hash.String())
	}
	return out, nil
}

func wantedOf(in api.NewDeployment) (w *site.Wanted, err error) {
	w = &site.Wanted{Files: make([]site.File, 0, len(in.Files))}
	if w.Redirects, err = site.ParseRedirects([]byte(in.Redirects)); err != nil {
		return nil, err
	}
	if w.Headers, err = site.ParseHeaders([]byte(in.Headers)); err != nil {
		return nil, err
	}
	for _, f := range in.Files {
		h, err := site.ParseHash(f.Hash)
		if err != nil {
			return nil, err
		}
		w.Files = append(w.Files, site.File{Path: f.Path, Hash: h, Size: f.Size})
	}
	return w, nil
}

// deploymentOf finds the site and the ID that a request names.
func (s *Server) deploymentOf(r *http.Request) (*object.Bucket, ident.ID, error) {
	id, err := ident.Parse(r.PathValue("id"))
	if err != nil {
		return nil, id, err
	}
	b, err := s.findSite(r)
	return b, id, err
}

func (s *Server) bringFile(r *http.Request) (any, error) {
	b, id, err := s.deploymentOf(r)
	if err != nil {
		return nil, err
	}
	h, err := site.ParseHash(r.PathValue("hash"))
	if err != nil {
		return nil, err
	}
	return nil, s.Sites.Bring(r.Context(), b, id, h, r.Body, r.ContentLength)
}

func (s *Server) finishDeployment(r *http.Request) (any, error) {
	b, id, err := s.deploymentOf(r)
	if err == nil {
		err = s.mayOwn(r.Context(), b)
	}
	if err != nil {
		return nil, err
	}
	now, d, err := s.Sites.Finish(r.Context(), b, id)
	if err != nil {
		return nil, err
	}
	if err := s.Sites.Sweep(r.Context(), now); err != nil { // the next one sweeps too
		s.Logger.Warn("what no deployment needs any more was not all deleted", "bucket", b.ID, "error", err)
	}
	return api.Deployed{ID: d.ID.String(), Files: d.Files, Bytes: d.Bytes, URLs: s.wireSite(now).URLs}, nil
}

func (s *Server) abandonDeployment(r *http.Request) (any, error) {
	b, id, err := s.deploymentOf(r)
	if err == nil {
		err = s.mayOwn(r.Context(), b)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Sites.Abandon(r.Context(), b, id); err != nil {
		return nil, err
	}
	return nil, s.Sites.Sweep(r.Context(), b)
}
