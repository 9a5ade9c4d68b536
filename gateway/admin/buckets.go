package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/object"
)

func (s *Server) listBuckets(r *http.Request) (any, error) {
	buckets, err := s.Buckets.AllBuckets(r.Context())
	if err != nil {
		return nil, err
	}
	names, err := s.keyNames(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]api.Bucket, 0, len(buckets))
	for _, b := range buckets {
		w, err := s.wireBucket(r.Context(), b, names)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func (s *Server) createBucket(r *http.Request) (any, error) {
	in, err := read[api.NewBucket](r)
	if err != nil {
		return nil, err
	}
	k, err := s.owner(r.Context(), in.Key)
	if err != nil {
		return nil, err
	}
	b, err := s.Buckets.CreateBucket(r.Context(), in.Name, k, in.Local)
	if err != nil {
		return nil, err
	}
	return s.describe(r.Context(), b)
}

// owner finds the key that a new bucket is to belong to: the one named, else the oldest
// one of the member who runs this node that is no guest's, if there is one.
func (s *Server) owner(ctx context.Context, ref string) (*account.Key, error) {
	if ref != "" {
		return s.ownKey(ctx, ref)
	}
	keys, err := s.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, errs.New(errs.NotFound, "there is no key that could own the bucket: make one with rhizome key create NAME")
	}
	member := s.Host.Facts().Member
	own := slices.DeleteFunc(slices.Clone(keys), func(k *account.Key) bool { return k.Member != member })
	if len(own) == 0 {
		return nil, errs.New(errs.NotFound, "no key is yours, which the bucket could belong to: make one with rhizome key create NAME, or name somebody's with --key")
	}
	return slices.MinFunc(own, func(a, b *account.Key) int {
		return cmp.Or(cmp.Compare(s.guest(a), s.guest(b)), a.Created.Compare(b.Created))
	}), nil
}

// guest says how little a key looks like one that buckets are given to: one that ended least,
// then one that will, then one that may make so many requests only.
func (s *Server) guest(k *account.Key) int {
	switch {
	case k.Expires.IsZero() && k.Rate == 0:
		return 0
	case k.Expires.IsZero():
		return 1
	case !ended(k, s.Clock.Now()):
		return 2
	}
	return 3
}

func (s *Server) showBucket(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	return s.describe(r.Context(), b)
}

func (s *Server) deleteBucket(r *http.Request) (any, error) {
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	if err := s.writtenTo(r.Context(), b); err != nil {
		return nil, err
	}
	return nil, s.Buckets.DeleteBucket(r.Context(), b)
}

// writtenTo refuses a bucket that reports about another one are written to, if that one's
// settings are for whoever deletes to change.
func (s *Server) writtenTo(ctx context.Context, b *object.Bucket) error {
	all, err := s.Buckets.AllBuckets(ctx)
	if err != nil {
		return err
	}
	for _, from := range all {
		to := reports(from, b.ID)
		if from.ID == b.ID || to == nil {
			continue
		}
		switch err := s.mayOwn(ctx, from); {
		case errors.Is(err, errs.Denied):
		case err != nil:
			return err
		default:
			return to
		}
	}
	return nil
}

// reports says which reports about a bucket are written to another one; nil: none.
func reports(from *object.Bucket, to ident.ID) error {
	if l := from.Settings.Logging; l != nil && l.To.Bucket == to {
		return errs.Newf(errs.Conflict, "requests to the bucket %s are written to it: stop that first, with rhizome bucket logging %s --off", from.Name(), from.Name())
	}
	for _, i := range from.Settings.Inventory {
		if i.To.Bucket == to && !i.Off {
			return errs.Newf(errs.Conflict, "the list %s of the bucket %s is written to it: stop that first, with rhizome bucket inventory %s --name %s --off", i.ID, from.Name(), from.Name(), i.ID)
		}
	}
	return nil
}

func (s *Server) findBucket(r *http.Request) (*object.Bucket, error) {
	return s.bucketNamed(r.Context(), r.PathValue("bucket"))
}

// bucketNamed finds a bucket by global name or ID, or by a local name when one
// bucket alone has it.
func (s *Server) bucketNamed(ctx context.Context, ref string) (*object.Bucket, error) {
	all, err := s.Buckets.AllBuckets(ctx)
	if err != nil {
		return nil, err
	}
	ref = strings.TrimSuffix(strings.TrimPrefix(ref, "("), ")") // as local names are shown
	var local []*object.Bucket
	for _, b := range all {
		if slices.Contains(b.Names, ref) || b.ID.String() == ref {
			return b, nil
		}
		for _, names := range b.LocalNames {
			if slices.Contains(names, ref) {
				local = append(local, b)
				break
			}
		}
	}
	switch len(local) {
	case 0:
		return nil, errs.Newf(errs.NotFound, "there is no bucket %q", ref)
	case 1:
		return local[0], nil
	}
	return nil, errs.Newf(errs.Invalid, "several buckets have the local name %q: say which by its ID", ref)
}

func (s *Server) describe(ctx context.Context, b *object.Bucket) (any, error) {
	names, err := s.keyNames(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.wireBucket(ctx, b, names)
	if err != nil {
		return nil, err
	}
	if err := s.wireWaiting(ctx, b, &out); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Server) keyNames(ctx context.Context) (map[string]string, error) {
	keys, err := s.Keys.Keys(ctx)
	names := make(map[string]string, len(keys))
	for _, k := range keys {
		names[k.ID] = k.Name
	}
	return names, err
}

func (s *Server) wireBucket(ctx context.Context, b *object.Bucket, keyNames map[string]string) (api.Bucket, error) {
	u, err := s.Buckets.Usage(ctx, b)
	if err != nil {
		return api.Bucket{}, err
	}
	out := api.Bucket{
		ID: b.ID.String(), Created: b.Created, Names: b.Names, LocalNames: b.LocalNames,
		Objects: u.Objects, Bytes: u.Bytes,
		Quota:      api.Quota(b.Quota),
		Versioning: versioningNames[b.Versioning],
		Lock:       wireBucketLock(b.Lock),
		Lifecycle:  wireRules(b.Settings.Lifecycle),
		Anonymous:  api.Access(b.Anonymous),
		Grants:     []api.Grant{},
	}
	if out.Names == nil {
		out.Names = []string{}
	}
	for id, a := range b.Grants {
		name, there := keyNames[id]
		out.Grants = append(out.Grants, api.Grant{Key: id, Name: name, Deleted: !there, Access: api.Access(a)})
	}
	slices.SortFunc(out.Grants, func(a, b api.Grant) int { return strings.Compare(a.Key, b.Key) })
	for _, n := range b.Settings.Notify {
		out.Notify = append(out.Notify, api.Notify(n))
	}
	out.Logging = s.wireLogging(ctx, b)
	if p := b.Settings.Policy; p != nil {
		out.Policy = &api.BucketPolicy{Public: s.opens(ctx, p)}
	}
	return out, nil
}
