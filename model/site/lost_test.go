package site_test

import (
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
	"rhizome/model/site"
)

// TestDeployingMends: what the bucket's owner deleted or wrote over under the prefix is brought anew
// by the next deployment, and what cannot be shown any more is kept no longer.
func TestDeployingMends(t *testing.T) {
	for what, versions := range map[string]bool{"a bucket without versions": false, "one with versions": true} {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t)
			b := f.site("blog")
			if versions {
				var err error
				b, err = f.home.Objects.SetVersioning(f.ctx, b, object.VersioningOn)
				f.must(err)
			}
			first, _ := f.deploy(b, "index.html", "one", "a.css", "same", "b.css", "also")
			second, _ := f.deploy(b, "index.html", "two", "a.css", "same", "b.css", "also")
			m, err := f.sites.Manifest(f.ctx, f.now(b), site.Current(f.now(b).Settings.Site))
			f.must(err)
			f.drop(b, m.Find("a.css").Key())
			f.put(b, m.Find("b.css").Key(), "spoilt")
			if _, n := f.deploy(b, "index.html", "two", "a.css", "same", "b.css", "also"); n != 2 {
				t.Errorf("%d files brought", n)
			}
			f.current(b)
			f.drop(b, site.Prefix+first.String()+"/manifest")
			f.put(b, site.Prefix+second.String()+"/manifest", "spoilt")
			if _, err := f.sites.Rollback(f.ctx, b, first, false); errs.KindOf(err) != errs.NotFound || !strings.Contains(err.Error(), "deploy the site again") {
				t.Error(err)
			}
			f.deploy(b, "index.html", "four")
			if kept := f.now(b).Settings.Site.Kept; len(kept) != 2 || kept[0].ID == first || kept[1].ID == second {
				t.Errorf("%d are kept", len(kept))
			}
			f.must(f.sites.Sweep(f.ctx, b))
			f.whole(b)
			// All of it is gone, as by a client that makes a bucket what a folder is.
			l, err := f.home.Objects.List(f.ctx, f.now(b), object.List{Prefix: site.Prefix, Limit: 1000})
			f.must(err)
			for _, o := range l.Objects {
				f.drop(b, o.Key)
			}
			if _, n := f.deploy(b, "index.html", "four"); n != 1 {
				t.Errorf("%d files brought", n)
			}
			f.must(f.sites.Sweep(f.ctx, b))
			f.whole(b)
		})
	}
}

// TestLostMeanwhile: a file that a deployment counts on and that is deleted before it is finished
// is missed then.
func TestLostMeanwhile(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	_, _ = f.deploy(b, "index.html", "one", "a.css", "same")
	m, err := f.sites.Manifest(f.ctx, f.now(b), site.Current(f.now(b).Settings.Site))
	f.must(err)
	w, content := wanted("index.html", "two", "a.css", "same")
	begun, err := f.sites.Begin(f.ctx, b, w)
	f.must(err)
	f.bring(b, begun, content)
	f.drop(b, m.Find("a.css").Key())
	if _, _, err := f.sites.Finish(f.ctx, b, begun.ID); errs.KindOf(err) != errs.Conflict {
		t.Error(err)
	}
}

// TestSpared: going back in time and lifecycle rules leave a site's deployments alone.
func TestSpared(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	b, err := f.home.Objects.SetVersioning(f.ctx, b, object.VersioningOn)
	f.must(err)
	f.put(b, "note", "old")
	then := f.home.Clock.Now()
	f.deploy(b, "index.html", "one")
	done, err := f.home.Objects.Restore(f.ctx, f.now(b), "", true, then.Add(-time.Hour))
	f.must(err)
	if *done != (object.Restored{Deleted: 1}) {
		t.Errorf("%+v", *done)
	}
	f.whole(b)
	_, err = f.home.Objects.ChangeSettings(f.ctx, b, func(s *object.Settings) error {
		s.Lifecycle = []object.LifecycleRule{{ID: "all", Date: 1, NoncurrentDays: 1, Markers: true}}
		return nil
	})
	f.must(err)
	now := f.now(b)
	if _, _, expires := now.Settings.Expiration(&object.Head{Key: site.Prefix + "x"}); expires {
		t.Error("a client would be told that a deployment expires")
	}
}

// TestDates: under one path no two contents ever have the same date, however soon one follows the
// other, for clients ask by date.
func TestDates(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	seen := map[string]map[int64]string{"p": {}, "q": {}}
	for _, c := range [][2]string{{"a", "b"}, {"b", "a"}, {"c", "b"}, {"b", "a"}, {"a", "b"}} {
		f.deploy(b, "p", c[0], "q", c[1])
		m, err := f.sites.Manifest(f.ctx, f.now(b), site.Current(f.now(b).Settings.Site))
		f.must(err)
		for i, path := range []string{"p", "q"} {
			since := m.Find(path).Since
			if was, ok := seen[path][since]; ok && was != c[i] {
				t.Errorf("%s is %s and was %s of the same date", path, c[i], was)
			}
			seen[path][since] = c[i]
		}
	}
	if len(seen["p"]) != 3 || len(seen["q"]) != 2 {
		t.Errorf("the same content has several dates: %v", seen)
	}
}

// TestBefore: the deployment before is there for ten minutes after a switch.
func TestBefore(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	is := func(want ident.ID) {
		t.Helper()
		d := f.sites.Before(f.now(b).Settings.Site)
		if d == nil && !want.IsZero() || d != nil && d.ID != want {
			t.Errorf("%v, want %s", d, want)
		}
	}
	first, _ := f.deploy(b, "index.html", "one")
	is(ident.ID{})
	second, _ := f.deploy(b, "index.html", "two")
	is(first)
	f.clock.Advance(11 * time.Minute)
	is(ident.ID{})
	_, err := f.sites.Rollback(f.ctx, b, ident.ID{}, false)
	f.must(err)
	is(second)
	_, err = f.sites.Rollback(f.ctx, b, first, false) // no switch
	f.must(err)
	is(second)
	_, err = f.sites.Change(f.ctx, b, func(t *object.Site) error { t.Keep = 1; return nil })
	f.must(err)
	f.deploy(b, "index.html", "three")
	is(ident.ID{})
}

// current checks that all files of the current deployment are there.
func (f *fixture) current(b *object.Bucket) {
	f.Helper()
	b = f.now(b)
	m, err := f.sites.Manifest(f.ctx, b, site.Current(b.Settings.Site))
	f.must(err)
	for i := range m.Files {
		o, err := f.home.Objects.Stat(f.ctx, b, object.Get{Key: m.Files[i].Key()})
		f.must(err)
		if !m.Files[i].Vouched(&o.Head) {
			f.Errorf("%s is not what was deployed", m.Files[i].Path)
		}
	}
}

func (f *fixture) drop(b *object.Bucket, key string) {
	f.Helper()
	_, err := f.home.Objects.Delete(f.ctx, f.now(b), key, object.Conditions{})
	f.must(err)
}

func (f *fixture) put(b *object.Bucket, key, text string) {
	f.Helper()
	_, err := f.home.Objects.Put(f.ctx, f.now(b), object.Put{Key: key, Body: object.Body{Reader: strings.NewReader(text), Size: int64(len(text))}})
	f.must(err)
}
