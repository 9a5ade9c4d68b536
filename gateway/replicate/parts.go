package replicate

import (
	"context"
	"errors"
	"time"

	"rhizome/model/object"
)

// sendParts sends an object in parts, and goes on with an upload of the same version that was
// begun before.
func (s *sender) sendParts(ctx context.Context, h *object.Head, out Sent, u *Unless) error {
	plan, err := s.plan(ctx, h)
	if err != nil {
		return err
	}
	have, err := s.resume(ctx, h, out)
	if err != nil {
		return err
	}
	id := s.d.Upload.ID
	var all []Part
	var offset int64
	for _, p := range plan {
		etag, ok, err := s.holds(ctx, h, p, have[p.Number], offset)
		if err != nil {
			return err
		}
		if !ok {
			if etag, err = s.sendPart(ctx, h, id, p, offset); err != nil {
				return err
			}
		}
		all = append(all, Part{p.Number, p.Size, etag})
		offset += p.Size
	}
	ctx, done, err := s.claim(ctx)
	if err != nil {
		return err
	}
	defer done()
	if now, err := s.objects.Current(ctx, s.b, h.Key); err != nil || now == nil || now.Version != h.Version {
		return errors.Join(err, errMoved)
	}
	err = s.to.Complete(ctx, h.Key, id, all, u)
	if errors.Is(err, errRefused) {
		s.abandon(ctx)
	}
	if err == nil || errors.Is(err, errRefused) || errors.Is(err, errNoUpload) {
		if forgot := s.objects.BeginDue(ctx, s.d, nil); forgot != nil {
			err = errors.Join(err, forgot)
		}
	}
	return err
}

// plan says in which parts an object is sent: its own, or equal ones.
func (s *sender) plan(ctx context.Context, h *object.Head) (plan []Part, err error) {
	if h.Parts > 0 {
		for after := 0; ; {
			page, more, err := s.objects.Parts(ctx, s.b, h.Key, h.VersionID, after, 1000)
			if err != nil {
				return nil, err
			}
			for _, p := range page {
				plan = append(plan, Part{len(plan) + 1, p.Size, p.ETag})
				after = p.Number
			}
			if !more || len(page) == 0 {
				break
			}
		}
		var sum int64
		for _, p := range plan {
			sum += p.Size
		}
		if sum != h.Size {
			return nil, errMoved
		}
		return plan, nil
	}
	size := int64(partSize)
	for h.Size/size >= object.MaxParts {
		size *= 2
	}
	for left := h.Size; left > 0; left -= min(left, size) {
		plan = append(plan, Part{Number: len(plan) + 1, Size: min(left, size)})
	}
	return plan, nil
}

// resume returns what is there of the upload that is noted, which it begins if there is none of
// this version.
func (s *sender) resume(ctx context.Context, h *object.Head, out Sent) (map[int]Part, error) {
	have := map[int]Part{}
	if u := s.d.Upload; u != nil && u.Version == h.Version {
		parts, err := s.to.Parts(ctx, h.Key, u.ID)
		if err != nil && !errors.Is(err, errNoUpload) && !errors.Is(err, errNotDone) {
			return nil, err
		}
		for _, p := range parts {
			have[p.Number] = p
		}
		if err == nil {
			return have, nil
		}
	}
	s.abandon(ctx)
	id, err := s.to.Begin(ctx, h.Key, out)
	if err != nil {
		return nil, err
	}
	u := &object.DueUpload{ID: id, Version: h.Version}
	if err := s.objects.BeginDue(ctx, s.d, u); err != nil {
		abort(ctx, s.to, h.Key, u)
		return nil, err
	}
	return have, nil
}

// abandon gives the upload up that is noted, if any: nothing goes on with it.
func (s *sender) abandon(ctx context.Context) {
	abort(ctx, s.to, s.d.Key, s.d.Upload)
	s.d.Upload = nil
}

// aborts is how long a store is asked to give an upload up.
const aborts = 30 * time.Second

// abort gives an upload up, as far as the store can be reached: its owner's rules for
// unfinished uploads find what is left.
func abort(ctx context.Context, to Target, key string, u *object.DueUpload) {
	if u == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aborts)
	defer cancel()
	_ = to.Abort(ctx, key, u.ID)
}

// holds reports whether a part that is there is the one wanted.
func (s *sender) holds(ctx context.Context, h *object.Head, want, have Part, offset int64) (etag string, ok bool, err error) {
	if have.Number == 0 || have.Size != want.Size {
		return "", false, nil
	}
	if want.ETag == "" {
		if want.ETag, err = s.digest(ctx, h, offset, want.Size); err != nil {
			return "", false, err
		}
	}
	return have.ETag, have.ETag == want.ETag, nil
}

func (s *sender) sendPart(ctx context.Context, h *object.Head, id string, p Part, offset int64) (etag string, err error) {
	err = s.summed(ctx, h, offset, p, func(body Body) (err error) {
		etag, err = s.to.PutPart(ctx, h.Key, id, p.Number, body)
		return err
	})
	return etag, err
}
