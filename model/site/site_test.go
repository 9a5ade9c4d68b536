package site_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
	"rhizome/model/site"
)

type fixture struct {
	*testing.T
	ctx   context.Context
	home  *objecttest.Home
	sites *site.Store
	clock *clock.Manual
}

func newFixture(t *testing.T) *fixture {
	home := objecttest.Open(t, vfs.NewCrashable(), objecttest.NewIdentity())
	t.Cleanup(func() { home.Close(t) })
	c := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	s := site.New(site.Config{Registers: home.Regs, Buckets: home.Objects, Clock: c, Domains: []string{"Web.Example."}})
	home.Objects.Gone = s.Gone
	return &fixture{t, t.Context(), home, s, c}
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// site makes a bucket that is a site.
func (f *fixture) site(name string) *object.Bucket {
	f.Helper()
	b, err := f.home.Objects.CreateBucket(f.ctx, name, nil, false)
	f.must(err)
	b, err = f.sites.Create(f.ctx, b, object.Site{Index: "index.html"})
	f.must(err)
	return b
}

// leads returns the bucket name that a host leads to.
func (f *fixture) leads(host string) string {
	f.Helper()
	got, err := f.sites.Find(f.ctx, host)
	if errors.Is(err, site.ErrNoSite) {
		return ""
	}
	f.must(err)
	return got.Bucket.Names[0]
}

func TestNames(t *testing.T) {
	f := newFixture(t)
	one, two := f.site("one"), f.site("two")
	_, err := f.sites.Claim(f.ctx, one, "example.org", "")
	f.must(err)
	if _, err := f.sites.Claim(f.ctx, two, "example.org", ""); !errors.Is(err, site.ErrTaken) || f.leads("example.org") != "one" {
		t.Errorf("a name was taken from another: %v", err)
	}
	if f.leads("one.web.example") != "one" || f.leads("none.web.example") != "" || f.leads("example.com") != "" {
		t.Error("names lead elsewhere")
	}
	_, err = f.sites.Move(f.ctx, "example.org", two)
	f.must(err)
	if f.leads("example.org") != "two" {
		t.Error("a name that was moved")
	}
	if _, err := f.sites.Release(f.ctx, one, "example.org"); errs.KindOf(err) != errs.NotFound || f.leads("example.org") != "two" {
		t.Error("a name was taken away by who has it no more", err)
	}
	f.must(f.home.Objects.DeleteBucket(f.ctx, two))
	_, err = f.sites.Claim(f.ctx, one, "example.org", "")
	f.must(err)
	if f.leads("example.org") != "one" {
		t.Error("the name of a bucket that is gone is not free")
	}
	f.must(f.sites.Delete(f.ctx, one))
	if f.leads("example.org") != "" || f.leads("one.web.example") != "" {
		t.Error("a site that is gone has names")
	}
	if _, err := f.sites.Claim(f.ctx, one, "example.org", ""); !errors.Is(err, site.ErrNoSite) {
		t.Error(err)
	}
}

// TestNamesAtOnce: of many who want a name one has it, whoever gives up meanwhile.
func TestNamesAtOnce(t *testing.T) {
	f := newFixture(t)
	var all []*object.Bucket
	for i := range 4 {
		all = append(all, f.site(fmt.Sprintf("site-%d", i)))
	}
	for round := range 20 {
		name := fmt.Sprintf("n%d.example.org", round)
		won := make([]bool, len(all))
		var wg sync.WaitGroup
		for i, b := range all {
			wg.Go(func() {
				_, err := f.sites.Claim(f.ctx, b, name, "")
				if err == nil && i%2 == 0 {
					_, err = f.sites.Release(f.ctx, b, name)
					if err != nil {
						t.Error(err)
					}
					_, err = f.sites.Claim(f.ctx, b, name, "")
				}
				won[i] = err == nil
				if err != nil && !errors.Is(err, site.ErrTaken) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		winner := f.leads(name)
		for i, w := range won {
			if mine := winner == fmt.Sprintf("site-%d", i); mine != w {
				t.Errorf("%s: it leads to %s, and %d has it: %v", name, winner, i, w)
			}
		}
	}
}

func TestHosts(t *testing.T) {
	for in, want := range map[string]string{"Example.org:80": "example.org", "example.org.": "example.org", "[::1]:80": "", "a..b": "",
		"127.0.0.1:8080": "127.0.0.1", "localhost": "localhost", "ex ample.org": "", strings.Repeat("a", 300): "", "a/b": ""} {
		if got := site.Host(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for in, want := range map[string]string{"example.org": "www.example.org", "www.example.org": "example.org", "blog.example.org": "",
		"les-amis.asso.fr": "www.les-amis.asso.fr", "example.co.uk": "www.example.co.uk", "www.blog.example.org": "", "co.uk": ""} {
		if got := site.Companion(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for _, bad := range []string{"localhost", "127.0.0.1", "a.b.1", "-a.org", "A.org", "a_b.org", "", "a.org.", "*.org"} {
		if site.CheckHost(bad) == nil {
			t.Errorf("%q is a name", bad)
		}
	}
}

// wanted makes a deployment of path, content pairs.
func wanted(files ...string) (*site.Wanted, map[site.Hash]string) {
	w, bytes := &site.Wanted{}, map[site.Hash]string{}
	for i := 0; i < len(files); i += 2 {
		h := site.Hash(sha256.Sum256([]byte(files[i+1])))
		bytes[h] = files[i+1]
		w.Files = append(w.Files, site.File{Path: files[i], Hash: h, Size: int64(len(files[i+1]))})
	}
	return w, bytes
}

// deploy deploys path, content pairs and returns how many files it brought.
func (f *fixture) deploy(b *object.Bucket, files ...string) (ident.ID, int) {
	f.Helper()
	w, content := wanted(files...)
	begun, err := f.sites.Begin(f.ctx, b, w)
	f.must(err)
	f.bring(b, begun, content)
	_, d, err := f.sites.Finish(f.ctx, b, begun.ID)
	f.must(err)
	return d.ID, len(begun.Missing)
}

func (f *fixture) bring(b *object.Bucket, begun *site.Begun, content map[site.Hash]string) {
	f.Helper()
	b = f.now(b)
	for _, m := range begun.Missing {
		f.must(f.sites.Bring(f.ctx, b, begun.ID, m.Hash, strings.NewReader(content[m.Hash]), m.Size))
	}
}

func (f *fixture) now(b *object.Bucket) *object.Bucket {
	f.Helper()
	b, err := f.home.Objects.BucketByID(f.ctx, b.ID)
	f.must(err)
	return b
}

// whole checks that every kept deployment has its bytes.
func (f *fixture) whole(b *object.Bucket) {
	f.Helper()
	b = f.now(b)
	for i := range b.Settings.Site.Kept {
		m, err := f.sites.Manifest(f.ctx, b, &b.Settings.Site.Kept[i])
		f.must(err)
		for j := range m.Files {
			o, err := f.home.Objects.Get(f.ctx, b, object.Get{Key: m.Files[j].Key()})
			f.must(err)
			var got bytes.Buffer
			_, err = got.ReadFrom(o.Body)
			f.must(errors.Join(err, o.Body.Close()))
			if sha256.Sum256(got.Bytes()) != m.Files[j].Hash {
				f.Errorf("%s has other bytes", m.Files[j].Path)
			}
		}
	}
}

func (f *fixture) count(b *object.Bucket) int {
	f.Helper()
	l, err := f.home.Objects.List(f.ctx, b, object.List{Prefix: site.Prefix, Limit: 1000})
	f.must(err)
	return len(l.Objects)
}

func TestDeployments(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	first, n := f.deploy(b, "index.html", "one", "a/b.css", "same", "a/c.css", "same")
	if n != 2 {
		t.Errorf("%d files brought", n)
	}
	second, n := f.deploy(b, "index.html", "two", "a/b.css", "same")
	if n != 1 {
		t.Errorf("%d files brought", n)
	}
	if got := site.Current(f.now(b).Settings.Site); got == nil || got.ID != second {
		t.Error("another is current")
	}
	_, err := f.sites.Rollback(f.ctx, b, ident.ID{}, false)
	f.must(err)
	if got := site.Current(f.now(b).Settings.Site); got.ID != first {
		t.Error("it was not rolled back")
	}
	if _, err := f.sites.Rollback(f.ctx, b, ident.ID{}, false); errs.KindOf(err) != errs.NotFound {
		t.Error(err)
	}
	_, err = f.sites.Rollback(f.ctx, b, ident.ID{}, true)
	f.must(err)
	if site.Current(f.now(b).Settings.Site) != nil {
		t.Error("it is not plain")
	}
	_, err = f.sites.Rollback(f.ctx, b, ident.ID{}, false)
	f.must(err)
	if got := site.Current(f.now(b).Settings.Site); got == nil || got.ID != first {
		t.Error("what was shown before the bucket's own objects is not shown again")
	}
	_, err = f.sites.Rollback(f.ctx, b, ident.ID{}, true)
	f.must(err)
	f.must(f.sites.Sweep(f.ctx, b))
	f.whole(b)
	if n := f.count(b); n != 5 {
		t.Errorf("%d objects", n)
	}
	for i := range 6 {
		f.deploy(b, "index.html", fmt.Sprint("later ", i))
		f.must(f.sites.Sweep(f.ctx, b))
		f.whole(b)
	}
	if kept := f.now(b).Settings.Site.Kept; len(kept) != site.DefaultKeep || f.count(b) != 2*len(kept) {
		t.Errorf("%d kept, %d objects", len(kept), f.count(b))
	}
	f.must(f.sites.Delete(f.ctx, b))
	if n := f.count(b); n != 0 {
		t.Errorf("%d objects are left of a site", n)
	}
	f.must(f.home.Objects.DeleteBucket(f.ctx, b))
}

func TestDeploymentsThatFail(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	w, content := wanted("index.html", "one", "b", "two")
	begun, err := f.sites.Begin(f.ctx, b, w)
	f.must(err)
	m := begun.Missing[0]
	if err := f.sites.Bring(f.ctx, f.now(b), begun.ID, m.Hash, strings.NewReader("xyz"), 3); errs.KindOf(err) != errs.Invalid {
		t.Errorf("other bytes: %v", err)
	}
	if _, _, err := f.sites.Finish(f.ctx, b, begun.ID); errs.KindOf(err) != errs.Conflict {
		t.Errorf("without its files: %v", err)
	}
	f.bring(b, begun, content)
	f.must(f.sites.Abandon(f.ctx, b, begun.ID))
	f.must(f.sites.Sweep(f.ctx, b))
	if n := f.count(b); n != 0 {
		t.Errorf("%d objects of one that was given up", n)
	}
	if _, _, err := f.sites.Finish(f.ctx, b, begun.ID); err == nil {
		t.Error("one that was given up is served")
	}
	// One that was left is taken off the list after a day, and refused if it comes late.
	w, content = wanted("index.html", "late")
	late, err := f.sites.Begin(f.ctx, b, w)
	f.must(err)
	f.bring(b, late, content)
	f.clock.Advance(25 * time.Hour)
	f.deploy(b, "index.html", "new")
	if _, _, err := f.sites.Finish(f.ctx, b, late.ID); errs.KindOf(err) != errs.Conflict {
		t.Error(err)
	}
	for _, bad := range []string{"", "/a", "a//b", "../a", "a/./b", "a\\b", "a\x00", ".rhizome/x", "a/", strings.Repeat("a", 2000)} {
		w, _ := wanted(bad, "x")
		if _, err := f.sites.Begin(f.ctx, b, w); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestSweepRaces: whatever sweeps while others deploy, every kept deployment stays whole.
func TestSweepRaces(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	_, err := f.sites.Change(f.ctx, b, func(t *object.Site) error { t.Keep = 2; return nil })
	f.must(err)
	var wg sync.WaitGroup
	for who := range 3 {
		wg.Go(func() {
			for i := range 12 {
				// What others had comes back: it may be counted on while it is dropped.
				w, content := wanted("index.html", fmt.Sprint(i%3), "a", fmt.Sprint((i+who)%4), "own", fmt.Sprint(who, i))
				begun, err := f.sites.Begin(f.ctx, b, w)
				if err != nil {
					t.Error(err)
					return
				}
				now, err := f.home.Objects.BucketByID(f.ctx, b.ID)
				for _, m := range begun.Missing {
					err = errors.Join(err, f.sites.Bring(f.ctx, now, begun.ID, m.Hash, strings.NewReader(content[m.Hash]), m.Size))
				}
				if i%4 == 3 {
					err = errors.Join(err, f.sites.Abandon(f.ctx, b, begun.ID))
				} else if err == nil {
					_, _, err = f.sites.Finish(f.ctx, b, begun.ID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 15 {
				if err := f.sites.Sweep(f.ctx, b); err != nil && errs.KindOf(err) != errs.NotFound {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	f.whole(b)
	f.must(f.sites.Sweep(f.ctx, b))
	f.whole(b)
}

// TestALateSweep: one that listed long ago deletes nothing that is needed by now.
func TestALateSweep(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	for i := range 6 {
		f.deploy(b, "index.html", fmt.Sprint(i), "a", "same")
	}
	slow := &slowly{Store: f.home.Objects, reached: make(chan struct{}), go_: make(chan struct{})}
	late := site.New(site.Config{Registers: f.home.Regs, Buckets: slow, Clock: f.clock})
	done := make(chan error)
	go func() { done <- late.Sweep(f.ctx, b) }()
	<-slow.reached // it is about to delete what the first deployment had
	f.deploy(b, "index.html", "0", "a", "same")
	close(slow.go_)
	f.must(<-done)
	f.whole(b)
}

// slowly waits before its first deletion.
type slowly struct {
	*object.Store
	reached, go_ chan struct{}
	once         sync.Once
}

func (s *slowly) DeleteVersion(ctx context.Context, b *object.Bucket, key, version string, c object.Conditions) (*object.Deleted, error) {
	s.once.Do(func() { close(s.reached); <-s.go_ })
	return s.Store.DeleteVersion(ctx, b, key, version, c)
}

func TestPassword(t *testing.T) {
	h, err := site.HashPassword("garden gate")
	if err != nil || !site.CheckPassword(h, "garden gate") || site.CheckPassword(h, "garden gates") || site.CheckPassword("", "") ||
		site.CheckPassword(strings.Replace(h, "m=19456", "m=99999999", 1), "garden gate") {
		t.Error(h, err)
	}
	if _, err := site.HashPassword("abc"); err == nil {
		t.Error("a password of three letters")
	}
}

// TestUnsureClock: while nobody is sure of the time no deployment was left for long, and no count of
// visits is too old.
func TestUnsureClock(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	f.sites.Visited(b.ID, site.Visit{Hits: 1})
	f.must(f.sites.Flush(f.ctx))
	w, content := wanted("index.html", "0")
	begun, err := f.sites.Begin(f.ctx, b, w)
	f.must(err)
	f.sites.Agreed = func() bool { return false }
	f.clock.Advance(500 * 24 * time.Hour)
	for range 7 {
		_, err := f.sites.Begin(f.ctx, b, w)
		f.must(err)
	}
	if _, err := f.sites.Begin(f.ctx, b, w); !errors.Is(err, errs.Conflict) {
		t.Errorf("a deployment under way makes room: %v", err)
	}
	f.bring(b, begun, content)
	if _, _, err := f.sites.Finish(f.ctx, b, begun.ID); err != nil {
		t.Errorf("a deployment under way was given up: %v", err)
	}
	f.sites.Visited(b.ID, site.Visit{Hits: 1})
	days, err := f.sites.Stats(f.ctx, b.ID)
	f.must(err)
	if len(days) != 2 {
		t.Error(days)
	}
}

func TestVisits(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	f.sites.Visited(b.ID, site.Visit{Hits: 1, Bytes: 10})
	f.sites.Visited(b.ID, site.Visit{Hits: 2, Missing: 1})
	f.must(f.sites.Flush(f.ctx))
	other := site.New(site.Config{Registers: f.home.Regs, Buckets: f.home.Objects, Clock: f.clock, Node: ident.NodeID{1}})
	other.Visited(b.ID, site.Visit{Hits: 1})
	f.must(other.Flush(f.ctx))
	f.clock.Advance(24 * time.Hour)
	f.sites.Visited(b.ID, site.Visit{Hits: 5})
	days, err := f.sites.Stats(f.ctx, b.ID)
	f.must(err)
	if got := fmt.Sprint(days); got != "[{2026-11-23 {5 0 0}} {2026-11-22 {4 1 10}}]" {
		t.Error(got)
	}
	f.clock.Advance(500 * 24 * time.Hour)
	f.sites.Visited(b.ID, site.Visit{Hits: 1})
	days, err = f.sites.Stats(f.ctx, b.ID)
	f.must(err)
	if len(days) != 2 { // what this node counted is forgotten, not what the other did
		t.Error(days)
	}
	f.must(f.sites.Delete(f.ctx, b))
	if days, err = f.sites.Stats(f.ctx, b.ID); err != nil || len(days) != 0 {
		t.Error(days, err)
	}
}
