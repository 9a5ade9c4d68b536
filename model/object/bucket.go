package object

import (
	"context"
	"errors"
	"slices"
	"sort"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/account"
)

const bucketShards = 16

func bucketRow(id ident.ID) register.Row {
	return register.Row{Table: Buckets, Part: "b" + string([]byte{register.Shard(id.Key(), bucketShards)}), Sort: id.Key()}
}

func aliasRow(name string) register.Row { return register.Row{Table: Aliases, Part: name} }

func (r *bucketRecord) value() *register.Value {
	return &register.Value{Data: codec.EncodeAs(r.generation(), r), Pending: r.State != bucketActive, Count: 1}
}

// CreateBucket implements Service.
func (s *Store) CreateBucket(ctx context.Context, name string, k *account.Key, local bool) (*Bucket, error) {
	return s.createBucket(ctx, name, k, local, func(*bucketRecord) {})
}

// createBucket makes a bucket with what set says beside.
func (s *Store) createBucket(ctx context.Context, name string, k *account.Key, local bool, set func(*bucketRecord)) (*Bucket, error) {
	if err := CheckBucketName(name); err != nil {
		return nil, err
	}
	if err := s.nameFree(ctx, name, k, local); err != nil {
		return nil, err
	}
	if err := s.checkRoom(0); err != nil {
		return nil, err
	}
	id, secret := ident.New(), ident.NewSecret()
	r := &bucketRecord{Created: s.now(), Shards: shardCount, State: bucketNew, Grants: map[string]Access{},
		Sealed: s.bucketSeal.Seal(secret[:], id[:])}
	set(r)
	if err := s.known(r.generation()); err != nil {
		return nil, err
	}
	if k != nil {
		r.Grants[k.ID] = Access{true, true, true}
	}
	if local {
		r.LocalNames = map[string][]string{k.ID: {name}}
	} else {
		r.Names = []string{name}
	}
	defer s.hold(bucketRow(id))()
	if err := s.Keyring.Keep(id, r.Sealed); err != nil {
		return nil, err
	}
	if err := s.Registers.Create(ctx, bucketRow(id), s.Registers.NewBallot(), r.value()); err != nil {
		return nil, err
	}
	if err := s.takeName(ctx, name, k, local, id); err != nil {
		return nil, err
	}
	if !local {
		s.enqueue(aliasRow(name))
	}
	// The name is taken, but a collector that thought this coordinator dead, or another
	// who wants the name, may have removed the row first: only this update makes the
	// bucket real.
	b, err := s.changeBucket(ctx, id, func(r *bucketRecord) error {
		if r.State != bucketNew {
			return ErrBusy
		}
		r.State = bucketActive
		return nil
	})
	if errors.Is(err, ErrNoSuchBucket) {
		err = errs.Newf(errs.Conflict, "somebody else makes a bucket of this name: %w", ErrBusy)
	}
	return b, err
}

// nameFree reports why a name cannot be taken by k, if so.
func (s *Store) nameFree(ctx context.Context, name string, k *account.Key, local bool) error {
	if local && k == nil {
		return errs.New(errs.Invalid, "a local name needs a key")
	}
	var there *Bucket
	var err error
	if local {
		fresh, kerr := s.Accounts.Key(ctx, k.ID)
		if kerr != nil {
			return kerr
		}
		id, taken := fresh.Buckets[name]
		if !taken {
			return nil
		}
		there, err = s.bucketByID(ctx, id)
	} else {
		there, err = s.globalBucket(ctx, name)
	}
	switch {
	case errors.Is(err, ErrNoSuchBucket):
		return nil
	case err != nil:
		return err
	case k != nil && there.Grants[k.ID].Owner:
		return ErrBucketOwned
	}
	return ErrBucketExists
}

// takeName commits a name for bucket id; a name that stands for no living bucket is
// free.
func (s *Store) takeName(ctx context.Context, name string, k *account.Key, local bool, id ident.ID) error {
	if local {
		return s.takeLocalName(ctx, name, k, id)
	}
	dead, err := s.deadTarget(ctx, name)
	if err != nil {
		return err
	}
	_, err = s.Registers.Update(ctx, aliasRow(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		a, err := decodeRow[aliasRecord](old)
		if err != nil {
			return nil, err
		}
		if old != nil && a.Bucket != id && a.Bucket != dead {
			return nil, ErrBucketExists
		}
		// On the work list until somebody saw that the bucket lives: see finishAlias.
		return &register.Value{Data: codec.Encode(aliasRecord{id}), Pending: true, Count: 1}, nil
	}})
	return err
}

