package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/object"
)

// share makes a link to an object that works without a key until it expires.
func (s *Server) share(r *http.Request) (any, error) {
	in, err := read[api.Share](r)
	if err != nil {
		return nil, err
	}
	if in.Seconds < 1 || in.Seconds > api.MaxShare {
		return nil, errs.New(errs.Invalid, "a link can live from one second to seven days")
	}
	b, err := s.bucketNamed(r.Context(), in.Bucket)
	if err != nil {
		return nil, err
	}
	if _, err := s.Objects.Stat(r.Context(), b, object.Get{Key: in.Object}); err != nil {
		return nil, err
	}
	k, name, err := s.reader(r.Context(), b)
	if err != nil {
		return nil, err
	}
	now, end := s.Clock.Now(), s.Host.Facts().S3
	link, err := presign(signing{
		Base: end.URL, Bucket: name, Object: in.Object, Region: end.Region,
		Key: k.ID, Secret: k.Secret, Now: now, Seconds: in.Seconds,
	})
	if err != nil {
		return nil, err
	}
	return api.Shared{URL: link, Expires: now.Add(time.Duration(in.Seconds) * time.Second)}, nil
}

// reader finds a key that may read b, and the name under which that key sees it.
// Keys are tried in order of ID, so that the same link comes out the same way.
func (s *Server) reader(ctx context.Context, b *object.Bucket) (*account.Key, string, error) {
	ids := make([]string, 0, len(b.Grants))
	for id, a := range b.Grants {
		if a.Read {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		k, err := s.Keys.Key(ctx, id)
		if err != nil {
			continue // it was deleted a moment ago
		}
		switch err := s.mayUse(ctx, k); {
		case errors.Is(err, errs.Denied):
			continue
		case err != nil:
			return nil, "", err
		}
		if name := nameFor(b, k); name != "" {
			return k, name, nil
		}
	}
	return nil, "", errs.New(errs.Denied, "no key may read this bucket, so no link can be signed: allow one with rhizome bucket allow BUCKET --key KEY --read")
}

// nameFor returns a name by which k reaches b, "" if there is none: one of its own,
// or a global one that no name of its own hides.
func nameFor(b *object.Bucket, k *account.Key) string {
	if own := b.LocalNames[k.ID]; len(own) > 0 {
		return own[0]
	}
	for _, n := range b.Names {
		if id, hidden := k.Buckets[n]; !hidden || id == b.ID {
			return n
		}
	}
	return ""
}
