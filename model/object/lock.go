package object

import (
	"context"
	"errors"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/register"
	"rhizome/model/account"
)

// LockMode is who may end a retention before its time.
type LockMode uint8

// The modes that S3 has.
const (
	LockNone   LockMode = iota
	Governance          // who may bypass it
	Compliance          // nobody
)

// Hold is a version's legal hold.
type Hold uint8

// The states of a hold. One that was never set is told from one that is off.
const (
	HoldUnset Hold = iota
	HoldOn
	HoldOff
)

// Lock keeps a version from being deleted or replaced. The zero Lock keeps nothing.
type Lock struct {
	Mode LockMode `cbor:"1,keyasint,omitempty"`
	// Until is when the retention ends, in Unix milliseconds; 0 without a mode.
	Until int64 `cbor:"2,keyasint,omitempty"`
	Hold  Hold  `cbor:"3,keyasint,omitempty"`
}

// Ends is Until as a time.
func (l Lock) Ends() time.Time { return time.UnixMilli(l.Until).UTC() }

// BucketLock is a bucket's object lock. Once it is on it stays on, and versioning too.
type BucketLock struct {
	On bool `cbor:"1,keyasint,omitempty"`
	// Mode is that of the retention which versions get that are given none, LockNone for
	// none, with one of Days and Years.
	Mode  LockMode `cbor:"2,keyasint,omitempty"`
	Days  int      `cbor:"3,keyasint,omitempty"`
	Years int      `cbor:"4,keyasint,omitempty"`
}

// Limits of a default retention, as AWS has them.
const (
	MaxLockDays  = 36500
	MaxLockYears = 100
)

// What locks refuse.
var (
	ErrLocked      = errs.New(errs.Denied, "the version is locked: it has a retention that has not ended, or a legal hold")
	ErrNoLock      = errs.New(errs.Invalid, "the bucket has no object lock")
	ErrLockState   = errs.New(errs.Conflict, "object lock needs versioning that is on, and keeps it on")
	ErrLockPast    = errs.New(errs.Invalid, "a retention has to end in the future")
	ErrLockDefault = errs.Newf(errs.Invalid, "a default retention has a mode, and either 1 to %d days or 1 to %d years", MaxLockDays, MaxLockYears)
)

func (l BucketLock) check() error {
	days, years := l.Days > 0 && l.Days <= MaxLockDays && l.Years == 0, l.Years > 0 && l.Years <= MaxLockYears && l.Days == 0
	switch {
	case !l.On:
		return errs.New(errs.Invalid, "object lock is never turned off again")
	case l.Mode == LockNone && l.Days == 0 && l.Years == 0, (l.Mode == Governance || l.Mode == Compliance) && (days || years):
		return nil
	}
	return ErrLockDefault
}

// give returns the lock of a version that is made at a time, in Unix milliseconds: what was
// asked for, and the bucket's retention if that says none.
func (l BucketLock) give(ask Lock, now int64) Lock {
	if ask.Mode == LockNone && l.Mode != LockNone {
		ask.Mode = l.Mode
		ask.Until = time.UnixMilli(now).UTC().AddDate(l.Years, 0, l.Days).UnixMilli()
	}
	return ask
}

// checkLock checks what a new version is to be locked with.
func (s *Store) checkLock(b *Bucket, ask Lock) error {
	if ask == (Lock{}) {
		return nil
	}
	if err := s.checkRetention(ask); err != nil {
		return err
	}
	if !b.Lock.On {
		return ErrNoLock
	}
	return nil
}

func (s *Store) checkRetention(l Lock) error {
	switch {
	case l.Mode > Compliance || l.Hold > HoldOff || l.Mode == LockNone && l.Until != 0:
		return errs.New(errs.Invalid, "no such lock")
	case l.Mode != LockNone && l.Until <= s.now():
		return ErrLockPast
	}
	return nil
}

// retained reports whether a retention has not ended. While this node's clock agrees with no
// majority, none has.
func (s *Store) retained(l Lock) bool {
	if l.Mode == LockNone {
		return false
	}
	return s.now() < l.Until || !s.sure()
}

// free fails with ErrLocked if a version may not be deleted or replaced; bypass is for who
// may go around governance.
func (s *Store) free(v *version, bypass bool) error {
	if v == nil || v.Lock == (Lock{}) {
		return nil
	}
	if v.Lock.Hold == HoldOn || s.retained(v.Lock) && !(bypass && v.Lock.Mode == Governance) {
		return ErrLocked
	}
	return nil
}

// freeNull is free for the null version, which a write replaces where versioning is
// suspended. What is in a row of its own is not known here: if versions of the key were ever
// locked, it is taken for locked.
func (s *Store) freeNull(e *entry) error {
	if e.Version != nil && e.Version.null() {
		return s.free(e.Version, false)
	}
	if e.Past == nil || e.Past.Null == 0 {
		return nil
	}
	if i := e.Past.find(e.Past.Null); i >= 0 {
		return s.free(e.Past.Notes[i].Version, false)
	}
	if e.Past.Locked {
		return ErrLocked
	}
	return nil
}

// CreateLocked implements Service.
func (s *Store) CreateLocked(ctx context.Context, name string, k *account.Key, local bool) (*Bucket, error) {
	return s.createBucket(ctx, name, k, local, func(r *bucketRecord) { r.Versioning, r.Lock.On = VersioningOn, true })
}