func (s *Store) takeLocalName(ctx context.Context, name string, k *account.Key, id ident.ID) error {
	fresh, err := s.Accounts.Key(ctx, k.ID)
	if err != nil {
		return err
	}
	if old, taken := fresh.Buckets[name]; taken && old != id {
		dead, err := s.dead(ctx, old)
		if err != nil {
			return err
		}
		if !dead {
			return ErrBucketExists
		}
		if err := s.Accounts.DropLocalName(ctx, k.ID, name, old); err != nil {
			return err
		}
	}
	return s.Accounts.SetLocalName(ctx, k.ID, name, id)
}

// deadTarget returns the bucket ID that a name stands for if no such bucket will ever
// live, so that the name may be taken over; else the zero ID.
func (s *Store) deadTarget(ctx context.Context, name string) (ident.ID, error) {
	v, _, err := s.Registers.Read(ctx, aliasRow(name))
	if err != nil || v == nil {
		return ident.ID{}, err
	}
	a, err := decodeRow[aliasRecord](v)
	if err != nil {
		return ident.ID{}, err
	}
	if dead, err := s.dead(ctx, a.Bucket); err != nil || !dead {
		return ident.ID{}, err
	}
	return a.Bucket, nil
}

// dead reports whether no bucket of that ID will ever live. One that is being made is
// given up first: its maker might yet succeed.
func (s *Store) dead(ctx context.Context, id ident.ID) (bool, error) {
	if _, err := s.bucketByID(ctx, id); !errors.Is(err, ErrNoSuchBucket) {
		return false, err
	}
	if err := s.dropUnnamed(ctx, bucketRow(id)); err != nil {
		return false, err
	}
	_, err := s.bucketByID(ctx, id)
	if errors.Is(err, ErrNoSuchBucket) {
		return true, nil
	}
	return false, err
}

// finishAlias removes a name that stands for no bucket, as one does whose maker died
// or lost a race, and takes the others off the work list.
func (s *Store) finishAlias(ctx context.Context, row register.Row) error {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil || v == nil {
		return err
	}
	a, err := decodeRow[aliasRecord](v)
	if err != nil {
		return err
	}
	b, _, err := s.Registers.Read(ctx, bucketRow(a.Bucket))
	if err != nil {
		return err
	}
	r, err := decodeRow[bucketRecord](b)
	switch {
	case err != nil:
		return err
	case b == nil || r.State == bucketGone:
		return s.releaseName(ctx, row.Part, a.Bucket)
	case r.State != bucketNew:
		s.Registers.Settle(row, v)
	}
	return nil
}

// Bucket implements Service.
func (s *Store) Bucket(ctx context.Context, name string, k *account.Key) (*Bucket, error) {
	if k != nil {
		if id, ok := k.Buckets[name]; ok {
			if b, err := s.bucketByID(ctx, id); !errors.Is(err, ErrNoSuchBucket) {
				return b, err
			}
		}
	}
	return s.globalBucket(ctx, name)
}

func (s *Store) globalBucket(ctx context.Context, name string) (*Bucket, error) {
	if CheckBucketName(name) != nil {
		return nil, ErrNoSuchBucket
	}
	v, _, err := s.Registers.Read(ctx, aliasRow(name))
	if err != nil {
		return nil, err
	}
	if v == nil {
		s.aliases.Forget(name)
		return nil, ErrNoSuchBucket
	}
	id, err := s.aliases.Of(name, v.Data, func() (ident.ID, error) {
		a, err := decodeRow[aliasRecord](v)
		return a.Bucket, err
	})
	if err != nil {
		return nil, err
	}
	return s.bucketByID(ctx, id)
}

// BucketByID looks a bucket up by its ID; it fails with ErrNoSuchBucket.
func (s *Store) BucketByID(ctx context.Context, id ident.ID) (*Bucket, error) {
	return s.bucketByID(ctx, id)
}

func (s *Store) bucketByID(ctx context.Context, id ident.ID) (*Bucket, error) {
	v, _, err := s.Registers.Read(ctx, bucketRow(id))
	if err != nil {
		return nil, err
	}
	return s.decodeBucket(id, v)
}

// decodeBucket returns a bucket that is shared: nobody changes it.
func (s *Store) decodeBucket(id ident.ID, v *register.Value) (*Bucket, error) {
	if v == nil {
		s.decoded.Forget(id)
		return nil, ErrNoSuchBucket
	}
	b, err := s.decoded.Of(id, v.Data, func() (*Bucket, error) { return s.newBucket(id, v) })
	if err != nil {
		s.decoded.Forget(id)
	}
	return b, err
}

