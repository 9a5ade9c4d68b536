package s3

import (
	"context"
	"errors"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/gateway/s3/policy"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/account"
	"rhizome/model/object"
)

// People knows everybody whom a policy may name.
type People interface {
	Keys(ctx context.Context) ([]*account.Key, error)
	Members(ctx context.Context) ([]*account.Member, error)
}

// ErrPolicy is what CheckPolicy finds wrong; its text says what.
var ErrPolicy = errs.New(errs.Invalid, "the policy is not understood")

// CheckPolicy reads a policy for the bucket called name, and finds out who the principals
// in it are. public says that it opens the bucket to everybody.
func CheckPolicy(ctx context.Context, p People, name string, text []byte) (out *object.Policy, public bool, err error) {
	out, public, err = readPolicyText(ctx, &directory{people: p}, name, text)
	if e := s3err.As(err); e != nil {
		detail := ""
		for _, f := range e.Fields {
			detail += " (" + f.Value + ")"
		}
		err = errs.Newf(errs.Invalid, "%w: %s%s", ErrPolicy, e.Message, detail)
	}
	return out, public, err
}

func readPolicyText(ctx context.Context, d *directory, name string, text []byte) (*object.Policy, bool, error) {
	out := &object.Policy{Text: text, Bucket: name}
	p, err := policy.Parse(text, policy.Where{Bucket: name, New: true, Resolve: func(written string, canonical bool) (policy.Principal, bool, error) {
		id, err := d.find(ctx, written, canonical)
		if err != nil || id == nil {
			return policy.Principal{}, false, err
		}
		if !slices.Contains(out.Principals, *id) {
			out.Principals = append(out.Principals, *id)
		}
		return principalOf(*id), true, nil
	}})
	if err != nil {
		return nil, false, err
	}
	return out, p.Public(), nil
}

// directory finds principals. It reads who there is at most once.
type directory struct {
	people People
	one    func(context.Context, string) (*account.Key, error) // used without people

	read    bool
	keys    []*account.Key
	members []*account.Member
}

// find returns who is meant by a principal; nil if nobody, or several, are.
func (d *directory) find(ctx context.Context, written string, canonical bool) (*object.Principal, error) {
	if err := d.load(ctx, written); err != nil {
		return nil, err
	}
	out := &object.Principal{Written: written, Canonical: canonical}
	arn, isARN := strings.CutPrefix(written, "arn:aws:iam::")
	switch {
	case canonical:
		return d.member(out, written, false), nil
	case !isARN:
		if d.key(out, func(k *account.Key) bool { return k.ID == written }) {
			return out, nil
		}
		return d.member(out, written, false), nil
	}
	of, who, _ := strings.Cut(arn, ":")
	if who == "root" {
		return d.member(out, of, true), nil
	}
	name, ok := strings.CutPrefix(who, "user/")
	if !ok || name == "" {
		return nil, nil
	}
	return d.user(out, of, name), nil
}

// user finds a key, or else a member, of a name. of is the member whose it is, or whom
// it is; empty or 12 digits say nothing unless a member is called so.
func (d *directory) user(out *object.Principal, of, name string) *object.Principal {
	var owner object.Principal
	if of != "" && d.member(&owner, of, true) == nil && !isAccount(of) {
		return nil
	}
	fits := func(k *account.Key) bool { return owner.Member.IsZero() || k.Member == owner.Member }
	if d.key(out, func(k *account.Key) bool { return k.ID == name && fits(k) }) {
		return out
	}
	key, other := *out, *out
	byKey := d.key(&key, func(k *account.Key) bool { return k.Name == name && fits(k) })
	byName := d.member(&other, name, true)
	if byName != nil && !owner.Member.IsZero() && byName.Member != owner.Member {
		byName = nil
	}
	switch {
	case byKey && byName == nil:
		return &key
	case !byKey && byName != nil && !d.several(name):
		return byName
	}
	return nil
}

// several reports whether more than one key has the name.
func (d *directory) several(name string) bool {
	n := 0
	for _, k := range d.keys {
		if k.Name == name {
			n++
		}
	}
	return n > 1
}

// key fills in the only key that fits, and reports whether there is one.
func (d *directory) key(out *object.Principal, fits func(*account.Key) bool) bool {
	n := 0
	for _, k := range d.keys {
		if fits(k) {
			out.Key = k.ID
			n++
		}
	}
	return n == 1
}

// member fills in the member with an ID or, if named, the only one of a name; nil if
// there is none.
func (d *directory) member(out *object.Principal, name string, named bool) *object.Principal {
	n := 0
	for _, m := range d.members {
		if m.ID.String() == name {
			out.Member = m.ID
			return out
		}
		if named && m.Name == name {
			out.Member = m.ID
			n++
		}
	}
	if n == 1 {
		return out
	}
	return nil
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

func (d *directory) load(ctx context.Context, written string) (err error) {
	if d.people == nil {
		return d.loadOne(ctx, written)
	}
	if d.read {
		return nil
	}
	if d.keys, err = d.people.Keys(ctx); err != nil {
		return err
	}
	d.members, err = d.people.Members(ctx)
	d.read = err == nil
	return err
}

// loadOne reads the key whose ID stands at the end of a principal.
func (d *directory) loadOne(ctx context.Context, written string) error {
	d.keys = nil
	k, err := d.one(ctx, written[strings.LastIndexByte(written, '/')+1:])
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	if err == nil {
		d.keys = []*account.Key{k}
	}
	return err
}
