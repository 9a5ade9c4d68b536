package object_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rhizome/base/ident"
	"rhizome/model/object"
)

// TestDue: days are counted to the midnight that ends the last of them.
func TestDue(t *testing.T) {
	at := func(s string) time.Time {
		d, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		from string
		days int
		want string
	}{
		{"2026-01-15 10:30", 3, "2026-01-19 00:00"}, {"2026-01-15 00:00", 3, "2026-01-18 00:00"},
		{"2026-01-15 23:59", 1, "2026-01-17 00:00"}, {"2026-02-28 12:00", 1, "2026-03-02 00:00"},
	} {
		if got := object.ExpiryDue(at(c.from), c.days); !got.Equal(at(c.want)) {
			t.Errorf("%s and %d days: %s, want %s", c.from, c.days, got, c.want)
		}
	}
	// However a zone shifts its clocks, a day is one of UTC.
	zone := time.FixedZone("away", 9*3600)
	if got := object.ExpiryDue(at("2026-01-15 10:30").In(zone), 3); !got.Equal(at("2026-01-19 00:00")) {
		t.Error(got)
	}
}

// TestHours: every part is looked at once a day, whenever the looks are, and not all at once.
func TestHours(t *testing.T) {
	start := time.Date(2026, 11, 22, 11, 17, 0, 0, time.UTC)
	busiest := 0
	perHour := map[int]int{}
	for range 480 {
		id := ident.New()
		part, seen := string(id[:])+"x", 0
		for h := range 24 {
			now := start.Add(time.Duration(h+1) * time.Hour)
			if object.InHour(part, start.Add(time.Duration(h)*time.Hour), now) {
				seen++
				perHour[h]++
				busiest = max(busiest, perHour[h])
			}
		}
		if seen != 1 {
			t.Fatalf("seen %d times in a day", seen)
		}
		if !object.InHour(part, start.Add(-24*time.Hour), start) || object.InHour(part, start, start) {
			t.Fatal("a day has every hour, and no time none")
		}
	}
	if busiest > 60 {
		t.Errorf("%d of 480 parts in one hour", busiest)
	}
}

// TestMissedHours: what was missed before a start is made up for hour by hour, every part once, and
// never many parts at once.
func TestMissedHours(t *testing.T) {
	now := time.Date(2026, 11, 22, 11, 17, 0, 0, time.UTC)
	var parts []string
	for range 480 {
		id := ident.New()
		parts = append(parts, string(id[:]))
	}
	seen, lots := map[string]int{}, 0
	for last := now.Add(-aDay); last.Before(now); lots++ {
		_, upto := object.Lot(last, now)
		together := 0
		for _, p := range parts {
			if object.InHour(p, last, upto) {
				seen[p]++
				together++
			}
		}
		if together > 60 {
			t.Errorf("%d of 480 parts at once", together)
		}
		last = upto
	}
	if lots != 24 || len(seen) != len(parts) {
		t.Errorf("%d parts in %d lots", len(seen), lots)
	}
	for _, n := range seen {
		if n != 1 {
			t.Errorf("a part was looked at %d times", n)
		}
	}
	if after, upto := object.Lot(now.Add(-40*aDay-time.Hour), now); !after.Equal(now.Add(-aDay-time.Hour)) || !upto.Equal(after.Add(time.Hour)) {
		t.Errorf("after a long absence the first lot is from %s to %s", after, upto)
	}
	if _, upto := object.Lot(now.Add(time.Hour), now); !upto.Equal(now) {
		t.Errorf("a clock that was set back: %s", upto)
	}
}

// TestASlowSweepComesToEveryPart: one that takes three hours for what is due in each comes to the
// parts of every hour of the day all the same, in turn.
func TestASlowSweepComesToEveryPart(t *testing.T) {
	now := time.Date(2026, 11, 22, 11, 17, 0, 0, time.UTC)
	last, seen := now, map[int]int{}
	for range 24 * 20 {
		now = now.Add(3 * time.Hour)
		after, upto := object.Lot(last, now)
		for h := range 24 {
			if at := upto.Truncate(aDay).Add(time.Duration(h) * time.Hour); at.After(after) && !at.After(upto) || at.Add(-aDay).After(after) {
				seen[h]++
			}
		}
		last = upto
	}
	for h := range 24 {
		if seen[h] < 19 || seen[h] > 21 {
			t.Errorf("the hour %d was looked at %d times of 20", h, seen[h])
		}
	}
}

