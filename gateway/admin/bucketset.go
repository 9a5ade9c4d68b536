package admin

import (
	"context"
	"net/http"
	"slices"
	"strconv"

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
	return s.changed(r)(s.Buckets.Alias(r.Context(), b, in.Name, k))
}

func (s *Server) removeAlias(r *http.Request) (any, error) {
	in := api.Alias{Name: r.URL.Query().Get("name"), Key: r.URL.Query().Get("key")}
	b, k, err := s.aliasOf(r, in)
	if err != nil {
		return nil, err
	}
	if k == nil && !slices.Contains(b.Names, in.Name) {
		if err := s.localOnly(r.Context(), b, in.Name); err != nil {
			return nil, err
		}
	}
	return s.changed(r)(s.Buckets.Unalias(r.Context(), b, in.Name, k))
}

// localOnly refuses a name that single keys alone see, and says which.
func (s *Server) localOnly(ctx context.Context, b *object.Bucket, name string) error {
	for id, names := range b.LocalNames {
		if !slices.Contains(names, name) {
			continue
		}
		k, err := s.findKey(ctx, id)
		if err != nil {
			return err
		}
		who := k.ID
		if same, err := s.findKey(ctx, k.Name); err == nil && same.ID == k.ID {
			who = k.Name
		}
		return errs.Newf(errs.Invalid, "%s is a name that only the key %q sees: say so with --local %s", name, who, strconv.Quote(who))
	}
	return nil
}

// changed answers with a bucket after a change.
func (s *Server) changed(r *http.Request) func(*object.Bucket, error) (any, error) {
	return func(b *object.Bucket, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return s.describe(r.Context(), b)
	}
}

func (s *Server) aliasOf(r *http.Request, in api.Alias) (*object.Bucket, *account.Key, error) {
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil || in.Key == "" {
		return b, nil, err
	}
	k, err := s.ownKey(r.Context(), in.Key)
	return b, k, err
}

func (s *Server) setAccess(r *http.Request) (any, error) {
	in, err := read[api.SetAccess](r)
	if err != nil {
		return nil, err
	}
	if in.Anonymous == (in.Key != "") {
		return nil, errs.New(errs.Invalid, "say who: a key, or anybody with --anonymous")
	}
	if in.Anonymous && in.Owner {
		return nil, errs.New(errs.Invalid, "a bucket cannot belong to anybody: --owner needs a key")
	}
	if in.Anonymous && in.Write && in.Allow && !in.Sure {
		return nil, errs.New(errs.Denied, "anybody who reaches this store could write to the bucket and delete what is in it, without a key: add --yes if that is meant")
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	s.granting.Lock()
	defer s.granting.Unlock()
	who := ""
	if !in.Anonymous {
		k, err := s.findKey(r.Context(), in.Key)
		if err != nil {
			return nil, err
		}
		who = k.ID
	}
	if in.Owner && !in.Allow && !in.Sure && lastOwner(b, who) {
		return nil, errs.Newf(errs.Denied, "no other key owns the bucket, so that no program could change its settings or delete it any more: let another key own it first with rhizome bucket allow, or add --yes if that is meant")
	}
	return s.changed(r)(s.Buckets.ChangeAccess(r.Context(), b.ID, who, func(had object.Access) object.Access { return change(had, in) }))
}

// lastOwner reports whether a key owns a bucket, and no other one does.
func lastOwner(b *object.Bucket, key string) bool {
	for id, a := range b.Grants {
		if a.Owner && id != key {
			return false
		}
	}
	return b.Grants[key].Owner
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
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	return s.changed(r)(s.Buckets.ChangeQuota(r.Context(), b.ID, func(q object.Quota) object.Quota {
		if in.Bytes != nil {
			q.Bytes = *in.Bytes
		}
		if in.Objects != nil {
			q.Objects = *in.Objects
		}
		return q
	}))
}
