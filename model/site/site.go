package site

import (
	"context"
	"errors"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
)

// What a site is made with.
const (
	DefaultIndex = "index.html"
	DefaultKeep  = 5
	maxKeep      = 50
	maxDocument  = 1024
)

// Create makes a site of a bucket. It fails with errs.Exists if it is one.
func (s *Store) Create(ctx context.Context, b *object.Bucket, made object.Site) (*object.Bucket, error) {
	if err := CheckSite(&made); err != nil {
		return nil, err
	}
	return s.Buckets.ChangeSettings(ctx, b, func(set *object.Settings) error {
		if set.Site != nil {
			return errs.New(errs.Exists, "the bucket is a site already")
		}
		if set.Block.BlockPolicy {
			return errs.New(errs.Denied, "the bucket's public access block forbids to make it public: take the block away first")
		}
		fresh := made
		set.Site = &fresh
		return nil
	})
}

// Change changes what a site is like: documents, rules and options. change may be called
// several times and has no other effects.
func (s *Store) Change(ctx context.Context, b *object.Bucket, change func(*object.Site) error) (*object.Bucket, error) {
	return s.change(ctx, b, func(site *object.Site) error {
		if err := change(site); err != nil {
			return err
		}
		return CheckSite(site)
	})
}

// Delete makes a bucket a bucket alone: its names are free, its deployments are gone; its
// own objects stay.
func (s *Store) Delete(ctx context.Context, b *object.Bucket) error {
	var had object.Settings
	_, err := s.Buckets.ChangeSettings(ctx, b, func(set *object.Settings) error {
		if set.Site == nil {
			return ErrNoSite
		}
		had = *set
		set.Site = nil
		return nil
	})
	if err != nil {
		return err
	}
	return errors.Join(s.Gone(ctx, b.ID, had), s.Sweep(ctx, b))
}

// CheckSite refuses a record that makes no sense.
func CheckSite(t *object.Site) error {
	switch {
	case len(t.Index) > maxDocument || strings.Contains(t.Index, "/"):
		return errs.New(errs.Invalid, "the index document is the last part of a key, such as index.html, without a slash")
	case len(t.Error) > maxDocument:
		return errs.New(errs.Invalid, "the key of the error document is too long")
	case t.Keep < 0 || t.Keep > maxKeep:
		return errs.Newf(errs.Invalid, "a site keeps 1 to %d deployments", maxKeep)
	case len(t.Rules) > maxRules:
		return errs.Newf(errs.Invalid, "a site has at most %d routing rules", maxRules)
	}
	return nil
}

// ByName returns the bucket of a site by one of its host names, or by the global name of
// its bucket; ErrNoSite if there is none.
func (s *Store) ByName(ctx context.Context, name string) (*object.Bucket, error) {
	f, err := s.Find(ctx, strings.ToLower(name))
	if err == nil {
		return f.Bucket, nil
	}
	if !errors.Is(err, ErrNoSite) {
		return nil, err
	}
	b, err := s.bucket(ctx, name)
	if errors.Is(err, errs.NotFound) || errors.Is(err, errs.Invalid) || err == nil && b.Settings.Site == nil {
		return nil, errs.Newf(errs.NotFound, "%q: %w", name, ErrNoSite)
	}
	return b, err
}

// bucket finds a bucket by its global name, or its ID.
func (s *Store) bucket(ctx context.Context, name string) (*object.Bucket, error) {
	if id, err := ident.Parse(name); err == nil {
		return s.Buckets.BucketByID(ctx, id)
	}
	return s.Buckets.Bucket(ctx, name, nil)
}

// All returns the buckets that are sites.
func (s *Store) All(ctx context.Context) ([]*object.Bucket, error) {
	all, err := s.Buckets.AllBuckets(ctx)
	if err != nil {
		return nil, err
	}
	var out []*object.Bucket
	for _, b := range all {
		if b.Settings.Site != nil {
			out = append(out, b)
		}
	}
	return out, nil
}

// OwnNames claims those of the bucket's own names that look like host names and are free.
func (s *Store) OwnNames(ctx context.Context, b *object.Bucket) (*object.Bucket, error) {
	for _, name := range b.Names {
		if CheckHost(name) != nil || s.below(name) != "" || hostOf(b, name) != nil {
			continue
		}
		now, err := s.Claim(ctx, b, name, "")
		switch {
		case errors.Is(err, ErrTaken):
		case err != nil:
			return nil, err
		default:
			b = now
		}
	}
	return b, nil
}

// deployment returns one of those kept, nil if it is not.
func deployment(t *object.Site, id ident.ID) *object.SiteDeployment {
	for i := range t.Kept {
		if t.Kept[i].ID == id {
			return &t.Kept[i]
		}
	}
	return nil
}
