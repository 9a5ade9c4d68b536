package object

import (
	"context"
	"errors"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// dueRecord is the value of a Dues row: a key of which a destination may not have what it is
// now. There is one row for a key and a destination, however often the key changes: what is
// sent is what the key is then, and never what it was.
type dueRecord struct {
	// Mark is drawn anew by each change: who sent what he read before leaves the row.
	Mark ident.ID `cbor:"1,keyasint"`
	// Since is when the first change was that was not sent, Size the latest one's.
	Since int64 `cbor:"2,keyasint"` // Unix milliseconds
	Size  int64 `cbor:"3,keyasint,omitempty"`
	// Tries failed, and Again is when the next one is due, in Unix milliseconds.
	Tries int    `cbor:"4,keyasint,omitempty"`
	Again int64  `cbor:"5,keyasint,omitempty"`
	Error string `cbor:"6,keyasint,omitempty"`
	// Claim is whose request may be under way there; Verify until when one of somebody else
	// may still arrive: what is there is looked at once more after that.
	Claim  *Claim `cbor:"7,keyasint,omitempty"`
	Verify int64  `cbor:"8,keyasint,omitempty"`
	// Upload is one in parts that was begun there.
	Upload *DueUpload `cbor:"9,keyasint,omitempty"`
	// Tags: they were changed. Found: the key was found there and not here, so that it goes
	// only if it came from here.
	Tags  bool `cbor:"10,keyasint,omitempty"`
	Found bool `cbor:"11,keyasint,omitempty"`
	// First: it was there before the rule, so that it is sent though it came from elsewhere.
	First bool `cbor:"12,keyasint,omitempty"`
}

// Claim says who sends: a node, in one of its runs. Nothing it sends arrives after Until.
type Claim struct {
	Node  ident.NodeID `cbor:"1,keyasint"`
	Run   ident.ID     `cbor:"2,keyasint"`
	Until int64        `cbor:"3,keyasint"` // Unix milliseconds
}

// DueUpload is an upload in parts at a destination, of one version.
type DueUpload struct {
	ID      string   `cbor:"1,keyasint"`
	Version ident.ID `cbor:"2,keyasint"`
}

// Due is a key that a destination is to be sent.
type Due struct {
	Row    register.Row
	Bucket ident.ID
	Dest   string
	Key    string
	dueRecord
}

// Times after which nothing of somebody else can arrive any more: of a run of this node that
// ended, and beyond what another node's claim says.
const (
	afterRun   = 5 * time.Second
	afterClaim = time.Minute
)

// maxDues is how many keys wait under one partition key, 16 of which are a bucket; what comes
// then has the bucket gone through again.
const maxDues = 1 << 16

// bucketBytes is how long a partition key is before the destination.
const bucketBytes = len(ident.ID{}) + 1

// duePart is the partition key of what a destination is to be sent of a shard.
func duePart(objects, dest string) string { return objects + dest }

// dueParts are all those of a bucket and a destination.
func (b *Bucket) dueParts(dest string) (parts []string) {
	for _, p := range b.parts() {
		parts = append(parts, duePart(p, dest))
	}
	return parts
}

// splitDue takes the partition key of a Dues row apart.
func splitDue(part string) (bucket ident.ID, dest string, ok bool) {
	if len(part) <= bucketBytes {
		return bucket, "", false
	}
	copy(bucket[:], part)
	return bucket, part[bucketBytes:], strings.Contains(part[bucketBytes:], "/")
}

// DueDest returns the bucket and the destination that a row of Dues is about, and whether it is
// the one that says how the destination is, rather than one of a key.
func DueDest(row register.Row) (bucket ident.ID, dest string, whole bool) {
	bucket, dest, _ = splitDue(row.Part)
	return bucket, dest, row.Sort == ""
}

// PastDue returns a row behind all those of the same partition key.
func PastDue(row register.Row) register.Row {
	return register.Row{Table: Dues, Part: row.Part, Sort: afterGroup}
}

// postDues notes that destinations are to be sent what the key of an object's row is now.
func (s *Store) postDues(ctx context.Context, row register.Row, ev *event) error {
	for _, dest := range ev.Due {
		to := register.Row{Table: Dues, Part: duePart(row.Part, dest), Sort: row.Sort}
		waiting, _, err := s.Registers.Weight(ctx, Dues, to.Part)
		if err != nil {
			return err
		}
		if waiting >= s.mostDues {
			if err := s.goThroughAgain(ctx, to); err != nil {
				return err
			}
			continue
		}
		if err := s.addDue(ctx, to, dueRecord{Mark: ident.New(), Since: ev.At, Size: ev.Size, Tags: ev.Kind == EventTagPut || ev.Kind == EventTagDelete}); err != nil {
			return err
		}
	}
	return nil
}

// addDue writes a row, or marks the one that is there.
func (s *Store) addDue(ctx context.Context, to register.Row, r dueRecord) error {
	_, err := s.Registers.Update(ctx, to, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return r.value(), nil
		}
		was, err := decodeRow[dueRecord](old)
		if err != nil {
			return nil, err
		}
		if r.Found {
			return nil, errNothing
		}
		next := *was
		next.Mark, next.Since, next.Size = r.Mark, min(was.Since, r.Since), r.Size
		next.Tries, next.Again, next.Error = 0, 0, ""
		next.Tags, next.Found, next.First = was.Tags || r.Tags, false, was.First || r.First
		return next.value(), nil
	}})
	return ignoreNothing(err)
}

