package object_test

import (
	"context"
	"fmt"
	"testing"

	"rhizome/model/object"
)

// withVersions sets the stage of a bucket that keeps versions, with some of an object "k",
// the oldest first; "-" is a delete marker. The first of them may stand there before
// versioning was on.
func (r *run) withVersions(s *side, before bool, etags ...string) map[string]cell {
	r.setUp(s)
	r.versions, r.ids = true, map[string]string{}
	turn := func(v object.Versioning) {
		r.do(s, "versioning", func(ctx context.Context) (err error) {
			r.b, err = s.objects.SetVersioning(ctx, r.b, v)
			return err
		})
	}
	c := cell{}
	for i, etag := range etags {
		if before == (i == 1) && c.mode == object.VersioningOff {
			c = c.turn(object.VersioningOn)
			turn(object.VersioningOn)
		}
		r.do(s, "stage "+etag, func(ctx context.Context) error {
			if etag == "-" {
				d, err := s.objects.Delete(ctx, r.b, "k", object.Conditions{})
				r.ids[etag] = d.VersionID
				return err
			}
			h, err := s.objects.Put(ctx, r.b, object.Put{Key: "k", Body: bodyOf(etag)})
			r.ids[etag] = h.VersionID
			return err
		})
		c = c.write(etag)
	}
	if c.mode == object.VersioningOff {
		c = c.turn(object.VersioningOn)
		turn(object.VersioningOn)
	}
	return map[string]cell{"k": c, "m": {mode: object.VersioningOn}}
}

// suspend suspends versioning while the stage is set.
func (r *run) suspend(s *side, initial map[string]cell) map[string]cell {
	r.do(s, "suspend", func(ctx context.Context) (err error) {
		r.b, err = s.objects.SetVersioning(ctx, r.b, object.VersioningSuspended)
		return err
	})
	for k, c := range initial {
		initial[k] = c.turn(object.VersioningSuspended)
	}
	return initial
}

var versionScenarios = []scenario{
	{"versions, overwrite", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, true, "big0")
		r.put(a, "k", "big1", input{})
		r.put(b, "k", "small2", input{})
		r.getVersion(b, "k", "big0")
		r.collect(b, "collect")
		return c
	}},
	{"versions, drop", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0", "small1", "big2")
		r.drop(a, "k", "big2")
		r.drop(b, "k", "small1")
		r.get(b, "k")
		r.put(b, "k", "big3", input{})
		r.collect(b, "collect")
		return c
	}},
	{"versions, drop and put", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0", "big1")
		r.drop(a, "k", "big1")
		r.put(b, "k", "small2", input{match: "big0"})
		r.getVersion(b, "k", "big0")
		r.collect(b, "collect")
		r.drop(b, "k", "big0")
		return c
	}},
	{"versions, put and drop", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0")
		r.put(a, "k", "small1", input{})
		r.collect(b, "collect")
		r.drop(b, "k", "big0")
		r.collect(b, "collect again")
		r.getVersion(b, "k", "big0")
		return c
	}},
	{"versions, mark", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0")
		r.delete(a, "k", input{})
		r.put(b, "k", "big1", input{absent: true})
		r.get(b, "k")
		r.collect(b, "collect")
		return c
	}},
	{"versions, unmark", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0", "-")
		r.drop(a, "k", "-")
		r.get(b, "k")
		r.drop(b, "k", "big0")
		r.collect(b, "collect")
		r.get(b, "k")
		return c
	}},
	{"versions, suspended", func(r *run, a, b *side) map[string]cell {
		c := r.suspend(b, r.withVersions(b, true, "big0", "small1"))
		r.put(a, "k", "big2", input{})
		r.put(b, "k", "small3", input{})
		r.getVersion(b, "k", "small1")
		r.delete(b, "k", input{})
		r.collect(b, "collect")
		return c
	}},
	{"versions, turned on", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.put(a, "k", "big1", input{})
		r.versioning(b, "k", object.VersioningOn)
		r.put(b, "k", "small2", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"versions, copy", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0", "small1")
		r.client(a, "copy", "m", input{kind: "put", vals: []string{"big0"}}, func(ctx context.Context) (string, error) {
			h, err := a.objects.Copy(ctx, r.b, object.Copy{From: r.b, FromKey: "k", FromVersion: r.ids["big0"], Key: "m"})
			if err != nil {
				return "", noSource(err)
			}
			return h.ETag, nil
		})
		r.drop(b, "k", "big0")
		r.collect(b, "collect")
		return c
	}},
	{"versions, complete", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "small0")
		r.setUpload(b, "k")
		r.part(b, 1, "big1")
		r.play()
		r.complete(a, "complete", "big1")
		r.put(b, "k", "small2", input{})
		r.collect(b, "collect")
		return c
	}},
	{"versions, two keepers", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0", "small1")
		r.collect(a, "keep")
		r.collect(b, "collect")
		r.drop(b, "k", "big0")
		r.collect(b, "collect again")
		r.getVersion(b, "k", "big0")
		return c
	}},
	{"versions, two gaps", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0", "small1", "big2")
		r.do(b, "clean up", b.objects.CleanUp)
		r.drop(a, "k", "big2")
		r.drop(b, "k", "small1")
		r.collect(b, "collect")
		r.get(b, "k")
		return c
	}},
	{"versions, delete bucket", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0")
		r.delete(a, "k", input{})
		r.drop(b, "k", "big0")
		r.deleteBucket(b, "k")
		r.collect(b, "collect")
		return c
	}},
}

// TestBrokenVersions: a protocol of versions that lacks any one rule is caught.
func TestBrokenVersions(t *testing.T) {
	for _, v := range []struct {
		rule, scenario string
		seed           uint64 // the first that shows it
	}{
		{"noClaim", "versions, two keepers", 0},
		{"blindWork", "versions, two keepers", 457},
		{"blindFill", "versions, two gaps", 128},
		{"noMove", "versions, copy", 0},
	} {
		t.Run(v.rule, func(t *testing.T) {
			sc, _ := scenarioOf(v.scenario)
			caught := ""
			for seed := v.seed; seed < v.seed+400 && caught == ""; seed++ {
				inWorld(t, 1, func(w *world) {
					w.rule = v.rule
					if r := w.walk(sc, seed, nil); r.failed != "" {
						caught = fmt.Sprintf("seed %d: %s", seed, r.failed)
					}
				})
			}
			if caught == "" {
				t.Error("nothing shows that the rule is missing")
			}
			t.Log(caught)
		})
	}
}