func (s *Store) newBucket(id ident.ID, v *register.Value) (*Bucket, error) {
	r, err := decodeRow[bucketRecord](v)
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "bucket %s: %w", id, err)
	}
	if r.State == bucketGone || r.State == bucketNew {
		return nil, ErrNoSuchBucket
	}
	b := &Bucket{ID: id, Created: time.UnixMilli(r.Created).UTC(), Names: r.Names, LocalNames: r.LocalNames,
		Grants: r.Grants, Anonymous: r.Anonymous, Quota: r.Quota, Versioning: r.Versioning, Lock: r.Lock, Settings: r.Settings, epoch: r.Epoch, shards: r.Shards}
	if r.Shards < 1 || r.Shards > 256 {
		return nil, errs.Newf(errs.Corrupt, "bucket %s has %d shards", id, r.Shards)
	}
	if r.State == bucketDeleting {
		b.epoch-- // who writes under the new epoch would slip past the fence
	}
	return b, s.unsealBucket(b, r.Sealed)
}

// unsealBucket fills in the bucket's key.
func (s *Store) unsealBucket(b *Bucket, sealed []byte) error {
	plain, err := s.bucketSeal.Open(sealed, b.ID[:])
	if err != nil || len(plain) != len(b.key) {
		return errs.Newf(errs.Corrupt, "the key of bucket %s cannot be read: %w", b.ID, err)
	}
	copy(b.key[:], plain)
	return nil
}

// changeBucket rewrites a bucket's record; f refuses by returning an error.
func (s *Store) changeBucket(ctx context.Context, id ident.ID, f func(*bucketRecord) error) (*Bucket, error) {
	v, err := s.Registers.Update(ctx, bucketRow(id), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, ErrNoSuchBucket
		}
		r, err := decodeRow[bucketRecord](old)
		if err != nil {
			return nil, err
		}
		was := r.generation()
		if err := f(r); err != nil {
			return nil, err
		}
		if now := r.generation(); now > was {
			if err := s.known(now); err != nil {
				return nil, err
			}
		}
		return r.value(), nil
	}})
	if err != nil {
		return nil, err
	}
	return s.decodeBucket(id, v)
}

// Buckets implements Service.
func (s *Store) Buckets(ctx context.Context, k *account.Key) ([]NamedBucket, error) {
	all, err := s.AllBuckets(ctx)
	if err != nil {
		return nil, err
	}
	var out []NamedBucket
	for _, b := range all {
		if b.Grants[k.ID] == (Access{}) {
			continue
		}
		for _, n := range slices.Concat(b.LocalNames[k.ID], b.Names) {
			out = append(out, NamedBucket{n, b})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

func scanBuckets() register.Scan {
	return register.Scan{Table: Buckets, Parts: register.Shards("b", bucketShards), Limit: 1000}
}

// AllBuckets returns every bucket, by ID, but for those that only a newer release knows.
func (s *Store) AllBuckets(ctx context.Context) ([]*Bucket, error) {
	var out []*Bucket
	scan := scanBuckets()
	for {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			id, err := ident.FromKey(e.Row.Sort)
			if err != nil {
				return nil, errs.Newf(errs.Corrupt, "a bucket's row: %w", err)
			}
			b, err := s.decodeBucket(id, e.Value)
			if errors.Is(err, ErrNoSuchBucket) || errors.Is(err, codec.ErrNewer) {
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, b)
		}
		if !p.More {
			return out, nil
		}
		scan.After = p.After
	}
}

// Usage implements Service.
func (s *Store) Usage(ctx context.Context, b *Bucket) (Usage, error) {
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	tables := []register.Table{Objects, Versions}
	if b.Versioning == VersioningOff {
		tables = tables[:1]
	}
	for _, t := range tables {
		ahead.Weigh(t, b.parts()...)
	}
	var u Usage
	for _, t := range tables {
		for _, part := range b.parts() {
			count, bytes, err := s.Registers.Weight(ctx, t, part)
			if err != nil {
				return u, err
			}
			u.Objects += count
			u.Bytes += bytes
		}
	}
	return u, nil
}

// CheckBucketName enforces AWS's rules for general purpose buckets: 3 to 63 of
// [a-z0-9.-], beginning and ending with a letter or digit, no "..", no address.
func CheckBucketName(name string) error {
	ok := len(name) >= 3 && len(name) <= 63
	digits := true
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		edge := i == 0 || i == len(name)-1
		ok = alnum || !edge && (c == '-' || c == '.' && name[i-1] != '.')
		digits = digits && (c == '.' || c >= '0' && c <= '9')
	}
	if !ok || digits && looksLikeAddress(name) {
		return errs.Newf(errs.Invalid, "%q: %w: 3 to 63 lower-case letters, digits, dots and hyphens", name, ErrBucketName)
	}
	return nil
}

func looksLikeAddress(name string) bool {
	dots := 0
	for _, c := range name {
		if c == '.' {
			dots++
		}
	}
	return dots == 3
}
