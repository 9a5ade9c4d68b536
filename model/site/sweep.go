package site

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/model/object"
)

// Sweep deletes what no deployment of a bucket needs any more; see the package's doc comment
// for why that is right.
func (s *Store) Sweep(ctx context.Context, b *object.Bucket) error {
	there, err := s.stored(ctx, b)
	if err != nil || len(there) == 0 {
		return err
	}
	needed, err := s.needed(ctx, b)
	if err != nil || needed == nil {
		return err
	}
	for _, o := range there {
		if !needed[o.Key] {
			if err := s.remove(ctx, b, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// needed returns the keys of the objects that kept deployments have; nil if others are
// under way, which may count on more.
func (s *Store) needed(ctx context.Context, b *object.Bucket) (map[string]bool, error) {
	now, err := s.Buckets.BucketByID(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	t := now.Settings.Site
	if t == nil {
		return out, nil
	}
	if len(t.Underway) > 0 {
		return nil, nil
	}
	for i := range t.Kept {
		m, err := s.Manifest(ctx, now, &t.Kept[i])
		if err != nil {
			return nil, err
		}
		out[manifestKey(t.Kept[i].ID)] = true
		for j := range m.Files {
			out[m.Files[j].Key()] = true
		}
	}
	return out, nil
}

// stored returns every version of every object of deployments.
func (s *Store) stored(ctx context.Context, b *object.Bucket) (out []object.VersionHead, err error) {
	l := object.ListVersions{Prefix: Prefix, Limit: object.MaxListEntries}
	for {
		p, err := s.Buckets.ListVersions(ctx, b, l)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Versions...)
		if !p.More {
			return out, nil
		}
		l.AfterKey, l.AfterVersion = p.NextKey, p.NextVersion
	}
}

// remove deletes one version for good. One that is locked stays, and harms nobody.
func (s *Store) remove(ctx context.Context, b *object.Bucket, o object.VersionHead) error {
	_, err := s.Buckets.DeleteVersion(ctx, b, o.Key, o.VersionID, object.Conditions{})
	if errors.Is(err, errs.Denied) {
		return nil
	}
	return err
}
