package object_test

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// content is what is written under an ETag: "big…" goes into an extent, all else into
// its row; "whole:x" are the bytes of x.
func content(etag string) []byte {
	if part, ok := strings.CutPrefix(etag, "whole:"); ok {
		return content(part)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(etag))
	n := 40
	if strings.HasPrefix(etag, "big") {
		n = object.MaxInline + 500
	}
	p := make([]byte, n)
	src := rand.NewPCG(h.Sum64(), 1)
	for i := range p {
		p[i] = byte(src.Uint64())
	}
	return p
}

func bodyOf(etag string) object.Body {
	p := content(etag)
	return object.Body{Reader: bytes.NewReader(p), Size: int64(len(p)), Finish: func() (object.Digest, error) { return object.Digest{ETag: etag}, nil }}
}

// client adds an operation on a key whose answer the history keeps.
func (r *run) client(s *side, name, key string, in input, f func(context.Context) (string, error)) *op {
	return r.begin(s, name, func(ctx context.Context) {
		e := r.hist.begin(key, in)
		val, err := f(ctx)
		if s.over.Load() {
			return
		}
		r.hist.end(e, output{outcomeOf(err), val, err})
	})
}

func conditions(in input) (c object.Conditions) {
	if in.absent {
		c.IfNoneMatch = []string{"*"}
	}
	if in.match != "" {
		c.IfMatch = []string{in.match}
	}
	return c
}

func (r *run) put(s *side, key, etag string, in input) *op {
	in.kind, in.vals = "put", []string{etag}
	return r.client(s, "put "+etag, key, in, func(ctx context.Context) (string, error) {
		_, err := s.objects.Put(ctx, r.b, object.Put{Key: key, Body: bodyOf(etag), If: conditions(in)})
		return etag, err
	})
}

func (r *run) get(s *side, key string) *op {
	return r.client(s, "get "+key, key, input{kind: "get"}, func(ctx context.Context) (string, error) {
		etag, err := r.readWhole(ctx, s, r.b, key, "")
		if err != nil && !s.over.Load() && errs.KindOf(err) != errs.Unavailable && !errors.Is(err, object.ErrNoSuchKey) {
			r.fail("what %s has cannot be read: %v", key, err)
		}
		return etag, err
	})
}

func (r *run) delete(s *side, key string, in input) *op {
	in.kind = "delete"
	return r.client(s, "delete "+key, key, in, func(ctx context.Context) (string, error) {
		_, err := s.objects.Delete(ctx, r.b, key, conditions(in))
		return "", err
	})
}

// versioning changes the bucket's.
func (r *run) versioning(s *side, key string, v object.Versioning) *op {
	kind := map[object.Versioning]string{object.VersioningOn: "on", object.VersioningSuspended: "off"}[v]
	return r.client(s, kind, key, input{kind: kind}, func(ctx context.Context) (string, error) {
		_, err := s.objects.SetVersioning(ctx, r.b, v)
		return "", err
	})
}

// getVersion reads a version that the stage was set with.
func (r *run) getVersion(s *side, key, etag string) *op {
	return r.client(s, "get version "+etag, key, input{kind: "vget", vals: []string{etag}}, func(ctx context.Context) (string, error) {
		got, err := r.readWhole(ctx, s, r.b, key, r.ids[etag])
		if err != nil && !s.over.Load() && errs.KindOf(err) != errs.Unavailable && !errors.Is(err, object.ErrNoSuchVersion) {
			r.fail("version %s of %s cannot be read: %v", etag, key, err)
		}
		return got, err
	})
}

// drop deletes a version that the stage was set with for good.
func (r *run) drop(s *side, key, etag string) *op {
	return r.client(s, "drop version "+etag, key, input{kind: "vdrop", vals: []string{etag}}, func(ctx context.Context) (string, error) {
		_, err := s.objects.DeleteVersion(ctx, r.b, key, r.ids[etag], object.Conditions{})
		return "", err
	})
}

// hold puts a legal hold on a version that the stage was set with, and tag gives it a tag.
func (r *run) hold(s *side, key, etag string) *op {
	return r.mark(s, key, etag, "hold", func(ctx context.Context) (*object.Head, error) {
		return s.objects.SetHold(ctx, r.b, key, r.ids[etag], true)
	})
}

func (r *run) tag(s *side, key, etag, value string) *op {
	return r.mark(s, key, etag, "tag="+value, func(ctx context.Context) (*object.Head, error) {
		return s.objects.SetTags(ctx, r.b, key, r.ids[etag], []object.Tag{{Key: "tag", Value: value}})
	})
}

