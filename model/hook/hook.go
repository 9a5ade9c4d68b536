// Package hook keeps the webhooks of a rhizome: addresses that are told of events, each under
// a name by which buckets' rules speak of it.
//
//	table     partition key    sort key    value
//	Webhooks  "h" + shard      name        record
//
// A shard is one byte: a hash of the name, modulo 16. Address and secret are sealed under the
// rhizome's root key (AES-256-GCM, the name as associated data), for an address may hold a
// secret too. A rhizome has at most Max webhooks.
package hook

import (
	"context"
	"encoding/hex"
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

// Webhooks is the table of webhooks.
const Webhooks register.Table = 14

// Limits.
const (
	Max       = 1000
	MaxName   = 64
	maxURL    = 2048
	minSecret = 16
	maxSecret = 256
	shards    = 16
)

// Webhook is one address that is told of events. Do not change it.
type Webhook struct {
	Name    string
	URL     string
	Secret  string // what is told is signed with it
	Created time.Time
	// Owner is the member whose it is; zero: the administrators'.
	Owner ident.ID
}

// What others must tell apart.
var (
	ErrUnknown = errs.New(errs.NotFound, "there is no webhook of this name")
	ErrTaken   = errs.New(errs.Exists, "there is a webhook of this name already")
)

type record struct {
	Sealed  []byte `cbor:"1,keyasint"` // sealedPart
	Created int64  `cbor:"2,keyasint"` // Unix milliseconds
	// Owner is a member.
	Owner ident.ID `cbor:"3,keyasint,omitzero"`
}

type sealedPart struct {
	URL    string `cbor:"1,keyasint"`
	Secret string `cbor:"2,keyasint"`
}

// Store keeps webhooks. It is safe for concurrent use; a success is durable.
type Store struct {
	regs  register.Store
	seal  ident.Secret
	clock clock.Clock
}

// New returns a Store over the rows of a rhizome with that root key.
func New(regs register.Store, root ident.Secret, c clock.Clock) *Store {
	return &Store{regs, root.Derive("webhooks v1", nil), c}
}

func row(name string) register.Row {
	return register.Row{Table: Webhooks, Part: "h" + string([]byte{register.Shard(name, shards)}), Sort: name}
}

// Add makes a webhook of a member. Without a secret it draws one. It fails with ErrTaken.
func (s *Store) Add(ctx context.Context, owner ident.ID, name, address, secret string) (*Webhook, error) {
	if err := check(name, address); err != nil {
		return nil, err
	}
	if secret == "" {
		random := ident.NewSecret()
		secret = hex.EncodeToString(random[:])
	}
	if len(secret) < minSecret || len(secret) > maxSecret {
		return nil, errs.Newf(errs.Invalid, "a webhook's secret has %d to %d characters", minSecret, maxSecret)
	}
	all, err := s.All(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) >= Max {
		return nil, errs.Newf(errs.Full, "a rhizome has at most %d webhooks", Max)
	}
	w := &Webhook{Name: name, URL: address, Secret: secret, Created: time.UnixMilli(s.clock.Now().UnixMilli()).UTC(), Owner: owner}
	r := record{s.seal.Seal(codec.Encode(sealedPart{address, secret}), []byte(name)), w.Created.UnixMilli(), owner}
	_, err = s.regs.Update(ctx, row(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old != nil {
			return nil, ErrTaken
		}
		return &register.Value{Data: codec.Encode(r), Count: 1}, nil
	}})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Remove removes a webhook; ErrUnknown if there is none.
func (s *Store) Remove(ctx context.Context, name string) error {
	_, err := s.regs.Update(ctx, row(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, ErrUnknown
		}
		return nil, nil
	}})
	return err
}

// Webhook returns a webhook by its name; ErrUnknown if there is none.
func (s *Store) Webhook(ctx context.Context, name string) (*Webhook, error) {
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

// All returns all webhooks, by name.
func (s *Store) All(ctx context.Context) ([]*Webhook, error) {
	p, err := s.regs.Scan(ctx, register.Scan{Table: Webhooks, Parts: register.Shards("h", shards), Limit: 10 * Max})
	if err != nil {
		return nil, err
	}
	var out []*Webhook
	for _, e := range p.Entries {
		w, err := s.open(e.Row.Sort, e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b *Webhook) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *Store) open(name string, v *register.Value) (*Webhook, error) {
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
		return nil, errs.Newf(errs.Corrupt, "the webhook %s: %w", name, err)
	}
	return &Webhook{name, p.URL, p.Secret, time.UnixMilli(r.Created).UTC(), r.Owner}, nil
}

func check(name, address string) error {
	if err := checkName(name); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" || len(address) > maxURL {
		return errs.New(errs.Invalid, "a webhook's address is written as https://example.org/path")
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
		return errs.Newf(errs.Invalid, "%q is no name for a webhook: it has 1 to 64 letters, digits, dots, hyphens and underscores", name)
	}
	return nil
}
