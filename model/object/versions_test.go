package object_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rhizome/base/clock"
	"rhizome/cluster/register"
	"rhizome/model/object"
	"rhizome/model/object/memobject"
)

// twins carries out every operation on the store and on the naive one in memory, and
// compares what they answer. Version IDs differ: names has the naive one of each.
type twins struct {
	*fixture
	rng   *rand.Rand
	mem   *memobject.Store
	bm    *object.Bucket
	names map[string]string
	ids   map[string][]string // of each key, those that were ever given
}

var twinKeys = []string{"a", "a/b", "a/c", "a\x00b", "b", "c/d/e"}

func newTwins(t *testing.T, seed uint64) *twins {
	w := &twins{fixture: newFixture(t), rng: rand.New(rand.NewPCG(seed, 3)), mem: memobject.New(clock.System{}),
		names: map[string]string{}, ids: map[string][]string{}}
	var err error
	if w.bm, err = w.mem.CreateBucket(w.ctx, "bucket", w.key, false); err != nil {
		t.Fatal(err)
	}
	return w
}

// same compares two answers of one operation.
func (w *twins) agree(what string, a, b error) {
	w.t.Helper()
	if show(a) != show(b) {
		w.t.Fatalf("%s: %v, want %v", what, a, b)
	}
}

func show(err error) string {
	for _, e := range []error{object.ErrNoSuchKey, object.ErrNoSuchVersion, object.ErrMarker, object.ErrPrecondition, object.ErrBucketNotEmpty} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return fmt.Sprint(err)
}

func (w *twins) know(key, real, naive string) {
	if real != object.Null {
		w.names[real] = naive
	}
	if (real == object.Null) != (naive == object.Null) {
		w.t.Fatalf("%q is version %s, want %s", key, real, naive)
	}
	w.ids[key] = append(w.ids[key], real)
}

func (w *twins) naive(id string) string {
	if id == "" || id == object.Null {
		return id
	}
	return w.names[id]
}

func (w *twins) conditions() (c object.Conditions) {
	switch w.rng.IntN(8) {
	case 0:
		c.IfMatch = []string{"*"}
	case 1:
		c.IfNoneMatch = []string{"*"}
	}
	return c
}

func (w *twins) step() {
	key := twinKeys[w.rng.IntN(len(twinKeys))]
	id := ""
	if ids := w.ids[key]; len(ids) > 0 {
		id = ids[w.rng.IntN(len(ids))]
	}
	switch n := w.rng.IntN(22); {
	case n < 7:
		p := random(1 + w.rng.IntN(20)*w.rng.IntN(2000))
		cond := w.conditions()
		h, err := w.Objects.Put(w.ctx, w.b, object.Put{Key: key, Body: body(p), If: cond})
		hm, errm := w.mem.Put(w.ctx, w.bm, object.Put{Key: key, Body: body(p), If: cond})
		if w.agree("put "+key, err, errm); err == nil {
			w.know(key, h.VersionID, hm.VersionID)
		}
	case n < 9:
		d, err := w.Objects.Delete(w.ctx, w.b, key, object.Conditions{})
		dm, errm := w.mem.Delete(w.ctx, w.bm, key, object.Conditions{})
		if w.agree("delete "+key, err, errm); d.Marker != dm.Marker {
			w.t.Fatalf("delete %q: %+v, want %+v", key, d, dm)
		} else if d.Marker {
			w.know(key, d.VersionID, dm.VersionID)
		}
	case n < 13 && id != "":
		d, err := w.Objects.DeleteVersion(w.ctx, w.b, key, id, object.Conditions{})
		dm, errm := w.mem.DeleteVersion(w.ctx, w.bm, key, w.naive(id), object.Conditions{})
		if w.agree("delete version of "+key, err, errm); d.Marker != dm.Marker {
			w.t.Fatalf("delete version of %q: %+v, want %+v", key, d, dm)
		}
	case n < 15:
		to := twinKeys[w.rng.IntN(len(twinKeys))]
		h, err := w.Objects.Copy(w.ctx, w.b, object.Copy{From: w.b, FromKey: key, FromVersion: id, Key: to})
		hm, errm := w.mem.Copy(w.ctx, w.bm, object.Copy{From: w.bm, FromKey: key, FromVersion: w.naive(id), Key: to})
		if w.agree("copy "+key, err, errm); err == nil {
			w.know(to, h.VersionID, hm.VersionID)
		}
	case n < 17:
		tags := []object.Tag{{Key: "turn", Value: fmt.Sprint(w.rng.IntN(1000))}}
		_, err := w.Objects.SetTags(w.ctx, w.b, key, id, tags)
		_, errm := w.mem.SetTags(w.ctx, w.bm, key, w.naive(id), tags)
		w.agree("tag "+key, err, errm)
	case n == 17:
		if err := w.Objects.CleanUp(w.ctx); err != nil {
			w.t.Fatal(err)
		}
	case n == 18:
		v := []object.Versioning{object.VersioningOn, object.VersioningOn, object.VersioningSuspended}[w.rng.IntN(3)]
		w.versioning(v)
	default:
		w.read(key, id)
		w.read(key, "")
		w.read(key, object.Null)
	}
}