// TestALateSweepHurries: what is due gives way less once its hour is over.
func TestALateSweepHurries(t *testing.T) {
	f := newLocked(t)
	f.rules(object.LifecycleRule{ID: "all", Days: 1})
	for i := range 3 {
		f.putLocked(fmt.Sprint("k", i), "old", object.Lock{})
	}
	f.now.Advance(10 * aDay)
	var late []bool
	f.Objects.Rest = func(_ context.Context, now bool) error {
		late = append(late, now)
		f.now.Advance(40 * time.Minute)
		return nil
	}
	f.sweep()
	if fmt.Sprint(late) != "[false false true]" {
		t.Errorf("late: %v", late)
	}
}

// rules sets the bucket's lifecycle rules.
func (f *lockedFixture) rules(rules ...object.LifecycleRule) {
	f.t.Helper()
	var err error
	f.b, err = f.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error { s.Lifecycle = rules; return nil })
	if err != nil {
		f.t.Fatal(err)
	}
}

// sweep carries the rules out once.
func (f *lockedFixture) sweep() {
	f.t.Helper()
	now := f.now.Now()
	if err := f.Objects.SweepDue(f.ctx, now.Add(-24*time.Hour), now); err != nil {
		f.t.Fatal(err)
	}
	f.settled()
}

