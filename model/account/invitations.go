package account

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/zeebo/blake3"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Invitations is the table of invitations.
const Invitations register.Table = 10

// Bounds of an invitation.
const (
	MaxInvitation = 30 * 24 * time.Hour
	MaxUses       = 100
)

// Invitation lets machines join the rhizome.
type Invitation struct {
	ID      ident.ID
	Created time.Time
	Expires time.Time
	// By is the member who invites.
	By ident.ID
	// Operator is the member whose the machine that joins will be.
	Operator ident.ID
	// Uses is how many machines may join by it.
	Uses int
	// Joined are the nodes that did.
	Joined []ident.NodeID
	// Admitted are those of them that became members: one that is none any more was
	// removed, and the invitation does not bring it back.
	Admitted []ident.NodeID
	Revoked  bool
}

// State says in a word whether the invitation still serves: "open", "used", "expired"
// or "revoked".
func (i *Invitation) State(now time.Time) string {
	switch {
	case i.Revoked:
		return "revoked"
	case len(i.Joined) >= i.Uses:
		return "used"
	case !now.Before(i.Expires):
		return "expired"
	}
	return "open"
}

type invitationRecord struct {
	Digest  []byte         `cbor:"1,keyasint"` // BLAKE3 of the secret
	Created int64          `cbor:"2,keyasint"` // Unix milliseconds
	Expires int64          `cbor:"3,keyasint"`
	By      ident.ID       `cbor:"4,keyasint"`
	Uses    int            `cbor:"5,keyasint"`
	Joined  []ident.NodeID `cbor:"6,keyasint,omitempty"`
	Revoked bool           `cbor:"7,keyasint,omitempty"`
	// Admitted are those of Joined that became members.
	Admitted []ident.NodeID `cbor:"8,keyasint,omitempty"`
	Operator ident.ID       `cbor:"9,keyasint,omitzero"` // zero: By
}

func invitationRow(id ident.ID) register.Row {
	return register.Row{Table: Invitations, Part: "i" + string([]byte{register.Shard(id.Key(), shards)}), Sort: id.Key()}
}

func (r *invitationRecord) value() *register.Value {
	return &register.Value{Data: codec.Encode(r), Count: 1}
}

func (r *invitationRecord) invitation(id ident.ID) *Invitation {
	i := &Invitation{ID: id, Created: time.UnixMilli(r.Created).UTC(), Expires: time.UnixMilli(r.Expires).UTC(),
		By: r.By, Operator: r.Operator, Uses: r.Uses, Joined: r.Joined, Admitted: r.Admitted, Revoked: r.Revoked}
	if i.Operator.IsZero() {
		i.Operator = i.By
	}
	return i
}

// Invite makes an invitation for so many machines of operator that ends after life. The
// secret is told here only; the row keeps its digest.
func (s *Store) Invite(ctx context.Context, by, operator ident.ID, uses int, life time.Duration) (*Invitation, ident.ID, error) {
	if uses < 1 || uses > MaxUses {
		return nil, ident.ID{}, errs.Newf(errs.Invalid, "an invitation is for 1 to %d machines, not %d", MaxUses, uses)
	}
	if life < time.Minute || life > MaxInvitation {
		return nil, ident.ID{}, errs.Newf(errs.Invalid, "an invitation lasts from a minute to 30 days, not %s", life)
	}
	id, secret, now := ident.New(), ident.New(), s.clock.Now()
	digest := blake3.Sum256(secret[:])
	r := &invitationRecord{Digest: digest[:], Created: now.UnixMilli(), Expires: now.Add(life).UnixMilli(), By: by, Operator: operator, Uses: uses}
	if err := s.regs.Create(ctx, invitationRow(id), s.regs.NewBallot(), r.value()); err != nil {
		return nil, ident.ID{}, err
	}
	return r.invitation(id), secret, nil
}

// Invitations returns all invitations, the newest first.
func (s *Store) Invitations(ctx context.Context) ([]*Invitation, error) {
	p, err := s.regs.Scan(ctx, register.Scan{Table: Invitations, Parts: register.Shards("i", shards), Limit: 10000})
	if err != nil {
		return nil, err
	}
	var out []*Invitation
	for _, e := range p.Entries {
		var r invitationRecord
		if err := codec.Decode(e.Value.Data, &r); err != nil {
			return nil, err
		}
		id, err := ident.FromKey(e.Row.Sort)
		if err != nil {
			return nil, errs.Newf(errs.Corrupt, "an invitation's row: %w", err)
		}
		out = append(out, r.invitation(id))
	}
	slices.SortFunc(out, func(a, b *Invitation) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// Revoke ends an invitation. Machines that joined stay.
func (s *Store) Revoke(ctx context.Context, id ident.ID) error {
	_, err := s.changeInvitation(ctx, id, func(r *invitationRecord) error {
		r.Revoked = true
		return nil
	})
	return err
}

// Accept uses the invitation for a node. A node that did so before may do it again, so
// that a join that was interrupted can be repeated. errs.Denied says why it serves no
// more; who does not know the secret learns nothing.
func (s *Store) Accept(ctx context.Context, id, secret ident.ID, node ident.NodeID) (*Invitation, error) {
	digest := blake3.Sum256(secret[:])
	unknown := errs.New(errs.Denied, "there is no such invitation: it was revoked long ago, is another rhizome's, or was not copied as a whole")
	i, err := s.changeInvitation(ctx, id, func(r *invitationRecord) error {
		if subtle.ConstantTimeCompare(r.Digest, digest[:]) != 1 {
			return unknown
		}
		if slices.Contains(r.Joined, node) && !r.Revoked {
			return nil
		}
		switch r.invitation(id).State(s.clock.Now()) {
		case "revoked":
			return errs.New(errs.Denied, "the invitation was revoked: ask for another")
		case "used":
			return errs.New(errs.Denied, "the invitation was used already: ask for another, each machine needs its own, and give that with --join")
		case "expired":
			return errs.New(errs.Denied, "the invitation is no longer valid: ask for another")
		}
		r.Joined = append(slices.Clone(r.Joined), node)
		return nil
	})
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return nil, unknown
	}
	return i, err
}

// Admit notes that a node which used the invitation is a member now. It comes before the
// node is told.
func (s *Store) Admit(ctx context.Context, id ident.ID, node ident.NodeID) error {
	_, err := s.changeInvitation(ctx, id, func(r *invitationRecord) error {
		if !slices.Contains(r.Admitted, node) {
			r.Admitted = append(slices.Clone(r.Admitted), node)
		}
		return nil
	})
	return err
}

func (s *Store) changeInvitation(ctx context.Context, id ident.ID, f func(*invitationRecord) error) (*Invitation, error) {
	v, err := s.regs.Update(ctx, invitationRow(id), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, errs.New(errs.NotFound, "there is no such invitation")
		}
		var r invitationRecord
		if err := codec.Decode(old.Data, &r); err != nil {
			return nil, err
		}
		if err := f(&r); err != nil {
			return nil, err
		}
		return r.value(), nil
	}})
	if err != nil {
		return nil, err
	}
	var r invitationRecord
	if err := codec.Decode(v.Data, &r); err != nil {
		return nil, err
	}
	return r.invitation(id), nil
}
