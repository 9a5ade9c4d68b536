package memobject

import (
	"context"

	"rhizome/model/object"
)

// lockOf returns a bucket's object lock as it is.
func (s *Store) lockOf(b *object.Bucket) object.BucketLock {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in, err := s.find(b); err == nil {
		return in.info.Lock
	}
	return object.BucketLock{}
}

// lock is called with the mutex held; it gives a new version the bucket's retention.
func (s *Store) lock(in *bucket, h *object.Head) error {
	l, ask := in.info.Lock, &h.Lock
	switch {
	case *ask != (object.Lock{}) && !l.On:
		return object.ErrNoLock
	case ask.Mode == object.LockNone && l.Mode != object.LockNone:
		ask.Mode, ask.Until = l.Mode, s.clock.Now().AddDate(l.Years, 0, l.Days).UnixMilli()
	}
	return nil
}

// mayAsk checks what a version is to be locked with.
func (s *Store) mayAsk(b *object.Bucket, l object.Lock) error {
	switch {
	case l.Mode != object.LockNone && l.Until <= s.clock.Now().UnixMilli():
		return object.ErrLockPast
	case l != (object.Lock{}) && !s.lockOf(b).On:
		return object.ErrNoLock
	}
	return nil
}

func (s *Store) retained(l object.Lock) bool {
	return l.Mode != object.LockNone && s.clock.Now().UnixMilli() < l.Until
}

func (s *Store) locked(l object.Lock, bypass bool) bool {
	return l.Hold == object.HoldOn || s.retained(l) && !(bypass && l.Mode == object.Governance)
}

// SetLock implements object.Service.
func (s *Store) SetLock(_ context.Context, b *object.Bucket, l object.BucketLock) (*object.Bucket, error) {
	ok := true
	out, err := s.change(b.ID, func(b *object.Bucket) {
		if ok = b.Versioning == object.VersioningOn; ok {
			b.Lock = l
		}
	})
	if !ok {
		return nil, object.ErrLockState
	}
	return out, err
}

// SetRetention implements object.Service.
func (s *Store) SetRetention(_ context.Context, b *object.Bucket, key, id string, l object.Lock, bypass bool) (*object.Head, error) {
	if !s.lockOf(b).On {
		return nil, object.ErrNoLock
	}
	if err := s.mayAsk(b, l); err != nil {
		return nil, err
	}
	return s.revise(b, key, id, func(h *object.Head) error {
		old := h.Lock
		if s.retained(old) && !(l.Mode == old.Mode && l.Until >= old.Until) && !(bypass && old.Mode == object.Governance) {
			return object.ErrLocked
		}
		h.Lock.Mode, h.Lock.Until = l.Mode, l.Until
		return nil
	})
}

// SetHold implements object.Service.
func (s *Store) SetHold(_ context.Context, b *object.Bucket, key, id string, on bool) (*object.Head, error) {
	if !s.lockOf(b).On {
		return nil, object.ErrNoLock
	}
	return s.revise(b, key, id, func(h *object.Head) error {
		if h.Lock.Hold = object.HoldOff; on {
			h.Lock.Hold = object.HoldOn
		}
		return nil
	})
}
