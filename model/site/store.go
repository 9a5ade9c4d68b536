package site

import (
	"context"
	"errors"
	"strings"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/memo"
	"rhizome/cluster/register"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Tables of this package.
const (
	Hosts  register.Table = 12
	Visits register.Table = 13
)

// What callers tell apart.
var (
	ErrNoSite = errs.New(errs.NotFound, "there is no such site")
	ErrTaken  = errs.New(errs.Exists, "the name belongs to another site")
)

// Buckets is what sites need of the buckets; *object.Store is one.
type Buckets interface {
	BucketByID(ctx context.Context, id ident.ID) (*object.Bucket, error)
	Bucket(ctx context.Context, name string, k *account.Key) (*object.Bucket, error)
	AllBuckets(ctx context.Context) ([]*object.Bucket, error)
	ChangeSettings(ctx context.Context, b *object.Bucket, change func(*object.Settings) error) (*object.Bucket, error)
	Get(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error)
	Stat(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error)
	Put(ctx context.Context, b *object.Bucket, p object.Put) (*object.Head, error)
	List(ctx context.Context, b *object.Bucket, l object.List) (*object.Listed, error)
	ListVersions(ctx context.Context, b *object.Bucket, l object.ListVersions) (*object.ListedVersions, error)
	Delete(ctx context.Context, b *object.Bucket, key string, cond object.Conditions) (*object.Deleted, error)
	DeleteVersion(ctx context.Context, b *object.Bucket, key, version string, cond object.Conditions) (*object.Deleted, error)
}

// Config says what a Store works with; all of it but Agreed is needed.
type Config struct {
	Registers register.Store
	Buckets   Buckets
	Clock     clock.Clock
	// Agreed reports whether Clock may decide that something goes; nil: it may.
	Agreed func() bool
	// Domains are those under which BUCKET.domain leads to a site.
	Domains []string
	// Node is this node, which counts visits under its own name.
	Node ident.NodeID
}

// Store keeps sites. It is safe for concurrent use.
type Store struct {
	Config
	hosts *memo.Memo[string, hostRecord]
	count counter
}

// New returns a Store.
func New(c Config) *Store {
	for i, d := range c.Domains {
		c.Domains[i] = strings.ToLower(strings.Trim(d, "."))
	}
	return &Store{Config: c, hosts: memo.New[string, hostRecord](4096), count: counter{now: map[visited]*Visit{}}}
}

func (s *Store) now() int64 { return s.Clock.Now().UnixMilli() }

func (s *Store) sure() bool { return s.Agreed == nil || s.Agreed() }

// longAgo is the time, in Unix milliseconds, before which what happened is older than age. While
// nobody is sure of the time nothing is.
func (s *Store) longAgo(age time.Duration) int64 {
	if !s.sure() {
		return 0
	}
	return s.now() - age.Milliseconds()
}

// hostRecord is the value of a Hosts row.
type hostRecord struct {
	Bucket ident.ID `cbor:"1,keyasint"`
	// Mark is drawn anew by every claim.
	Mark ident.ID `cbor:"2,keyasint"`
}

func (r hostRecord) value() *register.Value { return &register.Value{Data: codec.Encode(r), Count: 1} }

func hostRow(name string) register.Row { return register.Row{Table: Hosts, Part: name} }

// host reads what a name leads to; the zero record for none.
func (s *Store) host(ctx context.Context, name string) (hostRecord, error) {
	v, _, err := s.Registers.Read(ctx, hostRow(name))
	if err != nil {
		return hostRecord{}, err
	}
	if v == nil {
		s.hosts.Forget(name)
		return hostRecord{}, nil
	}
	return s.hosts.Of(name, v.Data, func() (r hostRecord, err error) { return r, codec.Decode(v.Data, &r) })
}

// Found is what a host name leads to. Nobody changes anything in it.
type Found struct {
	Bucket *object.Bucket
	Site   *object.Site
	// To, if set, is the name that this one only leads on to.
	To string
}

// Find returns the site that a host name leads to, or ErrNoSite.
func (s *Store) Find(ctx context.Context, host string) (*Found, error) {
	if name := s.below(host); name != "" {
		b, err := s.Buckets.Bucket(ctx, name, nil)
		switch {
		case errors.Is(err, errs.NotFound):
			return nil, ErrNoSite
		case err != nil:
			return nil, err
		case b.Settings.Site == nil:
			return nil, ErrNoSite
		}
		return &Found{Bucket: b, Site: b.Settings.Site}, nil
	}
	r, err := s.host(ctx, host)
	if err != nil {
		return nil, err
	}
	if r.Bucket.IsZero() {
		return nil, ErrNoSite
	}
	b, err := s.Buckets.BucketByID(ctx, r.Bucket)
	switch {
	case errors.Is(err, object.ErrNoSuchBucket):
		return nil, ErrNoSite
	case err != nil:
		return nil, err
	}
	if h := hostOf(b, host); h != nil {
		return &Found{Bucket: b, Site: b.Settings.Site, To: h.To}, nil
	}
	return nil, ErrNoSite
}

// Foresee begins to read what Find needs, and returns the bucket that the name led to
// last, nil if unknown.
func (s *Store) Foresee(a *object.Ahead, host string) *object.Bucket {
	if a == nil {
		return nil
	}
	if name := s.below(host); name != "" {
		return a.Bucket(name)
	}
	a.Rows(hostRow(host))
	r, known := s.hosts.Last(host)
	if !known {
		return nil
	}
	return a.BucketByID(r.Bucket)
}

// below returns the bucket of BUCKET.domain under one of the domains, "" for other names.
func (s *Store) below(host string) string {
	for _, d := range s.Domains {
		if name, ok := strings.CutSuffix(host, "."+d); ok {
			return name
		}
	}
	return ""
}

// hostOf returns the entry of a name in a bucket's record, nil if there is none.
func hostOf(b *object.Bucket, name string) *object.SiteHost {
	if b.Settings.Site == nil {
		return nil
	}
	for i := range b.Settings.Site.Hosts {
		if h := &b.Settings.Site.Hosts[i]; h.Name == name {
			return h
		}
	}
	return nil
}
