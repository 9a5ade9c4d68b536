package object

import (
	"context"
	"errors"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/account"
)

// maxNames bounds the names of one bucket.
const maxNames = 100

// Allow sets what a key may do with a bucket; the zero Access takes everything away.
func (s *Store) Allow(ctx context.Context, bucket ident.ID, key string, a Access) (*Bucket, error) {
	return s.changeBucket(ctx, bucket, func(r *bucketRecord) error {
		if a == (Access{}) {
			delete(r.Grants, key)
			return nil
		}
		if r.Grants == nil {
			r.Grants = map[string]Access{}
		}
		if _, there := r.Grants[key]; !there && len(r.Grants) >= 1000 {
			return errs.New(errs.TooLarge, "a bucket has at most 1,000 grants")
		}
		r.Grants[key] = a
		return nil
	})
}

// AllowAnonymous sets what anybody may do with a bucket. Owner is ignored.
func (s *Store) AllowAnonymous(ctx context.Context, bucket ident.ID, a Access) (*Bucket, error) {
	a.Owner = false
	return s.changeBucket(ctx, bucket, func(r *bucketRecord) error {
		r.Anonymous = a
		return nil
	})
}

// SetQuota limits a bucket. What is over the limit already stays.
func (s *Store) SetQuota(ctx context.Context, bucket ident.ID, q Quota) (*Bucket, error) {
	if q.Bytes < 0 || q.Objects < 0 {
		return nil, errs.New(errs.Invalid, "a quota is not negative")
	}
	return s.changeBucket(ctx, bucket, func(r *bucketRecord) error {
		r.Quota = q
		return nil
	})
}

// Alias gives a bucket another name: global, or local to key k if k is not nil.
func (s *Store) Alias(ctx context.Context, b *Bucket, name string, k *account.Key) (*Bucket, error) {
	if err := CheckBucketName(name); err != nil {
		return nil, err
	}
	if len(b.Names)+len(b.LocalNames) >= maxNames {
		return nil, errs.Newf(errs.TooLarge, "a bucket has at most %d names", maxNames)
	}
	// The record lists the name before the name leads here: deleting the bucket then
	// finds every name that may lead to it.
	out, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		r.addName(name, k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.takeName(ctx, name, k, k != nil, b.ID); err != nil {
		_, undo := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
			r.dropName(name, k)
			return nil
		})
		return nil, errors.Join(err, undo)
	}
	return out, nil
}

// Unalias takes a name away from a bucket. The last name is refused: nobody could
// reach the bucket any more.
func (s *Store) Unalias(ctx context.Context, b *Bucket, name string, k *account.Key) (*Bucket, error) {
	out, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		if !r.dropName(name, k) {
			return errs.Newf(errs.NotFound, "the bucket is not called %q", name)
		}
		if len(r.Names) == 0 && len(r.LocalNames) == 0 {
			return errs.Newf(errs.Invalid, "%q is the bucket's last name: give it another first, or delete the bucket", name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if k != nil {
		return out, s.Accounts.DropLocalName(ctx, k.ID, name, b.ID)
	}
	return out, s.releaseName(ctx, name, b.ID)
}

// releaseName removes a global name if it stands for the bucket.
func (s *Store) releaseName(ctx context.Context, name string, id ident.ID) error {
	_, err := s.Registers.Update(ctx, aliasRow(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		a, err := decodeRow[aliasRecord](old)
		if err != nil || old == nil || a.Bucket != id {
			return old, err
		}
		return nil, nil
	}})
	return err
}

func (r *bucketRecord) addName(name string, k *account.Key) {
	if k == nil {
		if !slices.Contains(r.Names, name) {
			r.Names = append(r.Names, name)
		}
		return
	}
	if r.LocalNames == nil {
		r.LocalNames = map[string][]string{}
	}
	if !slices.Contains(r.LocalNames[k.ID], name) {
		r.LocalNames[k.ID] = append(r.LocalNames[k.ID], name)
	}
}

// dropName reports whether the name was there.
func (r *bucketRecord) dropName(name string, k *account.Key) bool {
	if k == nil {
		i := slices.Index(r.Names, name)
		if i >= 0 {
			r.Names = slices.Delete(r.Names, i, i+1)
		}
		return i >= 0
	}
	names := r.LocalNames[k.ID]
	i := slices.Index(names, name)
	if i < 0 {
		return false
	}
	r.LocalNames[k.ID] = slices.Delete(names, i, i+1)
	if len(r.LocalNames[k.ID]) == 0 {
		delete(r.LocalNames, k.ID)
	}
	return true
}
