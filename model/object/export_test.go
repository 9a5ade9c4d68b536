package object

import (
	"context"
	"slices"
	"time"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Facts is what the protocol's tests need to know of a stored row.
type Facts struct {
	Version ident.ID   // of a slot; zero: none
	Extents []ident.ID // that the version references itself, or those of its pieces
	Pieces  []ident.ID
	Parts   []int         // part numbers in an object's list
	Holder  *register.Row // of the version
	Drops   int
	Upload  ident.ID // of an upload's row
	State   string   // of an upload or a bucket
	Refs    []ident.ID
	// Of an object, and of a version with a row of its own.
	Number      uint64
	Name        string
	Marker, Gap bool
	Mirror      bool
	Notes       int
	Object      register.Row // of a version
}

// FactsOf decodes a row of this package.
func FactsOf(row register.Row, v *register.Value) (f Facts, err error) {
	switch row.Table {
	case Objects, Parts:
		err = f.slot(v)
	case Versions:
		f.Object, _ = objectOf(row)
		err = f.slot(v)
	case Uploads:
		r, derr := decodeRow[uploadRecord](v)
		err = derr
		f.Upload, f.State = r.ID, [...]string{"open", "completing", "done", "dropped"}[r.State]
		for _, h := range r.Refs {
			f.Refs = append(f.Refs, h.ID)
		}
	case Buckets:
		r, derr := decodeRow[bucketRecord](v)
		err = derr
		f.State = [...]string{"active", "new", "deleting", "gone"}[r.State]
	}
	return f, err
}

func (f *Facts) slot(v *register.Value) error {
	sl, err := decodeRow[slot](v)
	if err != nil {
		return err
	}
	f.Drops, f.Gap = len(sl.Drops), sl.gap()
	if p := sl.Past; p != nil {
		f.Notes, f.Mirror, f.Number = len(p.Notes), p.Mirror, p.Number
	}
	if sl.Version == nil {
		return nil
	}
	f.Number, f.Marker, f.Name = max(f.Number, sl.Version.Number), sl.Version.Marker, sl.Version.name()
	f.Version, f.Extents = sl.Version.ID, sl.Version.Extents
	if h := sl.Version.Holder; h != nil {
		row := h.row()
		f.Holder = &row
	}
	l := sl.Version.Here
	if sl.Version.Where == whereList {
		if l, err = decodeList(v.Blob); err != nil {
			return err
		}
	}
	if l == nil {
		return nil
	}
	f.Pieces = l.extents()
	for _, p := range l.Parts {
		f.Parts = append(f.Parts, p.Number)
	}
	return nil
}

// Break leaves a rule of the versions' protocol out.
func (s *Store) Break(rule string) {
	switch rule {
	case "noClaim":
		s.rules.noClaim = true
	case "blindWork":
		s.rules.blindWork = true
	case "blindFill":
		s.rules.blindFill = true
	case "noMove":
		s.rules.noMove = true
	case "blindTurn":
		s.rules.blindTurn = true
	case "blindStrike":
		s.rules.blindStrike = true
	}
}

// Uses is what collectors ask.
var Uses = uses

// CollectExtents runs the extents' collector alone.
func (s *Store) CollectExtents(ctx context.Context) error {
	_, _, err := s.Extents.CollectPending(ctx, uses)
	return err
}

// FillMemory takes all that bodies may hold while they wait, until it is given back.
func (s *Store) FillMemory() (giveBack func()) {
	all := s.memory.tiers[1:]
	for i := range all {
		if err := all[i].budget.take(context.Background(), int64(all[i].places)); err != nil {
			panic(err)
		}
	}
	return func() {
		for i := range all {
			all[i].give(int64(all[i].places))
		}
	}
}

// Forget takes object lock from a bucket, as if its row had been made anew.
func (s *Store) Forget(ctx context.Context, b *Bucket, v Versioning) {
	_, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		r.Versioning, r.Lock = v, BucketLock{}
		return nil
	})
	if err != nil {
		panic(err)
	}
}

// LimitOutbox sets how many rows of the outbox wait before those of who is away for so long
// are only counted.
func (s *Store) LimitOutbox(most int64, away time.Duration) { s.mostOutbox, s.silence = most, away }

// LimitDues sets how many rows wait before the bucket is gone through again.
func (s *Store) LimitDues(most int64) { s.mostDues = most }

// SweepDue looks at the parts whose hour began after last and until now.
func (s *Store) SweepDue(ctx context.Context, last, now time.Time) error {
	return s.sweepDue(ctx, last, now, now)
}

// InHour reports whether the hour of a part began after last and until now.
var InHour = inHour

// Lot is until when the hours after last are looked at at once.
var Lot = lot

// ExpiryDue is when something is so many days old.
var ExpiryDue = due

// Records are the records that rows of this package hold.
func Records() []any {
	return []any{slot{}, bucketRecord{}, aliasRecord{}, uploadRecord{}, outboxRecord{}, Description{}, content{}}
}

// Epoch is the epoch under which a bucket is written to.
func Epoch(b *Bucket) uint64 { return b.epoch }

// ListApart puts the list of an object into an extent of its own, as one lies there that is too
// long for a row.
func (s *Store) ListApart(ctx context.Context, b *Bucket, key string) error {
	row := b.objectRow(key)
	v, _, err := s.readSlot(ctx, row)
	if err != nil {
		return err
	}
	inner, err := b.innerKey(v)
	if err != nil {
		return err
	}
	d := s.newDraft(row)
	d.version, d.keys = *v, b.blindSecrets(inner, v.ID)
	raw := codec.Encode(v.Here)
	w := s.Extents.NewWriter(ctx, d.ref(), int64(len(raw)), s.describeObject(b, key).extent(d, -1))
	if _, err := w.Write(raw); err != nil {
		w.Abort()
		return err
	}
	p, err := w.Close(ctx)
	if err != nil {
		return err
	}
	d.version.Extents = append(slices.Clone(v.Extents), p.Extent)
	d.version.Where, d.version.Here = whereLong, nil
	_, err = s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		e.Version, e.blob = &d.version, codec.Encode(d.keys.listPiece(p))
		return e.value()
	}})
	s.Extents.Release(p.Extent)
	return err
}
