// Package remote keeps the remotes of a rhizome: other S3 stores to which buckets are
// replicated, each under a name by which buckets' rules speak of it.
//
//	table     partition key    sort key    value
//	Remotes   "s" + shard      name        record
//
// A shard is one byte: a hash of the name, modulo 16. All but the owner and the time is sealed
// under the rhizome's root key (AES-256-GCM, the name as associated data). A rhizome has at
// most Max remotes.
package remote

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Remotes is the table of remotes.
const Remotes register.Table = 19

// Limits.
const (
	Max     = 1000
	MaxName = 64
	maxText = 1024
	shards  = 16
)

// Remote is one other store. Do not change it.
type Remote struct {
	Name     string
	Endpoint string // https://s3.example.org
	Region   string // empty: the store is asked
	// Style says how a bucket is addressed.
	Style Style
	// ID and Secret are the access key.
	ID, Secret string
	// Rate is how many bytes a second are sent at most by each node; 0: no limit.
	Rate int64
	// Owner is the member who made it: others cannot use it.
	Owner   ident.ID
	Created time.Time
}

// Style says how a bucket is addressed: in the path, in the host's name, or as suits the
// endpoint.
type Style uint8

// The styles that there are.
const (
	Auto Style = iota
	Path
	Host
)

// What others must tell apart.
var (
	ErrUnknown = errs.New(errs.NotFound, "there is no remote of this name")
	ErrTaken   = errs.New(errs.Exists, "there is a remote of this name already")
	ErrOthers  = errs.New(errs.Denied, "the remote belongs to another member")
)

type record struct {
	Sealed  []byte   `cbor:"1,keyasint"` // sealedPart
	Created int64    `cbor:"2,keyasint"` // Unix milliseconds
	Owner   ident.ID `cbor:"3,keyasint"`
}

type sealedPart struct {
	Endpoint string `cbor:"1,keyasint"`
	Region   string `cbor:"2,keyasint,omitempty"`
	Style    Style  `cbor:"3,keyasint,omitempty"`
	ID       string `cbor:"4,keyasint"`
	Secret   string `cbor:"5,keyasint"`
	Rate     int64  `cbor:"6,keyasint,omitempty"`
}

// Store keeps remotes. It is safe for concurrent use; a success is durable.
type Store struct {
	regs  register.Store
	seal  ident.Secret
	clock clock.Clock
}

// New returns a Store over the rows of a rhizome with that root key.
func New(regs register.Store, root ident.Secret, c clock.Clock) *Store {
	return &Store{regs, root.Derive("remotes v1", nil), c}
}

func row(name string) register.Row {
	return register.Row{Table: Remotes, Part: "s" + string([]byte{register.Shard(name, shards)}), Sort: name}
}

// Add makes a remote. It fails with ErrTaken.
func (s *Store) Add(ctx context.Context, r Remote) (*Remote, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	all, err := s.All(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) >= Max {
		return nil, errs.Newf(errs.Full, "a rhizome has at most %d remotes", Max)
	}
	r.Created = time.UnixMilli(s.clock.Now().UnixMilli()).UTC()
	plain := codec.Encode(sealedPart{r.Endpoint, r.Region, r.Style, r.ID, r.Secret, r.Rate})
	rec := record{s.seal.Seal(plain, []byte(r.Name)), r.Created.UnixMilli(), r.Owner}
	_, err = s.regs.Update(ctx, row(r.Name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old != nil {
			return nil, ErrTaken
		}
		return &register.Value{Data: codec.Encode(rec), Count: 1}, nil
	}})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// Remove removes a remote; ErrUnknown if there is none.
func (s *Store) Remove(ctx context.Context, name string) error {
	_, err := s.regs.Update(ctx, row(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, ErrUnknown
		}
		return nil, nil
	}})
	return err
}

// Remote returns a remote by its name; ErrUnknown if there is none.
func (s *Store) Remote(ctx context.Context, name string) (*Remote, error) {
	if checkName(name) != nil {
		return nil, ErrUnknown
	}
	v, _, err := s.regs.Read(ctx, row(name))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, ErrUnknown
	}
	return s.open(name, v)
}

// All returns all remotes, by name.
func (s *Store) All(ctx context.Context) ([]*Remote, error) {
	p, err := s.regs.Scan(ctx, register.Scan{Table: Remotes, Parts: register.Shards("s", shards), Limit: 10 * Max})
	if err != nil {
		return nil, err
	}
	var out []*Remote
	for _, e := range p.Entries {
		r, err := s.open(e.Row.Sort, e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *Remote) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *Store) open(name string, v *register.Value) (*Remote, error) {
	var r record
	if err := codec.Decode(v.Data, &r); err != nil {
		return nil, err
	}
	plain, err := s.seal.Open(r.Sealed, []byte(name))
	var p sealedPart
	if err == nil {
		err = codec.Decode(plain, &p)
	}
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "the remote %s: %w", name, err)
	}
	return &Remote{Name: name, Endpoint: p.Endpoint, Region: p.Region, Style: p.Style, ID: p.ID, Secret: p.Secret, Rate: p.Rate,
		Owner: r.Owner, Created: time.UnixMilli(r.Created).UTC()}, nil
}

// Check refuses what cannot be a remote.
func (r *Remote) Check() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	u, err := url.Parse(r.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || len(r.Endpoint) > maxText {
		return errs.Newf(errs.Invalid, "%q is no endpoint: write it as https://s3.example.org", r.Endpoint)
	}
	if r.ID == "" || r.Secret == "" || len(r.ID) > maxText || len(r.Secret) > maxText || len(r.Region) > maxText {
		return errs.New(errs.Invalid, "a remote needs an access key: an ID and a secret")
	}
	if r.Rate < 0 || r.Style > Host {
		return errs.New(errs.Invalid, "a remote's rate is not negative")
	}
	return nil
}

// checkName takes 1 to MaxName of [A-Za-z0-9._-].
func checkName(name string) error {
	ok := name != "" && len(name) <= MaxName
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_')
	}
	if !ok {
		return errs.Newf(errs.Invalid, "%q is no name for a remote: it has 1 to 64 letters, digits, dots, hyphens and underscores", name)
	}
	return nil
}