func (r *run) mark(s *side, key, etag, mark string, f func(context.Context) (*object.Head, error)) *op {
	return r.client(s, mark+" "+etag, key, input{kind: "vmark", vals: []string{etag}, mark: mark}, func(ctx context.Context) (string, error) {
		_, err := f(ctx)
		return "", err
	})
}

// marks reads what a version is marked with.
func (r *run) marks(s *side, key, etag string) *op {
	return r.client(s, "marks of "+etag, key, input{kind: "vstat", vals: []string{etag}}, func(ctx context.Context) (string, error) {
		o, err := s.objects.Stat(ctx, r.b, object.Get{Key: key, Version: r.ids[etag]})
		if err != nil {
			return "", err
		}
		c := cell{}
		for _, t := range o.Tags {
			c = c.mark(etag, "tag="+t.Value, true)
		}
		return c.mark(etag, "hold", o.Lock.Hold == object.HoldOn).marks, nil
	})
}

// listVersions is for when nothing else goes on.
func (r *run) listVersions(s *side, key string) *op {
	return r.client(s, "list versions", key, input{kind: "vlist"}, func(ctx context.Context) (string, error) {
		var list []string
		p, err := s.objects.ListVersions(ctx, r.b, object.ListVersions{Prefix: key, Limit: 100})
		if err != nil {
			return "", err
		}
		for i, v := range p.Versions {
			name := v.ETag
			if v.Marker {
				name = "-"
			}
			if v.VersionID == object.Null {
				name += "!"
			}
			if list = append(list, name); v.Latest != (i == 0) {
				r.fail("version %d of %s: latest is %v", i, key, v.Latest)
			}
		}
		return strings.Join(list, ","), nil
	})
}

// copy's possible values are all that its source may hold.
func (r *run) copy(s *side, from, to string, vals []string, in input) *op {
	in.kind, in.vals = "put", vals
	return r.client(s, "copy "+from+" "+to, to, in, func(ctx context.Context) (string, error) {
		h, err := s.objects.Copy(ctx, r.b, object.Copy{From: r.b, FromKey: from, Key: to, If: conditions(in)})
		if err != nil {
			return "", noSource(err)
		}
		return h.ETag, nil
	})
}

// noSource is an error about the source of a copy, which is no answer about its target.
func noSource(err error) error {
	if errors.Is(err, object.ErrNoSuchKey) || errors.Is(err, object.ErrNoSuchVersion) {
		return errs.New(errs.NotFound, "no source")
	}
	return err
}

func (r *run) part(s *side, number int, etag string) *op {
	return r.client(s, "part "+etag, r.up.Key, input{kind: "part", vals: []string{etag}}, func(ctx context.Context) (string, error) {
		_, err := s.objects.PutPart(ctx, r.b, r.up.Key, r.up.ID, number, bodyOf(etag))
		return etag, err
	})
}

// otherPart uploads a part that completing leaves out.
func (r *run) otherPart(s *side, number int, etag string) *op {
	return r.begin(s, "part "+etag, func(ctx context.Context) {
		_, _ = s.objects.PutPart(ctx, r.b, r.up.Key, r.up.ID, number, bodyOf(etag))
	})
}

func (r *run) complete(s *side, name, part string) *op {
	return r.client(s, name, r.up.Key, input{kind: "complete", vals: []string{"whole:" + part}}, func(ctx context.Context) (string, error) {
		h, err := s.objects.Complete(ctx, r.b, object.Complete{Key: r.up.Key, Upload: r.up.ID, Size: -1,
			Parts: []object.CompletePart{{Number: 1, ETag: part}}, Finish: func([]object.Part) (object.Digest, error) {
				return object.Digest{ETag: "whole:" + part}, nil
			}})
		if err != nil {
			return "", err
		}
		return h.ETag, nil
	})
}

func (r *run) abort(s *side) *op {
	return r.client(s, "abort", r.up.Key, input{kind: "abort"}, func(ctx context.Context) (string, error) {
		return "", s.objects.Abort(ctx, r.b, r.up.Key, r.up.ID)
	})
}

func (r *run) deleteBucket(s *side, key string) *op {
	return r.client(s, "delete bucket", key, input{kind: "bucketdelete"}, func(ctx context.Context) (string, error) {
		return "", s.objects.DeleteBucket(ctx, r.b)
	})
}

// collect is a collector that takes everything on the lists for abandoned.
func (r *run) collect(s *side, name string) *op {
	return r.begin(s, name, func(ctx context.Context) {
		for range 3 {
			if ctx.Err() == nil {
				_ = s.objects.CleanUp(ctx)
			}
		}
	})
}

// setUp makes the bucket.
func (r *run) setUp(s *side) {
	r.do(s, "make bucket", func(ctx context.Context) (err error) {
		r.b, err = s.objects.CreateBucket(ctx, "bucket", nil, false)
		return err
	})
}

