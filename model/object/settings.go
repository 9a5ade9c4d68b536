package object

import (
	"bytes"
	"context"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Settings is what gateways keep in a bucket's row, which every request reads anyway.
// The zero Settings takes no byte there. What is in it was checked by the gateway that
// put it; whoever gets it changes nothing in it.
type Settings struct {
	// Policy is nil for a bucket without one.
	Policy *Policy `cbor:"1,keyasint,omitempty"`
	Block  Block   `cbor:"2,keyasint,omitzero"`
	// CORS says which pages of others may ask; the first rule that fits counts.
	CORS []CORSRule `cbor:"3,keyasint,omitempty"`
	// Tags are the bucket's, in the order in which they were put.
	Tags []Tag `cbor:"4,keyasint,omitempty"`
	// Lifecycle are the rules that have objects go by themselves.
	Lifecycle []LifecycleRule `cbor:"5,keyasint,omitempty"`
	// Site makes the bucket a web site; nil: it is none.
	Site *Site `cbor:"20,keyasint,omitempty"`
	// BlockCustomerKeys refuses what is written with a key of its client's.
	BlockCustomerKeys bool `cbor:"30,keyasint,omitempty"`
	// Notify says which events webhooks are told of.
	Notify []Notify `cbor:"24,keyasint,omitempty"`
	// Replicate says what is copied to other stores; ReplicateRole is what S3's configuration
	// named as role, which means nothing here.
	Replicate     []Replicate `cbor:"28,keyasint,omitempty"`
	ReplicateRole string      `cbor:"29,keyasint,omitempty"`
	// Logging has requests of the bucket written down in another; nil: they are not.
	Logging *Logging `cbor:"40,keyasint,omitempty"`
	// Inventory are the lists of the bucket that are written; their IDs are unique.
	Inventory []Inventory `cbor:"41,keyasint,omitempty"`
}

// Tag is a name and a value that somebody gave a thing. No two tags of a thing have the
// same name.
type Tag struct {
	Key   string `cbor:"1,keyasint"`
	Value string `cbor:"2,keyasint,omitempty"`
}

// CORSRule is one rule of S3's CORS configuration. In origins and headers one * may
// stand for anything.
type CORSRule struct {
	ID      string   `cbor:"1,keyasint,omitempty"`
	Methods []string `cbor:"2,keyasint"`
	Origins []string `cbor:"3,keyasint"`
	Headers []string `cbor:"4,keyasint,omitempty"`
	Expose  []string `cbor:"5,keyasint,omitempty"`
	// MaxAge is how long a browser may remember, in seconds; -1: not said.
	MaxAge int `cbor:"6,keyasint"`
}

// Policy is a bucket policy with what its names meant when it was put.
type Policy struct {
	// Text is the JSON as it was sent.
	Text []byte `cbor:"1,keyasint"`
	// Bucket is the name that the bucket has in it.
	Bucket string `cbor:"2,keyasint"`
	// Principals says who each of the principals in it is.
	Principals []Principal `cbor:"3,keyasint,omitempty"`
}

// Principal is a principal as it is written in a policy, and the key or the member that
// it stood for when the policy was put; Member is zero if Key is set.
type Principal struct {
	Written string `cbor:"1,keyasint"`
	// Canonical: written as a CanonicalUser.
	Canonical bool     `cbor:"2,keyasint,omitempty"`
	Key       string   `cbor:"3,keyasint,omitempty"`
	Member    ident.ID `cbor:"4,keyasint,omitzero"`
}

// Block is S3's public access block.
type Block struct {
	BlockACLs   bool `cbor:"1,keyasint,omitempty"` // Anonymous never gains a right
	IgnoreACLs  bool `cbor:"2,keyasint,omitempty"` // Anonymous counts for nothing
	BlockPolicy bool `cbor:"3,keyasint,omitempty"` // no public policy is put
	Restrict    bool `cbor:"4,keyasint,omitempty"` // a public policy is for keys with a right only
	// Set: there is a block, if only one that blocks nothing.
	Set bool `cbor:"5,keyasint,omitempty"`
}

// maxSettings is how long a bucket's settings may be together, in bytes: half of a row, so
// that there is room for grants and names.
const maxSettings = register.MaxData / 2

// ChangeSettings implements Service.
//
// Once new rules of what is told are in force, every write goes by them: those that looked the
// bucket up before are fenced off, and look again.
func (s *Store) ChangeSettings(ctx context.Context, b *Bucket, change func(*Settings) error) (*Bucket, error) {
	var fence bool
	now, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		if r.State == bucketNew || r.State == bucketGone {
			return ErrNoSuchBucket
		}
		rules := r.Settings.told() // change may write into it
		if err := change(&r.Settings); err != nil {
			return err
		}
		if fence = !bytes.Equal(rules, r.Settings.told()); fence {
			if r.State != bucketActive {
				return errNotify
			}
			if err := checkNotify(r.Settings.Notify); err != nil {
				return err
			}
			r.Epoch++
		}
		if len(codec.Encode(r.Settings)) > maxSettings {
			return errs.Newf(errs.TooLarge, "a bucket's settings have at most %d bytes together", maxSettings)
		}
		return nil
	})
	if err != nil || !fence {
		return now, err
	}
	return now, s.fenceObjects(ctx, now)
}

// open changes what anybody may do.
func (r *bucketRecord) open(change func(Access) Access) error {
	a := change(r.Anonymous)
	a.Owner = false
	if r.Settings.Block.BlockACLs && (a.Read && !r.Anonymous.Read || a.Write && !r.Anonymous.Write) {
		return errs.New(errs.Denied, "the bucket's public access block forbids to open it to anybody: take the block away first")
	}
	r.Anonymous = a
	return nil
}
