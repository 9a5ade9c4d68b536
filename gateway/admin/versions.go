package admin

import (
	"context"
	"net/http"
	"strings"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

var versioningNames = map[object.Versioning]string{
	object.VersioningOn: api.VersioningOn, object.VersioningSuspended: api.VersioningSuspended,
}

func (s *Server) setVersioning(r *http.Request) (any, error) {
	in, err := read[api.SetVersioning](r)
	if err != nil {
		return nil, err
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	v := object.VersioningOff // which is refused
	for state, name := range versioningNames {
		if name == in.Versioning {
			v = state
		}
	}
	return s.changed(r)(s.Buckets.SetVersioning(r.Context(), b, v))
}

// kept returns what keeps versions, and the request's bucket.
func (s *Server) kept(r *http.Request) (Versions, *object.Bucket, error) {
	v, ok := s.Objects.(Versions)
	if !ok {
		return nil, nil, errs.New(errs.Internal, "the store keeps no versions")
	}
	b, err := s.findBucket(r)
	return v, b, err
}

// ownKept is kept for what only the bucket's owner may do.
func (s *Server) ownKept(r *http.Request) (Versions, *object.Bucket, error) {
	v, b, err := s.kept(r)
	if err == nil {
		err = s.mayOwn(r.Context(), b)
	}
	return v, b, err
}

func (s *Server) listVersions(r *http.Request) (any, error) {
	v, b, err := s.kept(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	l := object.ListVersions{Prefix: q.Get("key"), Limit: object.MaxListEntries}
	if after := q.Get("after"); after != "" {
		l.AfterKey, l.AfterVersion = l.Prefix, after
	}
	page, err := v.ListVersions(r.Context(), b, l)
	if err != nil {
		return nil, err
	}
	out := api.Versions{Versions: []api.Version{}, More: page.More && page.NextKey == l.Prefix, Next: page.NextVersion}
	for _, h := range page.Versions {
		if h.Key == l.Prefix {
			out.Versions = append(out.Versions, api.Version{Object: wireObject(&h.Head), ID: h.VersionID, Latest: h.Latest, Marker: h.Marker, Lock: wireLock(h.Lock)})
		}
	}
	if len(out.Versions) == 0 && l.AfterVersion == "" {
		return nil, nothing(r, v, b, l.Prefix, false)
	}
	return out, nil
}

// nothing is the error about a name that no version has: folder says that all under it may be meant.
func nothing(r *http.Request, v Versions, b *object.Bucket, name string, folder bool) error {
	ref, under := r.PathValue("bucket"), strings.TrimSuffix(name, "/")+"/"
	page, err := v.ListVersions(r.Context(), b, object.ListVersions{Prefix: under, Limit: 1})
	switch {
	case err != nil:
		return err
	case len(page.Versions) == 0:
		return errs.Newf(errs.NotFound, "nothing in the bucket %s is or was called %q", ref, name)
	case folder:
		return errs.Newf(errs.NotFound, "nothing in the bucket %s is or was called %q, but it is a folder: for all that is in it, add --prefix", ref, name)
	}
	return errs.Newf(errs.NotFound, "nothing in the bucket %s is or was called %q, but it is a folder: name an object in it, such as %s", ref, name, page.Versions[0].Key)
}

func (s *Server) undelete(r *http.Request) (any, error) {
	in, err := read[api.Undelete](r)
	if err != nil {
		return nil, err
	}
	v, b, err := s.ownKept(r)
	if err != nil {
		return nil, err
	}
	if in.Prefix {
		if in.Limit < 0 {
			return nil, errs.New(errs.Invalid, "the number of objects is negative")
		}
		return restored(r, v, b, object.RestorePage{Key: in.Key, Prefix: true, After: in.After, Limit: in.Limit, Dry: in.Dry}, v.UndeletePage)
	}
	h, was, err := v.Undelete(r.Context(), b, in.Key)
	if err != nil {
		return nil, err
	}
	return api.Undeleted{Object: wireObject(h), Was: was}, nil
}

func (s *Server) restore(r *http.Request) (any, error) {
	in, err := read[api.Restore](r)
	if err != nil {
		return nil, err
	}
	v, b, err := s.ownKept(r)
	if err != nil {
		return nil, err
	}
	if in.Key == "" && !in.Prefix || in.At.IsZero() {
		return nil, errs.New(errs.Invalid, "say what is to be brought back, and to when")
	}
	if in.At.After(s.Clock.Now()) {
		return nil, errs.New(errs.Invalid, "nobody can go back to a time that is still to come")
	}
	if in.Limit < 0 {
		return nil, errs.New(errs.Invalid, "the number of objects is negative")
	}
	return restored(r, v, b, object.RestorePage{Key: in.Key, Prefix: in.Prefix, At: in.At, After: in.After, Limit: in.Limit, Dry: in.Dry}, v.RestorePage)
}

// restored restores a page and answers about it. That there is nothing of the name is an error, but
// for a whole bucket.
func restored(r *http.Request, v Versions, b *object.Bucket, p object.RestorePage, restore func(context.Context, *object.Bucket, object.RestorePage) (*object.Restored, string, error)) (any, error) {
	done, next, err := restore(r.Context(), b, p)
	if err != nil {
		return nil, err
	}
	if *done == (object.Restored{}) && next == "" && p.After == "" && p.Key != "" {
		return nil, nothing(r, v, b, p.Key, !p.Prefix)
	}
	return api.Restored{Brought: done.Brought, Deleted: done.Deleted, Same: done.Same, Next: next}, nil
}