func (r *run) setUpload(s *side, key string) {
	r.do(s, "make upload", func(ctx context.Context) (err error) {
		r.up, err = s.objects.CreateUpload(ctx, r.b, object.NewUpload{Key: key})
		return err
	})
}

// finish plays the schedule to its end, cleans up with fresh coordinators, and checks
// everything.
func (r *run) finish(initial map[string]cell) {
	r.faults = true
	r.play()
	r.faults = false
	r.flush(2)
	var finals []*side
	for i := range r.w.reps {
		finals = append(finals, r.newSide("final", byte(50+i), i, 0))
	}
	r.cleanUp(finals, 4)
	r.flush(1)
	if len(finals) > 1 {
		r.level(finals[0])
	}
	r.cleanUp(finals, 4)
	s := finals[0]
	r.do(s, "audit", func(ctx context.Context) error { return r.audit(ctx, s) })
	if r.verify != nil {
		r.do(s, "verify", func(ctx context.Context) error { return r.verify(ctx, s) })
	}
	for _, key := range r.keys() {
		r.get(s, key)
		if r.versions {
			r.listVersions(s, key)
		}
		for _, etag := range r.marked {
			r.marks(s, key, etag)
		}
	}
	r.play()
	if err := r.hist.check(initial); err != nil {
		r.fail("%v", err)
	}
	r.tearDown(finals)
}

func (r *run) keys() (keys []string) {
	for _, e := range r.hist.events {
		if !slices.Contains(keys, e.key) {
			keys = append(keys, e.key)
		}
	}
	return keys
}

// flush decides about each request that is still under way: it arrives, or never
// does, or (one time in shares) stays.
func (r *run) flush(shares int) {
	for _, m := range slices.Clone(r.net) {
		switch {
		case shares > 1 && r.rng.IntN(shares) == 0:
		case r.rng.IntN(2) == 0:
			r.note("late at last: %s", m)
			r.late(m)
		default:
			r.net = slices.DeleteFunc(r.net, func(x *message) bool { return x == m })
		}
	}
}

func (r *run) cleanUp(finals []*side, rounds int) {
	for range rounds {
		for _, s := range finals {
			r.do(s, "clean up", s.objects.CleanUp)
		}
	}
}

// level is anti-entropy: it chooses every row anew at all replicas, and removes what
// was closed for ever before it was chosen.
func (r *run) level(s *side) {
	above := register.Ballot{Round: uint64(time.Now().Add(time.Minute).UnixMicro())} // every promise
	for _, row := range r.rowsHeld(object.Outbox) {
		r.do(s, "level "+rowName(row), func(ctx context.Context) error {
			_, err := s.regs.Update(ctx, row, register.Change{Epoch: register.EpochSettle, AbsentToo: true, Above: above,
				Apply: func(old *register.Value) (*register.Value, error) { return old, nil }})
			if errors.Is(err, register.ErrFenced) {
				if v, _, rerr := s.regs.Read(ctx, row); rerr == nil && v != nil && !v.Hidden {
					r.fail("%s shows in what was closed for ever", rowName(row))
				}
				_, err = s.regs.Update(ctx, row, register.Change{Epoch: register.EpochFinal, Above: above, AbsentToo: true,
					Apply: func(*register.Value) (*register.Value, error) { return nil, nil }})
			}
			return err
		})
	}
}

// tearDown deletes everything that is left, and nothing may remain.
func (r *run) tearDown(finals []*side) {
	s := finals[0]
	r.do(s, "delete all", func(ctx context.Context) error {
		all, err := s.objects.AllBuckets(ctx)
		for _, b := range all {
			p, lerr := s.objects.ListVersions(ctx, b, object.ListVersions{Limit: 100})
			if err = errors.Join(err, lerr); err != nil {
				return err
			}
			for _, o := range p.Versions {
				if o.Lock.Hold == object.HoldOn {
					_, herr := s.objects.SetHold(ctx, b, o.Key, o.VersionID, false)
					err = errors.Join(err, herr)
				}
				_, derr := s.objects.DeleteVersion(ctx, b, o.Key, o.VersionID, object.Conditions{})
				err = errors.Join(err, derr)
			}
			err = errors.Join(err, s.objects.DeleteBucket(ctx, b))
		}
		return err
	})
	if len(finals) > 1 {
		r.level(s)
	}
	r.cleanUp(finals, 4)
	if len(finals) > 1 {
		r.level(s)
	}
	if r.failed == "" {
		if rows := r.rowsHeld(); len(rows) > 0 {
			r.fail("after everything was deleted %d rows are left, one of %s", len(rows), rowName(rows[0]))
		}
	}
}
