package object

import (
	"context"
	"errors"
	"slices"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// destRecord is the value of the Dues row without a key, one for each bucket and destination:
// how far the bucket was gone through, and how the destination is. It is pending until
// the bucket was gone through.
type destRecord struct {
	// Made names the rules for which the bucket is gone through.
	Made ident.ID `cbor:"1,keyasint"`
	// Cursor is the last key that was looked at; Done: all were.
	Cursor string `cbor:"2,keyasint,omitempty"`
	Done   bool   `cbor:"3,keyasint,omitempty"`
	// Again: there was no room for a change, so that it is to be gone through once more. Compare:
	// what is there and not here is looked for too, for deletions were among them.
	Again   bool `cbor:"4,keyasint,omitempty"`
	Compare bool `cbor:"5,keyasint,omitempty"`
	// Listed are the objects that were looked at, with their bytes; Begun and Ended when, in Unix
	// milliseconds.
	Listed      int64 `cbor:"6,keyasint,omitempty"`
	ListedBytes int64 `cbor:"7,keyasint,omitempty"`
	Begun       int64 `cbor:"8,keyasint,omitempty"`
	Ended       int64 `cbor:"9,keyasint,omitempty"`
	// Error is why nothing can be sent, and Failed since when, in Unix milliseconds.
	Error  string `cbor:"10,keyasint,omitempty"`
	Failed int64  `cbor:"11,keyasint,omitempty"`
	// Skipped objects cannot be copied; Names are the last of them.
	Skipped int64    `cbor:"12,keyasint,omitempty"`
	Names   []string `cbor:"13,keyasint,omitempty"`
	// Existing: what was there before the rules is copied too.
	Existing bool `cbor:"14,keyasint,omitempty"`
}

func (r *destRecord) value() *register.Value {
	return &register.Value{Data: codec.Encode(r), Pending: !r.Done || r.Again}
}

// destRow is the row of a destination, in the first of its partition keys.
func destRow(bucket ident.ID, dest string) register.Row {
	return register.Row{Table: Dues, Part: duePart(bucket.Key()+"\x00", dest)}
}

func (s *Store) changeDest(ctx context.Context, row register.Row, f func(*destRecord) (bool, error)) error {
	_, err := s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		r, err := decodeRow[destRecord](old)
		if err != nil {
			return nil, err
		}
		next := *r
		keep, err := f(&next)
		if err != nil || !keep {
			return nil, err
		}
		return next.value(), nil
	}})
	return ignoreNothing(err)
}

// goThroughAgain has the bucket of a row gone through, for there is no room for the row.
func (s *Store) goThroughAgain(ctx context.Context, to register.Row) error {
	bucket, dest, _ := splitDue(to.Part)
	return s.changeDest(ctx, destRow(bucket, dest), func(r *destRecord) (bool, error) {
		if r.Again {
			return false, errNothing
		}
		r.Again = true
		return true, nil
	})
}

