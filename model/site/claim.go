package site

import (
	"context"
	"errors"
	"slices"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// maxHosts bounds the names of one site.
const maxHosts = 100

// Claim gives a site a name, which leads on to another if to is set. It fails with
// ErrTaken if the name leads to another site. If it fails with errs.Unavailable it may be
// repeated, or taken back with Release.
func (s *Store) Claim(ctx context.Context, b *object.Bucket, name, to string) (*object.Bucket, error) {
	if err := CheckHost(name); err != nil {
		return nil, err
	}
	if s.below(name) != "" {
		return nil, errs.Newf(errs.Invalid, "%q leads to the bucket that is named in it by itself", name)
	}
	added := false
	out, err := s.change(ctx, b, func(site *object.Site) error {
		added = add(site, name, to)
		if len(site.Hosts) > maxHosts {
			return errs.Newf(errs.TooLarge, "a site has at most %d names", maxHosts)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.take(ctx, name, b.ID)
	if err == nil || !added || !errors.Is(err, ErrTaken) {
		return out, err
	}
	_, undo := s.change(ctx, b, func(site *object.Site) error { drop(site, name); return nil })
	return nil, errors.Join(err, undo)
}

// take commits a name for a bucket that lists it.
func (s *Store) take(ctx context.Context, name string, id ident.ID) error {
	seen, err := s.host(ctx, name)
	if err != nil {
		return err
	}
	free, err := s.free(ctx, name, seen.Bucket)
	if err != nil {
		return err
	}
	return s.setHost(ctx, name, func(r hostRecord) (hostRecord, error) {
		if r.Bucket.IsZero() || r.Bucket == id || free && r == seen {
			return hostRecord{id, ident.New()}, nil
		}
		return r, ErrTaken
	})
}

// setHost rewrites the row of a name; the zero record is none.
func (s *Store) setHost(ctx context.Context, name string, f func(hostRecord) (hostRecord, error)) error {
	_, err := s.Registers.Update(ctx, hostRow(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		var r hostRecord
		if old != nil {
			if err := codec.Decode(old.Data, &r); err != nil {
				return nil, err
			}
		}
		now, err := f(r)
		switch {
		case err != nil:
			return nil, err
		case now.Bucket.IsZero():
			return nil, nil
		case now == r:
			return old, nil
		}
		return now.value(), nil
	}})
	return err
}

// free reports whether a name that leads to a bucket may be taken over.
func (s *Store) free(ctx context.Context, name string, id ident.ID) (bool, error) {
	if id.IsZero() {
		return true, nil
	}
	b, err := s.Buckets.BucketByID(ctx, id)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return true, nil
	}
	return err == nil && hostOf(b, name) == nil, err
}

// Release takes a name away from a site. It may be repeated until it succeeds.
func (s *Store) Release(ctx context.Context, b *object.Bucket, name string) (*object.Bucket, error) {
	seen, err := s.host(ctx, name)
	if err != nil {
		return nil, err
	}
	listed := false
	out, err := s.change(ctx, b, func(site *object.Site) error {
		listed = drop(site, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	had, err := s.unset(ctx, name, seen, b.ID)
	if err == nil && !listed && !had {
		err = errs.Newf(errs.NotFound, "the site has no name %q", name)
	}
	return out, err
}

// unset removes the row of a name if it leads to the bucket, and nobody claimed it since it
// was seen.
func (s *Store) unset(ctx context.Context, name string, seen hostRecord, id ident.ID) (had bool, err error) {
	if seen.Bucket != id {
		return false, nil
	}
	return true, s.setHost(ctx, name, func(r hostRecord) (hostRecord, error) {
		if r == seen {
			return hostRecord{}, nil
		}
		return r, nil
	})
}

// Move gives a name of one site to another. Who calls it has the owner's consent.
func (s *Store) Move(ctx context.Context, name string, to *object.Bucket) (*object.Bucket, error) {
	from, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	if from.Bucket.ID == to.ID {
		return to, nil
	}
	out, err := s.change(ctx, to, func(site *object.Site) error { add(site, name, ""); return nil })
	if err != nil {
		return nil, err
	}
	err = s.setHost(ctx, name, func(r hostRecord) (hostRecord, error) {
		if r.Bucket != from.Bucket.ID && r.Bucket != to.ID {
			return r, errs.Newf(errs.Conflict, "the name went elsewhere meanwhile: %w", ErrTaken)
		}
		return hostRecord{to.ID, ident.New()}, nil
	})
	if errors.Is(err, ErrTaken) {
		_, undo := s.change(ctx, to, func(site *object.Site) error { drop(site, name); return nil })
		return nil, errors.Join(err, undo)
	}
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, from.Bucket, func(site *object.Site) error { drop(site, name); return nil })
	if errors.Is(err, errs.NotFound) {
		err = nil // with the site goes what it lists
	}
	return out, err
}

// Gone removes what is kept of a bucket that was deleted, or of a site.
func (s *Store) Gone(ctx context.Context, id ident.ID, settings object.Settings) error {
	if settings.Site == nil {
		return nil
	}
	for _, h := range settings.Site.Hosts {
		seen, err := s.host(ctx, h.Name)
		if err != nil {
			return err
		}
		if _, err := s.unset(ctx, h.Name, seen, id); err != nil {
			return err
		}
	}
	return s.forgetVisits(ctx, id)
}

// change changes a bucket's site; ErrNoSite if it is none.
func (s *Store) change(ctx context.Context, b *object.Bucket, f func(*object.Site) error) (*object.Bucket, error) {
	return s.Buckets.ChangeSettings(ctx, b, func(set *object.Settings) error {
		if set.Site == nil {
			return ErrNoSite
		}
		return f(set.Site)
	})
}

// add lists a name and reports whether it was not there.
func add(site *object.Site, name, to string) bool {
	for i := range site.Hosts {
		if site.Hosts[i].Name == name {
			site.Hosts[i].To = to
			return false
		}
	}
	site.Hosts = append(site.Hosts, object.SiteHost{Name: name, To: to})
	return true
}

// drop takes a name off the list, and from those that lead on to it where they lead; it
// reports whether it was there.
func drop(site *object.Site, name string) bool {
	n := len(site.Hosts)
	site.Hosts = slices.DeleteFunc(site.Hosts, func(h object.SiteHost) bool { return h.Name == name })
	for i := range site.Hosts {
		if site.Hosts[i].To == name {
			site.Hosts[i].To = ""
		}
	}
	return len(site.Hosts) < n
}
