package admin

import (
	"net/http"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/object"
)

func (s *Server) addAlias(r *http.Request) (any, error) {
	in, err := read[api.Alias](r)
	if err != nil {
		return nil, err
	}
	b, k, err := s.aliasOf(r, in)
	if err != nil {
		return nil, err
	}
	if err := s.Buckets.AddName(r.Context(), b, in.Name, k); err != nil {
		return nil, err
	}
	return s.showBucket(r)
}

func (s *Server) removeAlias(r *http.Request) (any, error) {
	in := api.Alias{Name: r.URL.Query().Get("name"), Key: r.URL.Query().Get("key")}
	b, k, err := s.aliasOf(r, in)
	if err != nil {
		return nil, err
	}
	if err := s.Buckets.RemoveName(r.Context(), b, in.Name, k); err != nil {
		return nil, err
	}
	r.SetPathValue("bucket", b.ID.String())
	return s.showBucket(r)
}

func (s *Server) aliasOf(r *http.Request, in api.Alias) (*object.Bucket, *account.Key, error) {
	b, err := s.findBucket(r)
	if err != nil || in.Key == "" {
		return b, nil, err
	}
	k, err := s.findKey(r.Context(), in.Key)
	return b, k, err
}

func (s *Server) setAccess(r *http.Request) (any, error) {
	in, err := read[api.SetAccess](r)
	if err != nil {
		return nil, err
	}
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	if in.Anonymous == (in.Key != "") {
		return nil, errs.New(errs.Invalid, "say who: a key, or anybody with --anonymous")
	}
	if in.Anonymous && in.Owner {
		return nil, errs.New(errs.Invalid, "a bucket cannot belong to anybody: --owner needs a key")
	}
	id, now := "", b.Anonymous
	if in.Key != "" {
		k, err := s.findKey(r.Context(), in.Key)
		if err != nil {
			return nil, err
		}
		id, now = k.ID, b.Grants[k.ID]
	}
	if err := s.Buckets.SetAccess(r.Context(), b, id, change(now, in)); err != nil {
		return nil, err
	}
	return s.showBucket(r)
}

func change(a object.Access, in api.SetAccess) object.Access {
	set := func(have, named bool) bool {
		if named {
			return in.Allow
		}
		return have
	}
	return object.Access{Read: set(a.Read, in.Read), Write: set(a.Write, in.Write), Owner: set(a.Owner, in.Owner)}
}

func (s *Server) setQuota(r *http.Request) (any, error) {
	in, err := read[api.SetQuota](r)
	if err != nil {
		return nil, err
	}
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	q := b.Quota
	if in.Bytes != nil {
		q.Bytes = *in.Bytes
	}
	if in.Objects != nil {
		q.Objects = *in.Objects
	}
	if q.Bytes < 0 || q.Objects < 0 {
		return nil, errs.New(errs.Invalid, "a quota cannot be negative")
	}
	if err := s.Buckets.SetQuota(r.Context(), b, q); err != nil {
		return nil, err
	}
	return s.showBucket(r)
}