func ignoreNothing(err error) error {
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

func (r *dueRecord) value() *register.Value {
	return &register.Value{Data: codec.Encode(r), Pending: true, Count: 1, Bytes: r.Size}
}

// OutgoingDues returns rows of Dues that this node is to send, as Outgoing has those of the outbox.
func (s *Store) OutgoingDues(ctx context.Context, after *register.Row, limit int) (rows []register.Row, next *register.Row, err error) {
	return s.outgoing(ctx, Dues, after, limit)
}

// Due reads a row; nil if nothing is due any more.
func (s *Store) Due(ctx context.Context, row register.Row) (*Due, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil || v == nil {
		return nil, err
	}
	r, err := decodeRow[dueRecord](v)
	if err != nil {
		return nil, corrupt(row, err)
	}
	d := &Due{Row: row, Key: row.Sort, dueRecord: *r}
	d.Bucket, d.Dest, _ = splitDue(row.Part)
	return d, nil
}

// changeDue changes a row if it is still there, and d with it; f returns false to remove it.
// errGone: it is not there.
func (s *Store) changeDue(ctx context.Context, d *Due, f func(*dueRecord) bool) error {
	var now dueRecord
	_, err := s.Registers.Update(ctx, d.Row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, errNothing
		}
		r, err := decodeRow[dueRecord](old)
		if err != nil {
			return nil, err
		}
		now = *r
		if !f(&now) {
			return nil, nil
		}
		return now.value(), nil
	}})
	if err == nil {
		mark := d.Mark // of what was read: what came since is not known
		d.dueRecord = now
		d.Mark = mark
	}
	return err
}

// ErrNotDue says that somebody else settled it.
var ErrNotDue = errs.New(errs.NotFound, "nothing is due any more")

func gone(err error) error {
	if errors.Is(err, errNothing) {
		return ErrNotDue
	}
	return err
}

// ClaimDue says, durably, that something will be sent that changes what is there. ErrNotDue if
// somebody else settled it.
func (s *Store) ClaimDue(ctx context.Context, d *Due, c Claim) error {
	return gone(s.changeDue(ctx, d, func(r *dueRecord) bool {
		r.heed(c, s.now())
		r.Claim = &c
		return true
	}))
}

// heed notes until when something that another run claimed may arrive.
func (r *dueRecord) heed(mine Claim, now int64) {
	switch c := r.Claim; {
	case c == nil || c.Run == mine.Run:
	case c.Node == mine.Node:
		r.Verify = max(r.Verify, now+afterRun.Milliseconds())
	default:
		r.Verify = max(r.Verify, c.Until+afterClaim.Milliseconds())
	}
}

// SettleDue removes a row of which the destination has what was read after it. It stays if
// there was a change since, or if what somebody else sent may still arrive.
func (s *Store) SettleDue(ctx context.Context, d *Due, mine Claim) error {
	return ignoreNothing(s.changeDue(ctx, d, func(r *dueRecord) bool {
		now := s.now()
		r.heed(mine, now)
		r.Claim = nil
		r.Tries, r.Error, r.Upload = 0, "", nil
		if r.Mark != d.Mark {
			r.Again = 0
			return true
		}
		r.Again = r.Verify
		return r.Verify > now
	}))
}

// RefuseDue notes why a key could not be sent, and when it is tried again. Nothing is under
// way any more.
func (s *Store) RefuseDue(ctx context.Context, d *Due, why string, again time.Duration) error {
	return ignoreNothing(s.changeDue(ctx, d, func(r *dueRecord) bool {
		if r.Claim != nil && d.Claim != nil && r.Claim.Run == d.Claim.Run {
			r.Claim = nil
		}
		if r.Mark == d.Mark {
			r.Tries, r.Error, r.Again = r.Tries+1, why, s.now()+again.Milliseconds()
		}
		return true
	}))
}

// BeginDue notes an upload in parts that was begun there; nil that it is over.
func (s *Store) BeginDue(ctx context.Context, d *Due, u *DueUpload) error {
	return gone(s.changeDue(ctx, d, func(r *dueRecord) bool {
		r.Upload = u
		return true
	}))
}

// Current returns what a key is now; nil if there is nothing.
func (s *Store) Current(ctx context.Context, b *Bucket, key string) (*Head, error) {
	o, err := s.Stat(ctx, b, Get{Key: key})
	if errors.Is(err, ErrNoSuchKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &o.Head, nil
}
