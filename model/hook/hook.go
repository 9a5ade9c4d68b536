// Package hook keeps the webhooks of a rhizome: addresses that are told of events, each under
// a name by which buckets' rules speak of it.
//
// They are kept as model/named keeps things, in table 14 under the letter h. The address is sealed
// too, for it may hold a secret.
package hook

import (
	"context"
	"encoding/hex"
	"net/url"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/named"
)

// Webhooks is the table of webhooks.
const Webhooks register.Table = 14

// Limits.
const (
	maxURL    = 2048
	minSecret = 16
	maxSecret = 256
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
	ErrUnknown = errs.New(errs.NotFound, "there is no webhook of this name: rhizome webhook list shows those there are, rhizome webhook add makes one")
	ErrTaken   = errs.New(errs.Exists, "there is a webhook of this name already")
)

type sealedPart struct {
	URL    string `cbor:"1,keyasint"`
	Secret string `cbor:"2,keyasint"`
}

// Store keeps webhooks. It is safe for concurrent use; a success is durable.
type Store struct{ all *named.Store[sealedPart] }

// New returns a Store over the rows of a rhizome with that root key.
func New(regs register.Store, root ident.Secret, c clock.Clock) *Store {
	return &Store{named.New[sealedPart](named.Kind{Table: Webhooks, Letter: "h", Purpose: "webhooks v1", Unknown: ErrUnknown, Taken: ErrTaken,
		Full:    errs.Newf(errs.Full, "a rhizome has at most %d webhooks", named.Max),
		Damaged: func(name string, why error) error { return errs.Newf(errs.Corrupt, "the webhook %s: %w", name, why) },
	}, regs, root, c)}
}

func webhook(t *named.Thing[sealedPart]) *Webhook {
	return &Webhook{t.Name, t.Part.URL, t.Part.Secret, t.Created, t.Owner}
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
	t, err := s.all.Add(ctx, owner, name, sealedPart{address, secret})
	if err != nil {
		return nil, err
	}
	return webhook(t), nil
}

// Remove removes a webhook; ErrUnknown if there is none.
func (s *Store) Remove(ctx context.Context, name string) error { return s.all.Remove(ctx, name) }

// Webhook returns a webhook by its name; ErrUnknown if there is none.
func (s *Store) Webhook(ctx context.Context, name string) (*Webhook, error) {
	t, err := s.all.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return webhook(t), nil
}

// All returns all webhooks, by name.
func (s *Store) All(ctx context.Context) (out []*Webhook, err error) {
	all, err := s.all.All(ctx)
	for _, t := range all {
		out = append(out, webhook(t))
	}
	return out, err
}

func check(name, address string) error {
	if !named.Name(name) {
		return errs.Newf(errs.Invalid, "%q is no name for a webhook: it has 1 to 64 letters, digits, dots, hyphens and underscores", name)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" || len(address) > maxURL {
		return errs.New(errs.Invalid, "a webhook's address is written as https://example.org/path")
	}
	return nil
}
