package admin

import (
	"context"
	"errors"
	"maps"
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
	now := s.Clock.Now()
	best, err := s.bestLink(r.Context(), b, in, now)
	if err != nil {
		return nil, err
	}
	out := api.Shared{URL: best.url, Expires: now.Add(time.Duration(in.Seconds) * time.Second), Refused: best.refused}
	if end := best.key.Expires; !end.IsZero() && end.Before(out.Expires) {
		out.Expires = end
	}
	return out, nil
}

// signedLink is a link that a key can sign.
type signedLink struct {
	key     *account.Key
	url     string
	refused bool // S3 refuses it, by the bucket's policy
	faults  int  // the more, the less it is what was asked for
}

// bestLink returns the link, of those that keys may sign which read b, that has the least against
// it: it is refused, names the bucket otherwise than it was asked for, or ends with its key.
// Keys are tried in order of ID, so that the same link comes out the same way.
func (s *Server) bestLink(ctx context.Context, b *object.Bucket, in api.Share, now time.Time) (*signedLink, error) {
	keys, err := s.readers(ctx, b, now)
	if err != nil {
		return nil, err
	}
	var best *signedLink
	for _, k := range keys {
		l, err := s.linkOf(ctx, b, k, in, now)
		if err != nil {
			return nil, err
		}
		if l != nil && (best == nil || l.faults < best.faults) {
			best = l
		}
	}
	if best == nil {
		return nil, errs.New(errs.Denied, "no key may read this bucket, so no link can be signed: allow one with rhizome bucket allow BUCKET --key KEY --read")
	}
	return best, nil
}

// linkOf is the link that k signs; nil if it has no name for the bucket.
func (s *Server) linkOf(ctx context.Context, b *object.Bucket, k *account.Key, in api.Share, now time.Time) (*signedLink, error) {
	name, end := nameFor(b, k, in.Bucket), s.Host.Facts().S3
	if name == "" {
		return nil, nil
	}
	link, err := presign(signing{
		Base: end.URL, Bucket: name, Object: in.Object, Region: end.Region,
		Key: k.ID, Secret: k.Secret, Now: now, Seconds: in.Seconds,
	})
	if err != nil {
		return nil, err
	}
	l := &signedLink{key: k, url: link, refused: s.Follow != nil && !s.Follow(ctx, b, k, in.Object, link)}
	if l.refused {
		l.faults += 4
	}
	if slices.Contains(b.Names, in.Bucket) && name != in.Bucket {
		l.faults += 2
	}
	if !k.Expires.IsZero() && k.Expires.Before(now.Add(time.Duration(in.Seconds)*time.Second)) {
		l.faults++
	}
	return l, nil
}

// readers are the keys that may read b and that may be used here, by ID.
func (s *Server) readers(ctx context.Context, b *object.Bucket, now time.Time) (out []*account.Key, err error) {
	for _, id := range slices.Sorted(maps.Keys(b.Grants)) {
		if !b.Grants[id].Read {
			continue
		}
		k, err := s.Keys.Key(ctx, id)
		if err != nil || ended(k, now) {
			continue // it was deleted a moment ago, or signs nothing any more
		}
		switch err := s.mayUse(ctx, k); {
		case errors.Is(err, errs.Denied):
		case err != nil:
			return nil, err
		default:
			out = append(out, k)
		}
	}
	return out, nil
}

// nameFor returns a name by which k reaches b, the one asked for if it is one; "" if there is
// none: one of its own, or a global one that no name of its own hides.
func nameFor(b *object.Bucket, k *account.Key, asked string) string {
	names := slices.Clone(b.LocalNames[k.ID])
	for _, n := range b.Names {
		if id, hidden := k.Buckets[n]; !hidden || id == b.ID {
			names = append(names, n)
		}
	}
	if slices.Contains(names, asked) {
		return asked
	}
	return append(names, "")[0]
}
