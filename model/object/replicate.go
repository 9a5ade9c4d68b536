package object

import (
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Replicate is a rule that has objects of a bucket copied to a bucket of another S3 store,
// and kept there as they are here.
type Replicate struct {
	ID  string `cbor:"1,keyasint"`
	Off bool   `cbor:"2,keyasint,omitempty"`
	// Priority decides between rules of one destination: the highest counts.
	Priority int             `cbor:"3,keyasint,omitempty"`
	Filter   ReplicateFilter `cbor:"4,keyasint,omitzero"`
	// Remote is the name of the other store, Bucket that of its bucket.
	Remote string `cbor:"5,keyasint"`
	Bucket string `cbor:"6,keyasint"`
	// Deletes: what is deleted here is deleted there. Existing: what was there before the rule is
	// copied too.
	Deletes  bool `cbor:"7,keyasint,omitempty"`
	Existing bool `cbor:"8,keyasint,omitempty"`
	// Old: it was written as configurations once were, without Filter and Priority.
	Old bool `cbor:"9,keyasint,omitempty"`
	// Made is drawn whenever what the rule says changes: the first copy then begins anew.
	Made ident.ID `cbor:"10,keyasint"`
}

// ReplicateFilter says which objects a rule is about: those that meet all of it.
type ReplicateFilter struct {
	Prefix string `cbor:"1,keyasint,omitempty"`
	Tags   []Tag  `cbor:"2,keyasint,omitempty"`
}

// ReplicaHeader says in a request that what it changes is a copy of what another store has: it is
// not replicated from here.
const ReplicaHeader = "X-Rhizome-Replica"

// BucketHeader is the answer's to a request with ReplicaHeader: the ID of the bucket, by which what
// came from there is told from what came from elsewhere.
const BucketHeader = "X-Rhizome-Bucket"

// Dest is how a destination is written: the remote's name, a slash, and the bucket's.
func (r *Replicate) Dest() string { return r.Remote + "/" + r.Bucket }

// meets reports whether the rule is about an object; tags are nil if there is none, and no
// rule that asks for tags is then.
func (r *Replicate) meets(key string, tags []Tag) bool {
	if r.Off || !strings.HasPrefix(key, r.Filter.Prefix) {
		return false
	}
	for _, t := range r.Filter.Tags {
		if !slices.Contains(tags, t) {
			return false
		}
	}
	return true
}

// ReplicateTo returns the rule by which an object is copied to a destination, nil if none
// says so.
func (s *Settings) ReplicateTo(dest, key string, tags []Tag) *Replicate {
	var found *Replicate
	for i := range s.Replicate {
		r := &s.Replicate[i]
		if r.Dest() == dest && r.meets(key, tags) && (found == nil || r.Priority > found.Priority) {
			found = r
		}
	}
	return found
}

// Dests are the destinations of rules that are on.
func (s *Settings) Dests() (all []string) {
	for i := range s.Replicate {
		if r := &s.Replicate[i]; !r.Off && !slices.Contains(all, r.Dest()) {
			all = append(all, r.Dest())
		}
	}
	return all
}

// dues are the destinations to which a change of a key may matter. What tags it has does not
// count: it may have had others.
func (s *Settings) dues(key string) (all []string) {
	for i := range s.Replicate {
		r := &s.Replicate[i]
		if !r.Off && strings.HasPrefix(key, r.Filter.Prefix) && !slices.Contains(all, r.Dest()) {
			all = append(all, r.Dest())
		}
	}
	return all
}

// made names the rules of a destination as they are: it changes when any of them does.
// existing says that one of them asks for what was there before.
func (s *Settings) made(dest string) (id ident.ID, existing bool) {
	for i := range s.Replicate {
		r := &s.Replicate[i]
		if r.Off || r.Dest() != dest {
			continue
		}
		for j := range id {
			id[j] ^= r.Made[j]
		}
		existing = existing || r.Existing
	}
	return id, existing
}

// MaxReplicate is how many rules a bucket has at most, as AWS has it.
const MaxReplicate = 1000

// maxDests bounds what one change costs.
const maxDests = 8

// SetReplicate replaces the rules, and draws a new Made for those that are new or say
// something else than before.
func (s *Settings) SetReplicate(role string, rules []Replicate) error {
	if len(rules) > MaxReplicate {
		return errs.Newf(errs.Invalid, "a bucket has at most %d rules of replication", MaxReplicate)
	}
	next := slices.Clone(rules)
	for i := range next {
		r := &next[i]
		if r.ID == "" || r.Remote == "" || r.Bucket == "" {
			return errs.New(errs.Invalid, "a rule of replication has an ID, and names a store and a bucket there")
		}
		r.Made = ident.New()
		for j := range s.Replicate {
			was := s.Replicate[j]
			if made := was.Made; sameRule(was, *r) {
				r.Made = made
			}
		}
	}
	was := s.Replicate
	s.Replicate, s.ReplicateRole = next, role
	if len(s.Dests()) > maxDests {
		s.Replicate = was
		return errs.Newf(errs.Invalid, "a bucket is replicated to at most %d others", maxDests)
	}
	return nil
}

func sameRule(a, b Replicate) bool {
	a.Made, b.Made = ident.ID{}, ident.ID{}
	tags := slices.Equal(a.Filter.Tags, b.Filter.Tags)
	return tags && a.ID == b.ID && a.Off == b.Off && a.Priority == b.Priority && a.Filter.Prefix == b.Filter.Prefix &&
		a.Remote == b.Remote && a.Bucket == b.Bucket && a.Deletes == b.Deletes && a.Existing == b.Existing && a.Old == b.Old
}
