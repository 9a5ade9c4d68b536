package object_test

import (
	"context"
	"errors"
	"fmt"

	"rhizome/model/object"
)

// scenario sets a stage and begins operations; the first side may crash, the second
// survives.
type scenario struct {
	name string
	play func(r *run, a, b *side) map[string]cell
}

// withObject sets the stage of a bucket with an object "k".
func (r *run) withObject(s *side, etag string) {
	r.setUp(s)
	r.put(s, "k", etag, input{})
	r.play()
}

// withUpload sets the stage of a bucket with an upload of "k", part 1 of which is
// "big1"; more begins what else is done first.
func (r *run) withUpload(s *side, more func()) {
	r.setUp(s)
	r.setUpload(s, "k")
	r.part(s, 1, "big1")
	if more != nil {
		more()
	}
	r.play()
}

var scenarios = []scenario{
	{"overwrite", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.put(a, "k", "big1", input{})
		r.put(b, "k", "small2", input{})
		r.get(b, "k")
		r.collect(b, "collect")
		return nil
	}},
	{"delete", func(r *run, a, b *side) map[string]cell {
		r.setUp(b)
		r.put(a, "k", "big1", input{})
		r.delete(a, "k", input{})
		r.put(b, "k", "big2", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"create once", func(r *run, a, b *side) map[string]cell {
		r.setUp(b)
		r.put(a, "k", "big1", input{absent: true})
		r.put(b, "k", "big2", input{absent: true})
		r.put(a, "k", "small3", input{absent: true})
		r.collect(b, "collect")
		r.get(b, "k")
		return nil
	}},
	{"swap", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "small0")
		r.put(a, "k", "big1", input{match: "small0"})
		r.put(b, "k", "big2", input{match: "small0"})
		r.delete(a, "k", input{match: "big2"})
		r.collect(b, "collect")
		return nil
	}},
	{"copy", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.copy(a, "k", "m", []string{"big0", "big1"}, input{})
		r.put(b, "k", "big1", input{})
		r.delete(b, "m", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"copy onto itself", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.copy(a, "k", "k", []string{"big0", "big1"}, input{})
		r.copy(b, "k", "k", []string{"big0", "big1"}, input{match: "big0"})
		r.put(b, "k", "big1", input{absent: true})
		r.collect(b, "collect")
		return nil
	}},
	{"complete", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, func() { r.otherPart(b, 2, "big9") })
		r.complete(a, "complete", "big1")
		r.complete(b, "complete again", "big1")
		r.part(b, 1, "big2")
		r.collect(b, "collect")
		return nil
	}},
	{"complete and abort", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, nil)
		r.complete(a, "complete", "big1")
		r.abort(b)
		r.part(a, 1, "big2")
		r.collect(b, "collect")
		return nil
	}},
	{"complete and overwrite", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, nil)
		r.complete(a, "complete", "big1")
		r.put(b, "k", "small2", input{})
		r.collect(b, "collect")
		r.complete(b, "complete again", "big1")
		return nil
	}},
	{"copy of an upload", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, func() { r.complete(b, "complete", "big1") })
		r.copy(a, "k", "m", []string{"whole:big1"}, input{})
		r.delete(b, "k", input{})
		r.delete(b, "m", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"part of a copy", func(r *run, a, b *side) map[string]cell {
		r.setUp(b)
		r.setUpload(b, "m")
		r.put(b, "k", "big0", input{})
		r.play()
		r.begin(a, "copy part", func(ctx context.Context) {
			_, _ = a.objects.CopyPart(ctx, r.b, r.up.Key, r.up.ID, 1, object.Copy{From: r.b, FromKey: "k"})
		})
		r.delete(b, "k", input{})
		r.begin(b, "complete", func(ctx context.Context) {
			_, _ = b.objects.Complete(ctx, r.b, object.Complete{Key: r.up.Key, Upload: r.up.ID, Size: -1,
				Parts: []object.CompletePart{{Number: 1, ETag: "big0"}}, Finish: func([]object.Part) (object.Digest, error) {
					return object.Digest{ETag: "whole:big0"}, nil
				}})
		})
		r.collect(b, "collect")
		return nil
	}},
	{"delete bucket", func(r *run, a, b *side) map[string]cell {
		r.setUp(b)
		r.put(a, "k", "big1", input{})
		r.deleteBucket(b, "k")
		r.put(b, "k", "small2", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"delete bucket, upload", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, nil)
		r.complete(b, "complete", "big1")
		r.deleteBucket(a, "k")
		r.collect(b, "collect")
		return nil
	}},
	{"make bucket", playMakeBucket},
}

// playMakeBucket: of several who make one bucket at most one is told that it did.
func playMakeBucket(r *run, a, b *side) map[string]cell {
	won := map[string]*object.Bucket{}
	for i, s := range []*side{a, b, a} {
		name := fmt.Sprintf("make %d", i)
		r.begin(s, name, func(ctx context.Context) {
			made, err := s.objects.CreateBucket(ctx, "bucket", nil, false)
			if err == nil && !s.over.Load() {
				won[name] = made
			}
		})
	}
	r.collect(b, "collect")
	r.verify = func(ctx context.Context, s *side) error {
		there, err := s.objects.Bucket(ctx, "bucket", nil)
		if len(won) > 1 {
			return fmt.Errorf("%d of those who made a bucket won", len(won))
		}
		if len(won) == 0 && errors.Is(err, object.ErrNoSuchBucket) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, w := range won {
			if w.ID != there.ID {
				return errors.New("who made the bucket does not have its name")
			}
		}
		return nil
	}
	return nil
}