func (w *twins) versioning(v object.Versioning) {
	b, err := w.Objects.SetVersioning(w.ctx, w.b, v)
	bm, errm := w.mem.SetVersioning(w.ctx, w.bm, v)
	if w.agree("versioning", err, errm); w.rng.IntN(2) == 0 {
		w.b = b // else the old one is to do as well
	}
	w.bm = bm
}

func (w *twins) read(key, id string) {
	w.t.Helper()
	got, err := w.get(w.b, object.Get{Key: key, Version: id})
	o, errm := w.mem.Get(w.ctx, w.bm, object.Get{Key: key, Version: w.naive(id)})
	w.agree(fmt.Sprintf("get %q %s", key, id), err, errm)
	if errm != nil {
		return
	}
	now, err := w.Objects.Stat(w.ctx, w.b, object.Get{Key: key, Version: id})
	if err != nil || !slices.Equal(now.Tags, o.Tags) {
		w.t.Fatalf("get %q %s: tags %v, %v; want %v", key, id, now.Tags, err, o.Tags)
	}
	want, _ := io.ReadAll(o.Body)
	if !bytes.Equal(got, want) {
		w.t.Fatalf("get %q %s: %d bytes, want %d", key, id, len(got), len(want))
	}
}

// lists compares listings, page by page.
func (w *twins) lists() {
	w.t.Helper()
	q := object.ListVersions{Limit: 1 + w.rng.IntN(5), Prefix: []string{"", "a", "a/"}[w.rng.IntN(3)], Delimiter: []string{"", "/"}[w.rng.IntN(2)]}
	qm := q
	for {
		p, err := w.Objects.ListVersions(w.ctx, w.b, q)
		pm, errm := w.mem.ListVersions(w.ctx, w.bm, qm)
		w.agree("list versions", err, errm)
		if a, b := w.shown(p), w.shown(pm); a != b {
			w.t.Fatalf("%+v\n got %s\nwant %s", q, a, b)
		}
		if !pm.More {
			break
		}
		q.AfterKey, q.AfterVersion = p.NextKey, p.NextVersion
		qm.AfterKey, qm.AfterVersion = pm.NextKey, pm.NextVersion
	}
	l, err := w.Objects.List(w.ctx, w.b, object.List{Limit: 100})
	lm, errm := w.mem.List(w.ctx, w.bm, object.List{Limit: 100})
	w.agree("list", err, errm)
	var a, b []string
	for _, h := range l.Objects {
		a = append(a, h.Key+" "+h.ETag)
	}
	for _, h := range lm.Objects {
		b = append(b, h.Key+" "+h.ETag)
	}
	if fmt.Sprint(a) != fmt.Sprint(b) {
		w.t.Fatalf("list: %v, want %v", a, b)
	}
}

func (w *twins) shown(p *object.ListedVersions) string {
	var s strings.Builder
	for _, v := range p.Versions {
		id := v.VersionID
		if n, ok := w.names[id]; ok {
			id = n
		}
		fmt.Fprintf(&s, "%q %s %s %d marker:%v latest:%v %v\n", v.Key, id, v.ETag, v.Size, v.Marker, v.Latest, v.Tags)
	}
	fmt.Fprintf(&s, "%q more:%v", p.Prefixes, p.More)
	return s.String()
}

// TestVersionsAgainstNaive: whatever is done, it answers as a store does that keeps the
// versions of a key in a list.
func TestVersionsAgainstNaive(t *testing.T) {
	for seed := range uint64(6) {
		w := newTwins(t, seed)
		for i := range 250 {
			if i == 15 {
				w.versioning(object.VersioningOn)
			}
			if w.step(); i%5 == 0 {
				w.lists()
			}
		}
		w.finish()
	}
}

// finish deletes every version, and nothing may be left of them.
func (w *twins) finish() {
	w.t.Helper()
	if err := w.Objects.CleanUp(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	b, _ := w.Objects.BucketByID(w.ctx, w.b.ID)
	u, err := w.Objects.Usage(w.ctx, b)
	um, errm := w.mem.Usage(w.ctx, w.bm)
	if w.agree("usage", err, errm); u != um {
		w.t.Fatalf("usage %+v, want %+v", u, um)
	}
	w.agree("delete bucket", w.Objects.DeleteBucket(w.ctx, w.b), w.mem.DeleteBucket(w.ctx, w.bm))
	if p, err := w.Objects.ListVersions(w.ctx, w.b, object.ListVersions{Limit: 1000}); err != nil {
		w.t.Fatal(err)
	} else {
		for _, v := range p.Versions {
			if _, err := w.Objects.DeleteVersion(w.ctx, w.b, v.Key, v.VersionID, object.Conditions{}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	w.empty()
	for _, table := range []register.Table{object.Objects, object.Versions} {
		err := w.Replica.Rows(w.ctx, table, func(r register.Row, _ *register.Value) error { return fmt.Errorf("%q is left", r.Sort) })
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.Objects.DeleteBucket(w.ctx, w.b); err != nil {
		w.t.Fatal(err)
	}
}
