// Package remote keeps the remotes of a rhizome: other S3 stores to which buckets are
// replicated, each under a name by which buckets' rules speak of it.
//
// They are kept as model/named keeps things, in table 19 under the letter s.
package remote

import (
	"context"
	"net/url"
	"strings"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/named"
)

// Remotes is the table of remotes.
const Remotes register.Table = 19

// maxText is how long the parts of a remote are at most, in bytes.
const maxText = 1024

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
	ErrUnknown = errs.New(errs.NotFound, "there is no remote of this name: rhizome remote list shows those there are, rhizome remote add makes one")
	ErrTaken   = errs.New(errs.Exists, "there is a remote of this name already")
	ErrOthers  = errs.New(errs.Denied, "the remote belongs to another member")
)

type sealedPart struct {
	Endpoint string `cbor:"1,keyasint"`
	Region   string `cbor:"2,keyasint,omitempty"`
	Style    Style  `cbor:"3,keyasint,omitempty"`
	ID       string `cbor:"4,keyasint"`
	Secret   string `cbor:"5,keyasint"`
	Rate     int64  `cbor:"6,keyasint,omitempty"`
}

// Store keeps remotes. It is safe for concurrent use; a success is durable.
type Store struct{ all *named.Store[sealedPart] }

// New returns a Store over the rows of a rhizome with that root key.
func New(regs register.Store, root ident.Secret, c clock.Clock) *Store {
	return &Store{named.New[sealedPart](named.Kind{Table: Remotes, Letter: "s", Purpose: "remotes v1", Unknown: ErrUnknown, Taken: ErrTaken,
		Full:    errs.Newf(errs.Full, "a rhizome has at most %d remotes", named.Max),
		Damaged: func(name string, why error) error { return errs.Newf(errs.Corrupt, "the remote %s: %w", name, why) },
	}, regs, root, c)}
}

func remote(t *named.Thing[sealedPart]) *Remote {
	p := &t.Part
	return &Remote{Name: t.Name, Endpoint: p.Endpoint, Region: p.Region, Style: p.Style, ID: p.ID, Secret: p.Secret, Rate: p.Rate,
		Owner: t.Owner, Created: t.Created}
}

// Add makes a remote. It fails with ErrTaken.
func (s *Store) Add(ctx context.Context, r Remote) (*Remote, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	t, err := s.all.Add(ctx, r.Owner, r.Name, sealedPart{r.Endpoint, r.Region, r.Style, r.ID, r.Secret, r.Rate})
	if err != nil {
		return nil, err
	}
	return remote(t), nil
}

// Change changes how a remote is reached; its name, owner and time stay. f may refuse, and may be
// called several times. ErrUnknown if there is none.
func (s *Store) Change(ctx context.Context, name string, f func(r *Remote) error) (*Remote, error) {
	t, err := s.all.Change(ctx, name, func(t *named.Thing[sealedPart]) error {
		r := remote(t)
		if err := f(r); err != nil {
			return err
		}
		if err := r.Check(); err != nil {
			return err
		}
		t.Part = sealedPart{r.Endpoint, r.Region, r.Style, r.ID, r.Secret, r.Rate}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return remote(t), nil
}

// Remove removes a remote; ErrUnknown if there is none.
func (s *Store) Remove(ctx context.Context, name string) error { return s.all.Remove(ctx, name) }

// Remote returns a remote by its name; ErrUnknown if there is none.
func (s *Store) Remote(ctx context.Context, name string) (*Remote, error) {
	t, err := s.all.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return remote(t), nil
}

// All returns all remotes, by name.
func (s *Store) All(ctx context.Context) (out []*Remote, err error) {
	all, err := s.all.All(ctx)
	for _, t := range all {
		out = append(out, remote(t))
	}
	return out, err
}

// Check refuses what cannot be a remote.
func (r *Remote) Check() error {
	if !named.Name(r.Name) {
		return errs.Newf(errs.Invalid, "%q is no name for a remote: it has 1 to 64 letters, digits, dots, hyphens and underscores", r.Name)
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
