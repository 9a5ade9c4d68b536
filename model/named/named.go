// Package named keeps things that have a name and a secret: webhooks, other stores. Each is a
// row of a table of its kind:
//
//	partition key             sort key    value
//	a letter + shard          name        record
//
// A shard is one byte: a hash of the name, modulo 16. All but owner and time is sealed under a
// key derived from the rhizome's root key (AES-256-GCM, the name as associated data).
package named

import (
	"context"
	"slices"
	"strings"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Max is how many things of one kind a rhizome has at most, MaxName how long a name is.
const (
	Max     = 1000
	MaxName = 64
	shards  = 16
)

// Kind is what things of one kind have in common.
type Kind struct {
	Table   register.Table
	Letter  string // begins the partition keys
	Purpose string // of the key that seals
	// Unknown and Taken are what is answered where there is nothing of a name, or something
	// already; Full, where there are Max.
	Unknown, Taken, Full error
	// Damaged says that the record of a name cannot be read.
	Damaged func(name string, why error) error
}

// Thing is one of a kind. Part is what is sealed.
type Thing[Part any] struct {
	Name    string
	Owner   ident.ID // the member whose it is; zero: the administrators'
	Created time.Time
	Part    Part
}

type record struct {
	Sealed  []byte   `cbor:"1,keyasint"`          // Part
	Created int64    `cbor:"2,keyasint"`          // Unix milliseconds
	Owner   ident.ID `cbor:"3,keyasint,omitzero"` // a member
}

// Store keeps the things of a kind. It is safe for concurrent use; a success is durable.
type Store[Part any] struct {
	kind  Kind
	regs  register.Store
	seal  ident.Secret
	clock clock.Clock
}

// New returns a Store over the rows of a rhizome with that root key.
func New[Part any](k Kind, regs register.Store, root ident.Secret, c clock.Clock) *Store[Part] {
	return &Store[Part]{k, regs, root.Derive(k.Purpose, nil), c}
}

func (s *Store[Part]) row(name string) register.Row {
	return register.Row{Table: s.kind.Table, Part: s.kind.Letter + string([]byte{register.Shard(name, shards)}), Sort: name}
}

// Add makes a thing whose name fits Name. It fails with Taken, or Full.
func (s *Store[Part]) Add(ctx context.Context, owner ident.ID, name string, part Part) (*Thing[Part], error) {
	rows, err := s.rows(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) >= Max {
		return nil, s.kind.Full
	}
	now := s.clock.Now().UnixMilli()
	r := record{s.seal.Seal(codec.Encode(part), []byte(name)), now, owner}
	_, err = s.regs.Update(ctx, s.row(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old != nil {
			return nil, s.kind.Taken
		}
		return &register.Value{Data: codec.Encode(r), Count: 1}, nil
	}})
	if err != nil {
		return nil, err
	}
	return &Thing[Part]{name, owner, time.UnixMilli(now).UTC(), part}, nil
}

// Change changes what is sealed of a thing, which f is shown and may refuse to change; it may be
// called several times. Unknown if there is none.
func (s *Store[Part]) Change(ctx context.Context, name string, f func(t *Thing[Part]) error) (*Thing[Part], error) {
	if !Name(name) {
		return nil, s.kind.Unknown
	}
	var now *Thing[Part]
	_, err := s.regs.Update(ctx, s.row(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, s.kind.Unknown
		}
		t, err := s.open(name, old)
		if err != nil {
			return nil, err
		}
		if err := f(t); err != nil {
			return nil, err
		}
		now = t
		var r record
		if err := codec.Decode(old.Data, &r); err != nil {
			return nil, err
		}
		r.Sealed = s.seal.Seal(codec.Encode(t.Part), []byte(name))
		return &register.Value{Data: codec.Encode(r), Count: 1}, nil
	}})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// Remove removes a thing; Unknown if there is none.
func (s *Store[Part]) Remove(ctx context.Context, name string) error {
	_, err := s.regs.Update(ctx, s.row(name), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, s.kind.Unknown
		}
		return nil, nil
	}})
	return err
}

// Get returns a thing by its name; Unknown if there is none.
func (s *Store[Part]) Get(ctx context.Context, name string) (*Thing[Part], error) {
	if !Name(name) {
		return nil, s.kind.Unknown
	}
	v, _, err := s.regs.Read(ctx, s.row(name))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, s.kind.Unknown
	}
	return s.open(name, v)
}

func (s *Store[Part]) rows(ctx context.Context) ([]register.Entry, error) {
	p, err := s.regs.Scan(ctx, register.Scan{Table: s.kind.Table, Parts: register.Shards(s.kind.Letter, shards), Limit: 10 * Max})
	if err != nil {
		return nil, err
	}
	return p.Entries, nil
}

// All returns all things, by name, but for those whose record is damaged: Get says of such a one
// what is wrong, and Remove makes room for its name.
func (s *Store[Part]) All(ctx context.Context) ([]*Thing[Part], error) {
	rows, err := s.rows(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Thing[Part]
	for _, e := range rows {
		if t, err := s.open(e.Row.Sort, e.Value); err == nil {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *Thing[Part]) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *Store[Part]) open(name string, v *register.Value) (*Thing[Part], error) {
	var r record
	if err := codec.Decode(v.Data, &r); err != nil {
		return nil, err
	}
	plain, err := s.seal.Open(r.Sealed, []byte(name))
	t := &Thing[Part]{Name: name, Owner: r.Owner, Created: time.UnixMilli(r.Created).UTC()}
	if err == nil {
		err = codec.Decode(plain, &t.Part)
	}
	if err != nil {
		return nil, s.kind.Damaged(name, err)
	}
	return t, nil
}

// Name reports whether a name is one: 1 to MaxName of [A-Za-z0-9._-].
func Name(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return name != "" && len(name) <= MaxName
}
