// Package memobject is object.Service in memory: what the gateways' conformance
// suites are checked against beside the real store.
//
// It owns everything it is given and keeps it until the Store is dropped. One mutex
// makes every operation atomic; nothing is durable, nothing is encrypted, nothing is
// shared between objects. It is for tests.
package memobject

import (
	"context"
	"errors"
	"maps"
	"sort"
	"strings"
	"sync"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Store implements object.Service. It is safe for concurrent use.
type Store struct {
	clock clock.Clock

	mu      sync.Mutex
	names   map[string]ident.ID
	buckets map[ident.ID]*bucket
	begun   uint64 // uploads so far
}

type bucket struct {
	info     object.Bucket
	objects  map[string]*entry // the current versions
	versions map[string]history
	sorted   []string // the keys of objects, in order; nil when out of date
	uploads  map[ident.ID]*upload
}

type entry struct {
	head  object.Head
	data  []byte
	parts []object.Part
	from  ident.ID // the upload it came from
	key   *object.CustomerKey
}

// New returns an empty Store that takes its times from c.
func New(c clock.Clock) *Store {
	return &Store{clock: c, names: map[string]ident.ID{}, buckets: map[ident.ID]*bucket{}}
}

var _ object.Service = (*Store)(nil)

// CreateBucket implements object.Service; local names are kept as global ones.
func (s *Store) CreateBucket(_ context.Context, name string, k *account.Key, _ bool) (*object.Bucket, error) {
	if !validName(name) {
		return nil, object.ErrBucketName
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, ok := s.names[name]; ok {
		if s.buckets[id].info.Grants[k.ID].Owner {
			return nil, object.ErrBucketOwned
		}
		return nil, object.ErrBucketExists
	}
	b := &bucket{
		info: object.Bucket{ID: ident.New(), Created: s.clock.Now(), Names: []string{name},
			Grants: map[string]object.Access{k.ID: {Read: true, Write: true, Owner: true}}},
		objects: map[string]*entry{}, versions: map[string]history{}, uploads: map[ident.ID]*upload{},
	}
	s.names[name], s.buckets[b.info.ID] = b.info.ID, b
	info := b.info
	return &info, nil
}

// CreateLocked implements object.Service.
func (s *Store) CreateLocked(ctx context.Context, name string, k *account.Key, local bool) (*object.Bucket, error) {
	b, err := s.CreateBucket(ctx, name, k, local)
	if err != nil {
		return nil, err
	}
	return s.change(b.ID, func(b *object.Bucket) { b.Versioning, b.Lock.On = object.VersioningOn, true })
}

func validName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		edge := i == 0 || i == len(name)-1
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || !edge && (c == '-' || c == '.')) {
			return false
		}
	}
	return true
}

// Bucket implements object.Service.
func (s *Store) Bucket(_ context.Context, name string, _ *account.Key) (*object.Bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.names[name]
	if !ok {
		return nil, object.ErrNoSuchBucket
	}
	info := s.buckets[id].info
	return &info, nil
}

// ChangeAccess is object.Store's.
func (s *Store) ChangeAccess(_ context.Context, id ident.ID, keyID string, change func(object.Access) object.Access) (*object.Bucket, error) {
	return s.change(id, func(b *object.Bucket) {
		if keyID == "" {
			b.Anonymous = change(b.Anonymous)
			b.Anonymous.Owner = false
			return
		}
		grants := map[string]object.Access{}
		maps.Copy(grants, b.Grants)
		grants[keyID] = change(b.Grants[keyID])
		b.Grants = grants
	})
}

// ChangeSettings implements object.Service.
func (s *Store) ChangeSettings(_ context.Context, b *object.Bucket, change func(*object.Settings) error) (*object.Bucket, error) {
	var refused error
	out, err := s.change(b.ID, func(b *object.Bucket) {
		settings := b.Settings
		if refused = change(&settings); refused == nil {
			b.Settings = settings
		}
	})
	return out, errors.Join(err, refused)
}

func (s *Store) change(id ident.ID, f func(*object.Bucket)) (*object.Bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[id]
	if !ok {
		return nil, object.ErrNoSuchBucket
	}
	f(&b.info)
	info := b.info
	return &info, nil
}

// Buckets implements object.Service.
func (s *Store) Buckets(_ context.Context, k *account.Key) ([]object.NamedBucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []object.NamedBucket
	for name, id := range s.names {
		info := s.buckets[id].info
		if info.Grants[k.ID] != (object.Access{}) {
			out = append(out, object.NamedBucket{Name: name, Bucket: &info})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// DeleteBucket implements object.Service.
func (s *Store) DeleteBucket(_ context.Context, b *object.Bucket) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return err
	}
	if len(in.versions) > 0 {
		return object.ErrBucketNotEmpty
	}
	delete(s.buckets, b.ID)
	for _, n := range in.info.Names {
		delete(s.names, n)
	}
	return nil
}

// Usage implements object.Service.
func (s *Store) Usage(_ context.Context, b *object.Bucket) (object.Usage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return object.Usage{}, err
	}
	var u object.Usage
	for _, h := range in.versions {
		for _, e := range h {
			u.Objects, u.Bytes = u.Objects+1, u.Bytes+e.head.Size
		}
	}
	return u, nil
}

// find is called with the mutex held.
func (s *Store) find(b *object.Bucket) (*bucket, error) {
	in, ok := s.buckets[b.ID]
	if !ok {
		return nil, object.ErrNoSuchBucket
	}
	return in, nil
}
