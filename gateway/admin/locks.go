package admin

import (
	"context"
	"errors"
	"net/http"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

var lockModeNames = map[object.LockMode]string{object.Governance: api.Governance, object.Compliance: api.Compliance}

// lockMode is LockNone for no name.
func lockMode(name string) (object.LockMode, error) {
	if name == "" {
		return object.LockNone, nil
	}
	for mode, n := range lockModeNames {
		if n == name {
			return mode, nil
		}
	}
	return object.LockNone, errs.New(errs.Invalid, "the mode of a retention is governance or compliance")
}

func wireBucketLock(l object.BucketLock) *api.BucketLock {
	if !l.On {
		return nil
	}
	return &api.BucketLock{On: true, Mode: lockModeNames[l.Mode], Days: l.Days, Years: l.Years}
}

func wireLock(l object.Lock) *api.Lock {
	if l.Mode == object.LockNone && l.Hold != object.HoldOn {
		return nil
	}
	out := &api.Lock{Mode: lockModeNames[l.Mode], Hold: l.Hold == object.HoldOn}
	if l.Mode != object.LockNone {
		until := l.Ends()
		out.Until = &until
	}
	return out
}

func (s *Server) setLock(r *http.Request) (any, error) {
	in, err := read[api.SetLock](r)
	if err != nil {
		return nil, err
	}
	mode, err := lockMode(in.Mode)
	if err != nil {
		return nil, err
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	if !b.Lock.On && !in.Sure {
		return nil, errs.New(errs.Denied, "object lock is never turned off again, and neither is versioning then: add --yes if that is meant")
	}
	if mode == object.Compliance && !in.Sure {
		return nil, errCompliance
	}
	return s.changed(r)(s.Buckets.SetLock(r.Context(), b, object.BucketLock{On: true, Mode: mode, Days: in.Days, Years: in.Years}))
}

var errCompliance = errs.New(errs.Denied, "what is kept in the mode compliance nobody deletes before its time, and nobody makes that time shorter: add --yes if that is meant")

func (s *Server) setRetention(r *http.Request) (any, error) {
	in, err := read[api.SetRetention](r)
	if err != nil {
		return nil, err
	}
	mode, err := lockMode(in.Mode)
	if err != nil {
		return nil, err
	}
	if mode == object.Compliance && !in.Sure {
		return nil, errCompliance
	}
	l := object.Lock{Mode: mode}
	if mode != object.LockNone {
		l.Until = in.Until.UnixMilli()
	}
	v, b, err := s.ownKept(r)
	if err != nil {
		return nil, err
	}
	h, err := v.SetRetention(r.Context(), b, in.Key, in.Version, l, in.Bypass)
	if errors.Is(err, object.ErrLocked) && !in.Bypass && s.governed(r.Context(), b, in) {
		err = errs.Newf(errs.Denied, "%w. Its mode is governance: --bypass goes around it, for who owns the bucket", err)
	}
	return lockOf(h, err)
}

// governed reports whether a version's retention is one that its bucket's owners may go around.
func (s *Server) governed(ctx context.Context, b *object.Bucket, in api.SetRetention) bool {
	o, err := s.Objects.Stat(ctx, b, object.Get{Key: in.Key, Version: in.Version})
	return err == nil && o.Head.Lock.Mode == object.Governance
}

func (s *Server) setHold(r *http.Request) (any, error) {
	in, err := read[api.SetHold](r)
	if err != nil {
		return nil, err
	}
	v, b, err := s.ownKept(r)
	if err != nil {
		return nil, err
	}
	return lockOf(v.SetHold(r.Context(), b, in.Key, in.Version, in.On))
}

// lockOf answers with the lock of a version after a change.
func lockOf(h *object.Head, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if l := wireLock(h.Lock); l != nil {
		return *l, nil
	}
	return api.Lock{}, nil
}