// has checks the versions of a key, the newest first: its bytes, "-" for a delete marker.
func (f *lockedFixture) has(key string, want ...string) {
	f.t.Helper()
	p, err := f.Objects.ListVersions(f.ctx, f.b, object.ListVersions{Prefix: key, Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	var got []string
	for _, v := range p.Versions {
		if v.Key != key {
			continue
		}
		text := "-"
		if !v.Marker {
			b, err := f.get(f.b, object.Get{Key: key, Version: v.VersionID})
			if err != nil {
				f.t.Fatal(err)
			}
			text = string(b)
		}
		got = append(got, text)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		f.t.Fatalf("%s has %v, want %v", key, got, want)
	}
}

const aDay = 24 * time.Hour

func TestExpiry(t *testing.T) {
	f := newLocked(t)
	f.b = f.bucket("plain")
	size := func(n int64) *int64 { return &n }
	f.rules(object.LifecycleRule{ID: "off", Off: true, Days: 1},
		object.LifecycleRule{ID: "logs", Filter: object.LifecycleFilter{Prefix: "logs/"}, Days: 3},
		object.LifecycleRule{ID: "tagged", Filter: object.LifecycleFilter{Tags: []object.Tag{{Key: "tmp", Value: "1"}}}, Days: 1},
		object.LifecycleRule{ID: "large", Filter: object.LifecycleFilter{Prefix: "size/", Over: size(3), Under: size(6)}, Days: 1},
		object.LifecycleRule{ID: "dated", Filter: object.LifecycleFilter{Prefix: "dated/"}, Date: f.now.Now().Add(5 * aDay).UnixMilli()})
	for _, k := range []string{"logs/a", "dated/a", "plain"} {
		f.put(k, []byte("x"))
	}
	for n := 2; n < 8; n++ {
		f.put(fmt.Sprint("size/", n), make([]byte, n))
	}
	tags := []object.Tag{{Key: "other", Value: "x"}, {Key: "tmp", Value: "1"}}
	if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "tagged", Tags: tags, Body: body([]byte("x"))}); err != nil {
		t.Fatal(err)
	}
	left := func(want string) {
		t.Helper()
		f.sweep()
		p, err := f.Objects.List(f.ctx, f.b, object.List{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range p.Objects {
			got = append(got, h.Key)
		}
		if strings.Join(got, " ") != want {
			t.Fatalf("%s: %v, want %s", f.now.Now(), got, want)
		}
	}
	left("dated/a logs/a plain size/2 size/3 size/4 size/5 size/6 size/7 tagged")
	f.now.Advance(aDay + 11*time.Hour) // an hour before the midnight that counts
	left("dated/a logs/a plain size/2 size/3 size/4 size/5 size/6 size/7 tagged")
	f.now.Advance(time.Hour)
	left("dated/a logs/a plain size/2 size/3 size/6 size/7")
	f.now.Advance(2 * aDay)
	left("dated/a plain size/2 size/3 size/6 size/7")
	f.now.Advance(aDay + 12*time.Hour)
	left("plain size/2 size/3 size/6 size/7")
	h := &object.Head{Key: "logs/b", Modified: f.now.Now()}
	if at, rule, ok := f.b.Settings.Expiration(h); !ok || rule != "logs" || !at.Equal(object.ExpiryDue(h.Modified, 3)) {
		t.Errorf("%s %s %v", at, rule, ok)
	}
	done := f.Objects.Sweeping()
	if done.Expired != 5 || done.Removed != 0 || done.Failed != nil || done.Left != 0 {
		t.Errorf("%+v", done)
	}
}

// TestRulesSpareSites: what a bucket's site lies in stays, whatever rules say; without a site it is
// an object as any.
func TestRulesSpareSites(t *testing.T) {
	f := newLocked(t)
	const file = object.OwnPrefix + "site/x"
	f.put(file, []byte("old"))
	f.put(file, []byte("new"))
	f.put("k", []byte("x"))
	f.rules(object.LifecycleRule{ID: "all", Days: 1, NoncurrentDays: 1})
	site := func(is *object.Site) {
		t.Helper()
		var err error
		if f.b, err = f.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error { s.Site = is; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	site(&object.Site{})
	f.now.Advance(10 * aDay)
	f.sweep()
	f.has(file, "new", "old")
	f.has("k", "-", "x")
	site(nil)
	f.sweep()
	f.has(file, "-", "new")
}

// TestNoncurrentVersions: they go when they were replaced long enough ago, but for the newest
// of them and what is locked; a marker goes when nothing else is left.
func TestNoncurrentVersions(t *testing.T) {
	f := newLocked(t)
	f.rules(object.LifecycleRule{ID: "old", NoncurrentDays: 2, Newer: 1, Markers: true},
		object.LifecycleRule{ID: "gone", Filter: object.LifecycleFilter{Prefix: "gone"}, Days: 1, NoncurrentDays: 1})
	long := f.lock(object.Compliance, 100*aDay)
	f.putLocked("k", "one", object.Lock{})
	f.putLocked("k", "locked", long)
	f.putLocked("k", "two", object.Lock{})
	f.putLocked("k", "three", object.Lock{})
	f.putLocked("gone", "here", object.Lock{})
	f.now.Advance(aDay)
	f.putLocked("k", "four", object.Lock{})
	f.sweep()
	f.has("k", "four", "three", "two", "locked", "one")
	f.now.Advance(aDay + 12*time.Hour) // two days and the rest of a third since all but three were replaced
	f.sweep()
	f.has("k", "four", "three", "locked")
	f.has("gone", "-", "here")
	f.now.Advance(2 * aDay)
	f.sweep()
	f.has("gone", "-") // three is the newest of k's
	f.has("k", "four", "three", "locked")
	f.sweep()
	f.has("gone")
	if done := f.Objects.Sweeping(); done.Locked == 0 || done.Expired != 1 || done.Removed != 4 {
		t.Errorf("%+v", done)
	}
}

// TestSweptUploads: uploads that nobody completes are aborted, and others are not.
func TestSweptUploads(t *testing.T) {
	f := newLocked(t)
	f.rules(object.LifecycleRule{ID: "uploads", Filter: object.LifecycleFilter{Prefix: "up/"}, AbortDays: 1})
	begin := func(key string) {
		t.Helper()
		if _, err := f.Objects.CreateUpload(f.ctx, f.b, object.NewUpload{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	begin("up/a")
	begin("other")
	f.now.Advance(aDay + 12*time.Hour)
	begin("up/b")
	f.sweep()
	p, err := f.Objects.ListUploads(f.ctx, f.b, object.ListUploads{Limit: 10})
	if err != nil || len(p.Uploads) != 2 || p.Uploads[0].Key != "other" || p.Uploads[1].Key != "up/b" {
		t.Fatalf("%+v %v", p, err)
	}
}

// TestSweepMeets: what changed since it was judged stays.
func TestSweepMeets(t *testing.T) {
	f := newLocked(t)
	f.rules(object.LifecycleRule{ID: "all", Days: 1, NoncurrentDays: 1})
	f.putLocked("k", "old", object.Lock{})
	f.now.Advance(10 * aDay)
	met := false
	f.Objects.Rest = func(context.Context, bool) error {
		if !met {
			met = true
			f.putLocked("k", "new", object.Lock{})
		}
		return nil
	}
	f.sweep()
	f.has("k", "new", "old")

	// A noncurrent version that becomes the current one meanwhile is no noncurrent one.
	f.now.Advance(10 * aDay)
	newest := f.putLocked("k", "newest", object.Lock{})
	f.now.Advance(3 * aDay)
	met = false
	f.rules(object.LifecycleRule{ID: "noncurrent", NoncurrentDays: 1})
	f.Objects.Rest = func(context.Context, bool) error {
		if !met {
			met = true
			f.drop("k", newest, false, nil)
		}
		return nil
	}
	f.sweep()
	f.has("k", "new")
}
