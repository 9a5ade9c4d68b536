package account

import (
	"context"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

type memberRecord struct {
	Name    string `cbor:"1,keyasint"`
	Created int64  `cbor:"2,keyasint"` // Unix milliseconds
	Admin   bool   `cbor:"3,keyasint,omitempty"`
}

func memberRow(id ident.ID) register.Row {
	return register.Row{Table: Members, Part: "m" + string([]byte{register.Shard(id.Key(), shards)}), Sort: id.Key()}
}

// CreateMember makes a member. Names of members need not differ yet: nobody logs in
// by name.
func (s *Store) CreateMember(ctx context.Context, name string, admin bool) (*Member, error) {
	if name == "" || len(name) > 128 {
		return nil, errs.New(errs.Invalid, "a member's name has 1 to 128 bytes")
	}
	m := &Member{ID: ident.New(), Name: name, Created: s.clock.Now(), Admin: admin}
	v := &register.Value{Data: codec.Encode(memberRecord{m.Name, m.Created.UnixMilli(), admin}), Count: 1}
	return m, s.regs.Create(ctx, memberRow(m.ID), s.regs.NewBallot(), v)
}

// Member returns one member, or errs.NotFound.
func (s *Store) Member(ctx context.Context, id ident.ID) (*Member, error) {
	v, _, err := s.regs.Read(ctx, memberRow(id))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, errs.New(errs.NotFound, "there is no such member")
	}
	return decodeMember(id, v.Data)
}

// MemberNamed returns the member of that name, and makes one who is no administrator if
// there is none. errs.Conflict if several have it.
func (s *Store) MemberNamed(ctx context.Context, name string) (*Member, error) {
	all, err := s.Members(ctx)
	if err != nil {
		return nil, err
	}
	var found *Member
	for _, m := range all {
		if m.Name == name && found != nil {
			return nil, errs.Newf(errs.Conflict, "there are several members called %q", name)
		}
		if m.Name == name {
			found = m
		}
	}
	if found != nil {
		return found, nil
	}
	return s.CreateMember(ctx, name, false)
}

func decodeMember(id ident.ID, data []byte) (*Member, error) {
	var r memberRecord
	if err := codec.Decode(data, &r); err != nil {
		return nil, err
	}
	return &Member{id, r.Name, time.UnixMilli(r.Created).UTC(), r.Admin}, nil
}

// Members returns all members, in no particular order.
func (s *Store) Members(ctx context.Context) ([]*Member, error) {
	p, err := s.regs.Scan(ctx, register.Scan{Table: Members, Parts: register.Shards("m", shards), Limit: 10000})
	if err != nil {
		return nil, err
	}
	var out []*Member
	for _, e := range p.Entries {
		id, err := ident.FromKey(e.Row.Sort)
		if err != nil {
			return nil, errs.Newf(errs.Corrupt, "a member's row: %w", err)
		}
		m, err := decodeMember(id, e.Value.Data)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}
