package s3

import (
	"context"
	"errors"
	"slices"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/s3/policy"
	"rhizome/model/object"
)

// Deliveries says who may write reports about buckets. New returns one.
type Deliveries interface {
	MayDeliver(ctx context.Context, service string, about, to *object.Bucket, d object.Destination, key string) error
	OwnerID(ctx context.Context, b *object.Bucket) (string, error)
}

// MayDeliver implements Deliveries. A service may write into a bucket that has an owner in
// common with the one it writes about, or that who runs a node named; into others if their
// policy allows the service s3:PutObject. What the policy denies it may never do.
func (g *gateway) MayDeliver(ctx context.Context, service string, about, to *object.Bucket, d object.Destination, key string) error {
	ours := d.Ordered || about.ID == to.ID
	if !ours {
		same, err := g.sameOwner(ctx, about, to)
		if err != nil {
			return err
		}
		ours = same
	}
	p, err := g.policies.of(to)
	if err != nil {
		return err
	}
	owner, err := g.OwnerID(ctx, about)
	if err != nil {
		return err
	}
	a := policy.Question{Action: "s3:PutObject", Key: key, Caller: &policy.Caller{Service: service},
		Grants: policy.Grants{Caller: ours, Known: true}, // a public access block is about others
		Value:  func(name string) []string { return g.deliveryFact(name, about.Name(), owner) }}
	if d := policy.Decide(p, &a); !d.Allow {
		return errs.Newf(errs.Denied, "%s may not write to the bucket %s: %s; its owner is another, and its policy has to allow it, or denies it", service, to.Name(), d.Why)
	}
	return nil
}

// deliveryFact is what a delivery says for the condition keys of a policy: it uses no line,
// and what it writes is the bucket owner's.
func (g *gateway) deliveryFact(name, about, owner string) []string {
	switch name {
	case "aws:currenttime":
		return one(g.clock.Now().UTC().Format(time.RFC3339))
	case "aws:epochtime":
		return one(itoa(g.clock.Now().Unix()))
	case "aws:sourcearn":
		return one("arn:aws:s3:::" + about)
	case "aws:sourceaccount":
		return one(owner)
	case "aws:securetransport":
		return one("true")
	case "s3:x-amz-acl":
		return one("bucket-owner-full-control")
	case "s3:x-amz-server-side-encryption":
		return one("AES256")
	}
	return nil
}

// OwnerID implements Deliveries.
func (g *gateway) OwnerID(ctx context.Context, b *object.Bucket) (string, error) {
	return (&request{g: g, ctx: ctx}).owner(b)
}

// sameOwner reports whether a member owns both buckets. What nobody owns belongs to who runs
// the rhizome.
func (g *gateway) sameOwner(ctx context.Context, a, b *object.Bucket) (bool, error) {
	ownA, err := g.owners(ctx, a)
	if err != nil {
		return false, err
	}
	ownB, err := g.owners(ctx, b)
	if err != nil {
		return false, err
	}
	for _, m := range ownA {
		if slices.Contains(ownB, m) {
			return true, nil
		}
	}
	return len(ownA)+len(ownB) == 0, nil
}

// owners are the IDs of the members whose keys own a bucket.
func (g *gateway) owners(ctx context.Context, b *object.Bucket) (out []string, err error) {
	for id, a := range b.Grants {
		if !a.Owner {
			continue
		}
		k, err := g.keys(ctx, id)
		switch {
		case errors.Is(err, errs.NotFound):
			continue
		case err != nil:
			return nil, err
		}
		out = append(out, memberID(k))
	}
	return out, nil
}