// StartReplicating sees to it that the bucket is gone through for each destination of its rules, unless
// that was begun for these very rules. It may be called at any time.
func (s *Store) StartReplicating(ctx context.Context, b *Bucket) error {
	for _, dest := range b.Settings.Dests() {
		made, existing := b.Settings.made(dest)
		err := s.changeDest(ctx, destRow(b.ID, dest), func(r *destRecord) (bool, error) {
			if r.Made == made {
				return false, errNothing
			}
			// What had no room in the list is owed whatever the rules are now.
			owed := r.Again || !r.Done && r.Compare
			*r = destRecord{Made: made, Done: !existing, Existing: existing, Begun: s.now(), Again: owed}
			if !existing {
				r.Ended = s.now()
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// StartAllReplicating is StartReplicating for all buckets.
func (s *Store) StartAllReplicating(ctx context.Context) error {
	all, err := s.AllBuckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		if err := s.StartReplicating(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// There lists what a destination has: up to limit keys after the given one, in order, and
// whether there may be more.
type There func(ctx context.Context, after string, limit int) (keys []string, more bool, err error)

// pace bounds how many keys wait because a bucket is gone through, so that what changes is
// not behind all of them.
const (
	scanPage = 200
	scanWait = 2000
)

// GoThrough takes the next step of going through a bucket for a destination: it notes as due
// what is here, and, where deletions may have been missed, what is there alone. It reports
// whether to go on at once; without, enough waits already or it is over. Where the list of what is
// there does not go on, the rest is noted without it, and the last step fails once.
func (s *Store) GoThrough(ctx context.Context, b *Bucket, dest string, there There) (more bool, err error) {
	row := destRow(b.ID, dest)
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil || v == nil {
		return false, err
	}
	was, err := decodeRow[destRecord](v)
	if err != nil {
		return false, corrupt(row, err)
	}
	if was.Done && was.Again {
		return true, s.changeDest(ctx, row, func(r *destRecord) (bool, error) {
			r.Done, r.Again, r.Compare, r.Cursor = false, false, true, ""
			r.Listed, r.ListedBytes, r.Begun, r.Ended = 0, 0, s.now(), 0
			return true, nil
		})
	}
	if was.Done {
		return false, nil
	}
	waiting, _, err := s.weighDues(ctx, b, dest)
	if err != nil || waiting >= scanWait {
		return false, err
	}
	p, err := s.List(ctx, b, List{After: was.Cursor, Limit: scanPage})
	if err != nil {
		return false, err
	}
	next := *was
	next.Cursor, next.Done = p.Next, !p.More
	stuck := false
	if was.Compare {
		err := s.compare(ctx, b, dest, was.Cursor, p, there, &next)
		if stuck = errors.Is(err, errStuck); err != nil && !stuck { // what is here goes on without a list of what is there
			return false, err
		}
	}
	for i := range p.Objects {
		h := &p.Objects[i]
		if !next.Done && h.Key > next.Cursor {
			break
		}
		next.Listed, next.ListedBytes = next.Listed+1, next.ListedBytes+h.Size
		if s.prefixed(b, dest, h.Key) {
			if err := s.dueAgain(ctx, b, dest, h.Key, dueRecord{Size: h.Size, First: !was.Compare}); err != nil {
				return false, err
			}
		}
	}
	err = s.changeDest(ctx, row, func(r *destRecord) (bool, error) {
		if r.Made != was.Made || r.Cursor != was.Cursor || r.Done {
			return false, errNothing // others went on, or it began anew
		}
		r.Cursor, r.Done, r.Listed, r.ListedBytes = next.Cursor, next.Done, next.Listed, next.ListedBytes
		if r.Done {
			r.Ended, r.Compare = s.now(), false
		}
		return true, nil
	})
	if err == nil && stuck && next.Done {
		return false, errStuck
	}
	return err == nil, err
}

func (s *Store) prefixed(b *Bucket, dest, key string) bool {
	return slices.Contains(b.Settings.dues(key), dest)
}

func (s *Store) dueAgain(ctx context.Context, b *Bucket, dest, key string, r dueRecord) error {
	r.Mark, r.Since = ident.New(), s.now()
	return s.addDue(ctx, register.Row{Table: Dues, Part: duePart(b.part(key), dest), Sort: key}, r)
}

var errStuck = errs.New(errs.Unavailable, "the other store's list of the bucket does not go on, so what was deleted here may still be there")

// compare notes as due what is there, and not here, among the keys of a page, in one request. Where
// the page there ends before the one here, the step does too: next says where.
func (s *Store) compare(ctx context.Context, b *Bucket, dest, after string, p *Listed, there There, next *destRecord) error {
	here := map[string]bool{}
	for i := range p.Objects {
		here[p.Objects[i].Key] = true
	}
	keys, more, err := there(ctx, after, scanPage)
	if err != nil {
		return err
	}
	if more && len(keys) > 0 {
		last := keys[len(keys)-1]
		if last <= after {
			return errStuck
		}
		if next.Done || last < next.Cursor {
			next.Cursor, next.Done = last, false
		}
	}
	for _, key := range keys {
		if key <= after || !next.Done && key > next.Cursor {
			continue
		}
		if !here[key] && checkKey(key) == nil && s.prefixed(b, dest, key) {
			if err := s.dueAgain(ctx, b, dest, key, dueRecord{Found: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) weighDues(ctx context.Context, b *Bucket, dest string) (count, bytes int64, err error) {
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	parts := b.dueParts(dest)
	ahead.Weigh(Dues, parts...)
	for _, part := range parts {
		n, size, err := s.Registers.Weight(ctx, Dues, part)
		if err != nil {
			return 0, 0, err
		}
		count, bytes = count+n, bytes+size
	}
	return count, bytes, nil
}

// NoteDest notes why nothing can be sent to a destination, or with "" that it can.
func (s *Store) NoteDest(ctx context.Context, bucket ident.ID, dest, why string) error {
	return s.changeDest(ctx, destRow(bucket, dest), func(r *destRecord) (bool, error) {
		if r.Error == why || r.Made.IsZero() {
			return false, errNothing
		}
		if r.Error = why; why == "" {
			r.Failed = 0
		} else if r.Failed == 0 {
			r.Failed = s.now()
		}
		return true, nil
	})
}

// maxSkipped is how many names of objects that cannot be copied are kept.
const maxSkipped = 10

// SkipDue notes that a key cannot be copied, and settles it.
func (s *Store) SkipDue(ctx context.Context, d *Due, mine Claim) error {
	err := s.changeDest(ctx, destRow(d.Bucket, d.Dest), func(r *destRecord) (bool, error) {
		if slices.Contains(r.Names, d.Key) {
			return false, errNothing
		}
		r.Skipped++
		r.Names = append(r.Names[max(0, len(r.Names)-maxSkipped+1):len(r.Names):len(r.Names)], d.Key)
		return true, nil
	})
	if err != nil {
		return err
	}
	return s.SettleDue(ctx, d, mine)
}

// DropDues forgets a row, for no rule names its destination any more.
func (s *Store) DropDues(ctx context.Context, row register.Row) error {
	_, err := s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(*register.Value) (*register.Value, error) {
		return nil, nil
	}})
	return err
}

// Replication says how the replication of a bucket to a destination is.
type Replication struct {
	Dest string
	// Waiting objects, with so many bytes, are not there as they are here, the first of them since
	// Oldest, which is exact as long as there are fewer than some thousands.
	Waiting, Bytes int64
	Oldest         time.Time
	// Refused of those that were looked at were refused there; Key is one of them and Why is why.
	Refused  int
	Key, Why string
	// Done: the bucket was gone through. If not, Listed objects of it were, since Begun.
	Done                bool
	Listed, ListedBytes int64
	Begun, Ended        time.Time
	Error               string
	Failed              time.Time
	Skipped             int64
	Names               []string
}

const looked = 1000

// Replications says how each destination of a bucket is.
func (s *Store) Replications(ctx context.Context, b *Bucket) (all []Replication, err error) {
	for _, dest := range b.Settings.Dests() {
		v, _, err := s.Registers.Read(ctx, destRow(b.ID, dest))
		if err != nil {
			return nil, err
		}
		d, err := decodeRow[destRecord](v)
		if err != nil {
			return nil, err
		}
		r := Replication{Dest: dest, Done: d.Done && !d.Again, Listed: d.Listed, ListedBytes: d.ListedBytes, Begun: stamp(d.Begun), Ended: stamp(d.Ended),
			Error: d.Error, Failed: stamp(d.Failed), Skipped: d.Skipped, Names: d.Names}
		if r.Waiting, r.Bytes, err = s.weighDues(ctx, b, dest); err != nil {
			return nil, err
		}
		if r.Waiting > 0 {
			if err := s.lookAtDues(ctx, b, &r); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	return all, nil
}

func stamp(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// lookAtDues finds the oldest of what waits, and what was refused, among the first.
func (s *Store) lookAtDues(ctx context.Context, b *Bucket, r *Replication) error {
	p, err := s.Registers.Scan(ctx, register.Scan{Table: Dues, Parts: b.dueParts(r.Dest), Limit: looked})
	if err != nil {
		return err
	}
	for _, e := range p.Entries {
		if e.Row.Sort == "" {
			continue
		}
		d, err := decodeRow[dueRecord](e.Value)
		if err != nil {
			return corrupt(e.Row, err)
		}
		if at := stamp(d.Since); r.Oldest.IsZero() || at.Before(r.Oldest) {
			r.Oldest = at
		}
		if d.Tries > 0 {
			r.Refused, r.Key, r.Why = r.Refused+1, e.Row.Sort, d.Error
		}
	}
	return nil
}

// Statuses of replication, as S3 names them.
const (
	ReplicaStatus   = "REPLICA"
	PendingStatus   = "PENDING"
	CompletedStatus = "COMPLETED"
	FailedStatus    = "FAILED"
)

// ReplicationStatus says whether the destinations of a bucket have a version of an object: one of
// the statuses, or "" if it cannot be told, or nobody is to have it.
func (s *Store) ReplicationStatus(ctx context.Context, b *Bucket, h *Head) (string, error) {
	if h.Attrs.Replica {
		return ReplicaStatus, nil
	}
	var dests []string
	for _, d := range b.Settings.Dests() {
		if b.Settings.ReplicateTo(d, h.Key, h.Tags) != nil {
			dests = append(dests, d)
		}
	}
	if len(dests) == 0 {
		return "", nil
	}
	row := b.objectRow(h.Key)
	v, _, err := s.Registers.Read(ctx, row) // before what its events are brought to
	if err != nil {
		return "", err
	}
	sl, err := decodeRow[slot](v)
	if err != nil || sl.Version == nil || sl.Version.ID != h.Version {
		return "", corrupt(row, err)
	}
	for i := range sl.Events {
		if len(sl.Events[i].Due) > 0 {
			return PendingStatus, nil
		}
	}
	return s.statusOf(ctx, b, h, dests)
}

// clocksApart is how far the clocks of nodes may be apart, generously.
const clocksApart = time.Minute

func (s *Store) statusOf(ctx context.Context, b *Bucket, h *Head, dests []string) (string, error) {
	status := CompletedStatus
	for _, dest := range dests {
		rows := []register.Row{{Table: Dues, Part: duePart(b.part(h.Key), dest), Sort: h.Key}, destRow(b.ID, dest)}
		values, err := s.Registers.ReadAll(ctx, rows...)
		if err != nil {
			return "", err
		}
		due, err := decodeRow[dueRecord](values[0])
		if err != nil {
			return "", err
		}
		d, err := decodeRow[destRecord](values[1])
		if err != nil {
			return "", err
		}
		made, _ := b.Settings.made(dest)
		switch {
		case due.Tries > 0:
			return FailedStatus, nil
		case values[0] != nil:
			status = PendingStatus
		case status == PendingStatus:
		case !d.Done || d.Again || d.Made != made:
			status = PendingStatus // it is not known yet whether it is there
		case slices.Contains(d.Names, h.Key):
			return FailedStatus, nil
		case !d.Existing && h.Modified.Before(stamp(d.Begun).Add(clocksApart)), d.Skipped > int64(len(d.Names)):
			return "", nil
		}
	}
	return status, nil
}
