package account

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sort"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/memo"
	"rhizome/cluster/register"
)

// Tables of this package.
const (
	Keys    register.Table = 1
	Members register.Table = 2
)

// shards is how many partition keys the rows of each table are spread over.
const shards = 16

// Store keeps members and keys. It is safe for concurrent use.
type Store struct {
	regs    register.Store
	seal    ident.Secret
	clock   clock.Clock
	decoded *memo.Memo[string, *Key]
}

// New returns a Store whose secrets are sealed under root.
func New(regs register.Store, root ident.Secret, clk clock.Clock) *Store {
	return &Store{regs, root.Derive("account secrets v1", nil), clk, memo.New[string, *Key](1024)}
}

// keyRecord is a Key as it is stored.
type keyRecord struct {
	Name          string              `cbor:"1,keyasint"`
	Sealed        []byte              `cbor:"2,keyasint"`
	CreateBuckets bool                `cbor:"3,keyasint,omitempty"`
	Created       int64               `cbor:"4,keyasint"` // Unix milliseconds
	Member        ident.ID            `cbor:"5,keyasint"`
	Buckets       map[string]ident.ID `cbor:"6,keyasint,omitempty"`
	Expires       int64               `cbor:"7,keyasint,omitempty"` // Unix milliseconds; 0: never
	Rate          int                 `cbor:"8,keyasint,omitempty"` // requests a second; 0: no limit
}

// MaxRate is the highest rate that a key may be held to, in requests a second.
const MaxRate = 1000000

func keyRow(id string) register.Row {
	return register.Row{Table: Keys, Part: "k" + string([]byte{register.Shard(id, shards)}), Sort: id}
}

// CreateKey makes a key with a random ID and secret.
func (s *Store) CreateKey(ctx context.Context, name string, member ident.ID, createBuckets bool) (*Key, error) {
	return s.ImportKey(ctx, Key{Name: name, CreateBuckets: createBuckets, Member: member})
}

// ImportKey takes an existing pair; one is made if neither ID nor secret is given. A key of
// that ID that is there already is errs.Exists.
func (s *Store) ImportKey(ctx context.Context, k Key) (*Key, error) {
	if k.ID == "" && k.Secret == "" {
		k.ID, k.Secret = "RZ"+randomHex(12), randomHex(32)
	}
	if err := checkPair(k.ID, k.Secret); err != nil {
		return nil, err
	}
	return s.add(ctx, &k)
}

func (s *Store) add(ctx context.Context, k *Key) (*Key, error) {
	if len(k.Name) > 128 {
		return nil, errs.New(errs.TooLarge, "a key's name has at most 128 bytes")
	}
	if k.Rate < 0 || k.Rate > MaxRate {
		return nil, errRate()
	}
	k.Created = s.clock.Now()
	_, err := s.regs.Update(ctx, keyRow(k.ID), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old != nil {
			return nil, errs.Newf(errs.Exists, "the key %s exists already", k.ID)
		}
		return s.encodeKey(k), nil
	}})
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Key returns the key of that ID, or errs.NotFound.
func (s *Store) Key(ctx context.Context, id string) (*Key, error) {
	if err := checkID(id); err != nil {
		return nil, errs.Newf(errs.NotFound, "there is no key %q", id)
	}
	v, _, err := s.regs.Read(ctx, keyRow(id))
	if err != nil {
		return nil, err
	}
	if v == nil {
		s.decoded.Forget(id)
		return nil, errs.Newf(errs.NotFound, "there is no key %s", id)
	}
	return s.decodeKey(id, v)
}

// Known returns the key of that ID as it was when it was last read on this node, nil if
// it was not, and the row that Key reads. It may have been changed or deleted since: it
// is good for guesses alone.
func (s *Store) Known(id string) (*Key, register.Row) {
	k, _ := s.decoded.Last(id)
	return k, keyRow(id)
}

// Keys returns all keys, by name, then ID.
func (s *Store) Keys(ctx context.Context) ([]*Key, error) {
	var out []*Key
	after := ""
	for {
		p, err := s.regs.Scan(ctx, register.Scan{Table: Keys, Parts: register.Shards("k", shards), After: after, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			k, err := s.decodeKey(e.Row.Sort, e.Value)
			if err != nil {
				return nil, err
			}
			out = append(out, k)
		}
		if !p.More {
			break
		}
		after = p.After
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Name < out[j].Name || out[i].Name == out[j].Name && out[i].ID < out[j].ID
	})
	return out, nil
}

// DeleteKey removes a key; a missing one is errs.NotFound. What buckets
// granted it is the caller's to take away before: it would be a later key's of that ID.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	_, err := s.change(ctx, id, func(*keyRecord) (*keyRecord, error) { return nil, nil })
	return err
}

