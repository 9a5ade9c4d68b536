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

// ChangeAccess changes what a key may do with a bucket, or anybody if key is empty,
// who never owns it; the zero Access takes everything away. change makes of what was allowed what is; it may be called
// several times and has no effects. Of two changes at once neither is lost.
func (s *Store) ChangeAccess(ctx context.Context, bucket ident.ID, key string, change func(Access) Access) (*Bucket, error) {
	return s.changeBucket(ctx, bucket, func(r *bucketRecord) error {
		if key == "" {
			return r.open(change)
		}
		had, there := r.Grants[key]
		a := change(had)
		if a == (Access{}) {
			delete(r.Grants, key)
			return nil
		}
		if r.Grants == nil {
			r.Grants = map[string]Access{}
		}
		if !there && len(r.Grants) >= 1000 {
			return errs.New(errs.TooLarge, "a bucket has at most 1,000 grants")
		}
		r.Grants[key] = a
		return nil
	})
}

// ChangeQuota changes what limits a bucket, as ChangeAccess does. What is over the
// limit already stays.
func (s *Store) ChangeQuota(ctx context.Context, bucket ident.ID, change func(Quota) Quota) (*Bucket, error) {
	return s.changeBucket(ctx, bucket, func(r *bucketRecord) error {
		q := change(r.Quota)
		if q.Bytes < 0 || q.Objects < 0 {
			return errs.New(errs.Invalid, "a quota is not negative")
		}
		r.Quota = q
		return nil
	})
}

// Alias gives a bucket another name: global, or local to key k if k is not nil. If it
// fails with errs.Unavailable it may be repeated, or taken back with Unalias.
func (s *Store) Alias(ctx context.Context, b *Bucket, name string, k *account.Key) (*Bucket, error) {
	if err := CheckBucketName(name); err != nil {
		return nil, err
	}
	// The record lists the name before the name leads here: deleting the bucket then
	// finds every name that may lead to it.
	added := false
	out, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		if added = r.addName(name, k); added && r.nameCount() > maxNames {
			return errs.Newf(errs.TooLarge, "a bucket has at most %d names", maxNames)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.takeName(ctx, name, k, k != nil, b.ID)
	if err == nil {
		return out, nil
	}
	if !added || !refused(err) {
		return nil, err // it may lead here
	}
	_, undo := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		r.dropName(name, k)
		return nil
	})
	return nil, errors.Join(err, undo)
}

// Unalias takes a name away from a bucket. The last name is refused: nobody could
// reach the bucket any more. It may be repeated until it succeeds: a name that the
// record has lost but that leads here yet counts.
func (s *Store) Unalias(ctx context.Context, b *Bucket, name string, k *account.Key) (*Bucket, error) {
	out, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		if !r.dropName(name, k) {
			return errNothing
		}
		if r.nameCount() == 0 {
			return errs.Newf(errs.Invalid, "%q is the bucket's last name: give it another first, or delete the bucket", name)
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		out, err = s.leftover(ctx, b.ID, name, k)
	}
	if err != nil {
		return nil, err
	}
	if k != nil {
		return out, s.Accounts.DropLocalName(ctx, k.ID, name, b.ID)
	}
	return out, s.releaseName(ctx, name, b.ID)
}

// leftover returns the bucket if the name leads to it, and errs.NotFound if not.
func (s *Store) leftover(ctx context.Context, id ident.ID, name string, k *account.Key) (*Bucket, error) {
	var there ident.ID
	if k != nil {
		fresh, err := s.Accounts.Key(ctx, k.ID)
		if err != nil {
			return nil, err
		}
		there = fresh.Buckets[name]
	} else {
		v, _, err := s.Registers.Read(ctx, aliasRow(name))
		if err != nil {
			return nil, err
		}
		a, err := decodeRow[aliasRecord](v)
		if err != nil {
			return nil, err
		}
		there = a.Bucket
	}
	if there != id {
		return nil, errs.Newf(errs.NotFound, "the bucket is not called %q", name)
	}
	return s.bucketByID(ctx, id)
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

func (r *bucketRecord) nameCount() int {
	n := len(r.Names)
	for _, local := range r.LocalNames {
		n += len(local)
	}
	return n
}

// addName reports whether the name was not there.
func (r *bucketRecord) addName(name string, k *account.Key) bool {
	if k == nil {
		if slices.Contains(r.Names, name) {
			return false
		}
		r.Names = append(r.Names, name)
		return true
	}
	if slices.Contains(r.LocalNames[k.ID], name) {
		return false
	}
	if r.LocalNames == nil {
		r.LocalNames = map[string][]string{}
	}
	r.LocalNames[k.ID] = append(r.LocalNames[k.ID], name)
	return true
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