// SetLock implements Service. As with versioning, who looked the bucket up before is fenced
// off, and looks again.
func (s *Store) SetLock(ctx context.Context, b *Bucket, l BucketLock) (*Bucket, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return s.changeAndFence(ctx, b, func(r *bucketRecord) error {
		if r.Versioning != VersioningOn {
			return ErrLockState
		}
		r.Lock = l
		return nil
	})
}

// SetRetention implements Service.
func (s *Store) SetRetention(ctx context.Context, b *Bucket, key, id string, l Lock, bypass bool) (*Head, error) {
	l.Hold = HoldUnset
	if !b.Lock.On {
		return nil, ErrNoLock
	}
	if err := s.checkRetention(l); err != nil {
		return nil, err
	}
	return s.revise(ctx, b, key, id, 0, func(v *version) error {
		if err := s.mayRetain(v.Lock, l, bypass); err != nil {
			return err
		}
		v.Lock.Mode, v.Lock.Until = l.Mode, l.Until
		return nil
	})
}

// mayRetain says whether one retention may take the place of another. As long as that lasts
// it may be made longer; all else is for who may bypass governance, and for nobody if it is
// compliance.
func (s *Store) mayRetain(old, next Lock, bypass bool) error {
	longer := next.Mode == old.Mode && next.Until >= old.Until
	if !s.retained(old) || longer || bypass && old.Mode == Governance {
		return nil
	}
	return ErrLocked
}

// SetHold implements Service.
func (s *Store) SetHold(ctx context.Context, b *Bucket, key, id string, on bool) (*Head, error) {
	if !b.Lock.On {
		return nil, ErrNoLock
	}
	return s.revise(ctx, b, key, id, 0, func(v *version) error {
		if v.Lock.Hold = HoldOff; on {
			v.Lock.Hold = HoldOn
		}
		return nil
	})
}

// changeAndFence changes a bucket under a higher epoch. Once it returns, every write goes by
// what the bucket is then.
func (s *Store) changeAndFence(ctx context.Context, b *Bucket, f func(*bucketRecord) error) (*Bucket, error) {
	now, err := s.changeBucket(ctx, b.ID, func(r *bucketRecord) error {
		if r.State != bucketActive {
			return ErrBusy
		}
		r.Epoch++
		return f(r)
	})
	if err != nil {
		return nil, err
	}
	return now, s.fenceObjects(ctx, now)
}

// remove deletes a version in the object's row if no lock keeps it.
func (s *Store) remove(ctx context.Context, b *Bucket, row register.Row, at sighting, firm bool, cond Conditions) (*register.Value, error) {
	id := which{number: at.v.Number, id: at.v.ID, null: at.v.null()}
	tell := s.telling(ctx, b, cond.still.event(EventDelete), row.Sort)
	gone := &version{ID: at.v.ID, Number: max(at.v.Number, numberBefore), Null: at.v.null()}
	return s.Registers.Update(ctx, row, register.Change{Epoch: b.epoch, Apply: func(old *register.Value) (*register.Value, error) {
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		// What a lock may keep, or who is told of it: it has to be certain that it still stands.
		strict := (b.Lock.On || e.Past.locked() || tell != nil) && !s.rules.blindTurn
		v, _, stands := e.seen(at, !strict)
		if cond.still.noncurrent && (stands == standsCurrent || e.gap()) {
			return nil, ErrPrecondition
		}
		if v == nil && strict && stands == standsAlone || strict && stands == standsAlone && !firm {
			return nil, errLost
		}
		if err := s.free(v, cond.Bypass); err != nil {
			return nil, err
		}
		if !e.delete(id) {
			return nil, errNothing
		}
		if err := e.record(tell, gone); err != nil {
			return nil, err
		}
		return e.value()
	}})
}

// locked reports whether a version of the key was ever locked.
func (p *past) locked() bool { return p != nil && p.Locked }

// noteLock remembers that a version of the key was locked.
func (e *entry) noteLock(l Lock) {
	if e.Past != nil && l != (Lock{}) {
		e.Past.Locked = true
	}
}

// deleteVersion deletes one version for good. Whether a lock keeps it is decided by what it
// is at the commit: so its rows are looked at as for a revision where there are locks.
func (s *Store) deleteVersion(ctx context.Context, b *Bucket, row register.Row, w which, cond Conditions, out *Deleted) error {
	firm := b.Lock.On || len(b.Settings.Notify) > 0
	for range keepSteps {
		at, err := s.doomed(ctx, row, w, firm)
		if err != nil {
			return err
		}
		if at.v == nil {
			return cond.checkDelete(nil) // versions do not come back
		}
		if err := cond.checkDelete(at.v.readable()); err != nil {
			return err
		}
		if id := cond.still.version; !id.IsZero() && at.v.ID != id {
			return ErrPrecondition
		}
		out.Marker = at.v.Marker
		v, err := s.remove(ctx, b, row, at, firm, cond)
		switch {
		case errors.Is(err, errLost):
			firm = true
			continue
		case errors.Is(err, errNothing):
			return nil
		case err == nil && v != nil && v.Pending:
			s.fill(ctx, row, v)
		}
		return err
	}
	return errs.Newf(errs.Unavailable, "the object is being changed all the time: %w", ErrBusy)
}

// doomed looks up a version that is to be deleted.
func (s *Store) doomed(ctx context.Context, row register.Row, w which, firm bool) (sighting, error) {
	if firm {
		return s.sight(ctx, row, w)
	}
	v, _, err := s.find(ctx, row, w)
	return sighting{v: v}, err
}