// Expire sets when a key ends to be good; a zero time is never, one that is past at once.
func (s *Store) Expire(ctx context.Context, id string, at time.Time) (*Key, error) {
	return s.changed(ctx, id, func(r *keyRecord) {
		r.Expires = 0
		if !at.IsZero() {
			r.Expires = max(1, at.UnixMilli())
		}
	})
}

// SetRate sets how many requests a second each node serves to a key; 0 is no limit.
func (s *Store) SetRate(ctx context.Context, id string, perSecond int) (*Key, error) {
	if perSecond < 0 || perSecond > MaxRate {
		return nil, errRate()
	}
	return s.changed(ctx, id, func(r *keyRecord) { r.Rate = perSecond })
}

func errRate() error {
	return errs.Newf(errs.Invalid, "a key's rate is from 1 to %d requests a second, or 0 for no limit", MaxRate)
}

// changed changes a key's record and returns the key.
func (s *Store) changed(ctx context.Context, id string, f func(*keyRecord)) (*Key, error) {
	v, err := s.change(ctx, id, func(r *keyRecord) (*keyRecord, error) {
		f(r)
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	return s.newKey(id, v)
}

// SetLocalName makes name stand for bucket when key id asks; a name of another
// bucket is errs.Exists.
func (s *Store) SetLocalName(ctx context.Context, id, name string, bucket ident.ID) error {
	_, err := s.change(ctx, id, func(r *keyRecord) (*keyRecord, error) {
		if old, taken := r.Buckets[name]; taken && old != bucket {
			return nil, errs.Newf(errs.Exists, "the key %s calls another bucket %q already", id, name)
		}
		if len(r.Buckets) >= 1000 {
			return nil, errs.New(errs.TooLarge, "a key has at most 1,000 local names")
		}
		if r.Buckets == nil {
			r.Buckets = map[string]ident.ID{}
		}
		r.Buckets[name] = bucket
		return r, nil
	})
	return err
}

// DropLocalName removes a local name if it stands for bucket.
func (s *Store) DropLocalName(ctx context.Context, id, name string, bucket ident.ID) error {
	_, err := s.change(ctx, id, func(r *keyRecord) (*keyRecord, error) {
		if r.Buckets[name] == bucket {
			delete(r.Buckets, name)
		}
		return r, nil
	})
	return err
}

// change rewrites a key's record; f returning nil deletes it.
func (s *Store) change(ctx context.Context, id string, f func(*keyRecord) (*keyRecord, error)) (*register.Value, error) {
	return s.regs.Update(ctx, keyRow(id), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, errs.Newf(errs.NotFound, "there is no key %s", id)
		}
		var r keyRecord
		if err := codec.Decode(old.Data, &r); err != nil {
			return nil, err
		}
		next, err := f(&r)
		if err != nil || next == nil {
			return nil, err
		}
		return &register.Value{Data: codec.Encode(next), Count: 1}, nil
	}})
}

func (s *Store) encodeKey(k *Key) *register.Value {
	r := keyRecord{Name: k.Name, Sealed: s.seal.Seal([]byte(k.Secret), []byte(k.ID)), CreateBuckets: k.CreateBuckets,
		Created: k.Created.UnixMilli(), Member: k.Member, Buckets: k.Buckets, Rate: k.Rate}
	if !k.Expires.IsZero() {
		r.Expires = k.Expires.UnixMilli()
	}
	return &register.Value{Data: codec.Encode(r), Count: 1}
}

// decodeKey returns a key that is shared: nobody changes it.
func (s *Store) decodeKey(id string, v *register.Value) (*Key, error) {
	return s.decoded.Of(id, v.Data, func() (*Key, error) { return s.newKey(id, v) })
}

func (s *Store) newKey(id string, v *register.Value) (*Key, error) {
	var r keyRecord
	if err := codec.Decode(v.Data, &r); err != nil {
		return nil, err
	}
	secret, err := s.seal.Open(r.Sealed, []byte(id))
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "the secret of key %s: %w", id, err)
	}
	k := &Key{ID: id, Name: r.Name, Secret: string(secret), CreateBuckets: r.CreateBuckets,
		Created: time.UnixMilli(r.Created).UTC(), Rate: r.Rate, Member: r.Member, Buckets: r.Buckets}
	if r.Expires != 0 {
		k.Expires = time.UnixMilli(r.Expires).UTC()
	}
	return k, nil
}

func checkPair(id, secret string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if len(secret) < 8 || len(secret) > 128 {
		return errs.New(errs.Invalid, "a secret key has 8 to 128 characters")
	}
	for _, c := range []byte(secret) {
		if c <= ' ' || c > '~' {
			return errs.New(errs.Invalid, "a secret key consists of printable ASCII characters")
		}
	}
	return nil
}

func checkID(id string) error {
	if len(id) < 3 || len(id) > 128 {
		return errs.New(errs.Invalid, "an access key ID has 3 to 128 characters")
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return errs.New(errs.Invalid, "an access key ID consists of letters, digits, - and _")
		}
	}
	return nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
