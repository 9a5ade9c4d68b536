package inventory_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/vfs"
	"rhizome/model/accesslog"
	"rhizome/model/account"
	"rhizome/model/inventory"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

// rights allow what a test says.
type rights struct{ denied error }

func (r *rights) MayDeliver(_ context.Context, service string, _, _ *object.Bucket, _ object.Destination, _ string) error {
	if service != inventory.Service {
		return errs.New(errs.Denied, "another service")
	}
	return r.denied
}

func (r *rights) OwnerID(context.Context, *object.Bucket) (string, error) { return "rose", nil }

// place is a store with the buckets garden and lists.
type place struct {
	*testing.T
	h             *objecttest.Home
	clock         *clock.Manual
	garden, lists *object.Bucket
	rights        rights
}

func open(t *testing.T) *place {
	p := &place{T: t, clock: clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))}
	p.h = objecttest.Open(t, vfs.NewCrashable(), objecttest.NewIdentity(), p.clock)
	t.Cleanup(func() { p.h.Close(t) })
	k := &account.Key{ID: "RZ1"}
	var err error
	if p.garden, err = p.h.Objects.CreateBucket(t.Context(), "garden", k, false); err != nil {
		t.Fatal(err)
	}
	if p.lists, err = p.h.Objects.CreateBucket(t.Context(), "lists", k, false); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) store() *inventory.Store {
	return inventory.New(inventory.Config{Registers: p.h.Regs, Objects: p.h.Objects, Rights: func() accesslog.Rights { return &p.rights }, Clock: p.clock,
		Logger: slog.New(slog.DiscardHandler), Rows: 10})
}

func (p *place) put(key string) {
	p.Helper()
	_, err := p.h.Objects.Put(p.Context(), p.garden, object.Put{Key: key, Body: object.Body{Reader: strings.NewReader(key), Size: int64(len(key)),
		Finish: func() (object.Digest, error) { return object.Digest{ETag: "e"}, nil }}})
	if err != nil {
		p.Fatal(err)
	}
}

func (p *place) configure(c ...object.Inventory) {
	p.Helper()
	for i := range c {
		c[i].To.Bucket, c[i].To.Name = p.lists.ID, "lists"
	}
	var err error
	p.garden, err = p.h.Objects.ChangeSettings(p.Context(), p.garden, func(s *object.Settings) error {
		s.Inventory = c
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
}

func (p *place) keys() (out []string) {
	p.Helper()
	l, err := p.h.Objects.List(p.Context(), p.lists, object.List{Limit: 1000})
	if err != nil {
		p.Fatal(err)
	}
	for _, o := range l.Objects {
		out = append(out, o.Key)
	}
	return out
}

func (p *place) get(key string) []byte {
	p.Helper()
	o, err := p.h.Objects.Get(p.Context(), p.lists, object.Get{Key: key})
	if err != nil {
		p.Fatal(key, err)
	}
	defer o.Body.Close()
	b, err := io.ReadAll(o.Body)
	if err != nil {
		p.Fatal(err)
	}
	return b
}

// rows reads the only inventory in a folder.
func (p *place) rows(folder string) (rows [][]string, files int) {
	p.Helper()
	for _, k := range p.keys() {
		if !strings.HasPrefix(k, folder) || !strings.HasSuffix(k, "/manifest.json") {
			continue
		}
		var m struct{ Files []struct{ Key string } }
		if err := json.Unmarshal(p.get(k), &m); err != nil {
			p.Fatal(err)
		}
		for _, f := range m.Files {
			z, err := gzip.NewReader(bytes.NewReader(p.get(f.Key)))
			if err != nil {
				p.Fatal(err)
			}
			part, err := csv.NewReader(z).ReadAll()
			if err != nil {
				p.Fatal(err)
			}
			rows, files = append(rows, part...), files+1
		}
	}
	return rows, files
}

// TestInventory: a run that is cut short goes on elsewhere, and lists every version once.
func TestInventory(t *testing.T) {
	p := open(t)
	var err error
	if p.garden, err = p.h.Objects.SetVersioning(t.Context(), p.garden, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	for i := range 23 {
		p.put(fmt.Sprintf("a \"%02d\"", i))
		if i%5 == 0 {
			p.put(fmt.Sprintf("a \"%02d\"", i))
		}
	}
	if _, err := p.h.Objects.Delete(t.Context(), p.garden, "a \"07\"", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	p.configure(object.Inventory{ID: "all", Versions: true, Fields: inventory.Fields()}, object.Inventory{ID: "now", Prefix: "a \"1"})
	first, second := p.store(), p.store()
	got, err := first.Step(t.Context(), p.garden.ID, "all")
	if err != nil || got.Began.IsZero() || got.Listed != 10 || got.Files != 1 {
		t.Fatalf("the first step: %+v, %v", got, err)
	}
	if rows, _ := p.rows("garden/all/"); rows != nil {
		t.Fatal("there is a manifest before all was listed")
	}
	p.clock.Advance(time.Hour)
	if err := second.Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err = second.Progress(t.Context(), p.garden.ID, "all"); err != nil || !got.Began.IsZero() || got.Count != 29 {
		t.Fatalf("after all: %+v, %v", got, err)
	}
	rows, files := p.rows("garden/all/")
	have := map[string]bool{}
	for _, r := range rows {
		key, err := url.PathUnescape(r[1])
		if err != nil || r[0] != "garden" || len(r) != 5+len(inventory.Fields()) {
			t.Fatalf("%q %v", r, err)
		}
		have[strings.Join([]string{key, r[2], r[3], r[4], r[5]}, " ")] = true
	}
	l, err := p.h.Objects.ListVersions(t.Context(), p.garden, object.ListVersions{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range l.Versions {
		size := fmt.Sprint(v.Size)
		if v.Marker {
			size = ""
		}
		if at := fmt.Sprintf("%s %s %v %v %s", v.Key, v.VersionID, v.Latest, v.Marker, size); !have[at] {
			t.Errorf("%s is not in it", at)
		}
	}
	if len(rows) != 29 || len(have) != 29 || files != 3 {
		t.Errorf("%d rows, %d different, %d files", len(rows), len(have), files)
	}
	if rows, _ = p.rows("garden/now/"); len(rows) != 10 || len(rows[0]) != 2 {
		t.Errorf("the current ones are %q", rows)
	}
	if err := first.Due(t.Context()); err != nil { // its hour may have come meanwhile
		t.Fatal(err)
	}
	before := p.keys()
	if err := first.Due(t.Context()); err != nil || len(p.keys()) != len(before) {
		t.Errorf("it is written twice a day: %v", err)
	}
	p.clock.Advance(24 * time.Hour)
	if err := first.Due(t.Context()); err != nil || len(p.keys()) <= len(before) {
		t.Errorf("it is not written the next day: %v", err)
	}
}

// together has a second store do a step between the two halves of one.
type together struct {
	inventory.Objects
	meanwhile func()
}

func (o *together) Put(ctx context.Context, b *object.Bucket, put object.Put) (*object.Head, error) {
	if f := o.meanwhile; f != nil {
		o.meanwhile = nil
		f()
	}
	return o.Objects.Put(ctx, b, put)
}

// TestTwoAtOnce: of two that do the same step one leaves nothing.
func TestTwoAtOnce(t *testing.T) {
	p := open(t)
	for i := range 15 {
		p.put(fmt.Sprint(i))
	}
	p.configure(object.Inventory{ID: "now"})
	one, other := p.store(), p.store()
	slow := &together{Objects: one.Objects, meanwhile: func() {
		if _, err := other.Step(t.Context(), p.garden.ID, "now"); err != nil {
			t.Error(err)
		}
	}}
	one.Objects = slow
	for {
		got, err := one.Step(t.Context(), p.garden.ID, "now")
		if err != nil {
			t.Fatal(err)
		}
		if got.Began.IsZero() {
			break
		}
	}
	rows, files := p.rows("garden/now/")
	data := slices.DeleteFunc(p.keys(), func(k string) bool { return !strings.HasSuffix(k, ".csv.gz") })
	if len(rows) != 15 || files != 2 || len(data) != 2 {
		t.Errorf("%d rows in %d files of %q", len(rows), files, data)
	}
	p.rights.denied = errs.New(errs.Denied, "no")
	if _, err := one.Step(t.Context(), p.garden.ID, "now"); errs.KindOf(err) != errs.Denied {
		t.Errorf("what is denied: %v", err)
	}
	if got, err := one.Progress(t.Context(), p.garden.ID, "now"); err != nil || got.Failed == nil {
		t.Errorf("it is not told: %+v, %v", got, err)
	}
	if err := one.Forget(t.Context(), p.garden.ID, "now"); err != nil {
		t.Error(err)
	}
}

// TestChangedMeanwhile: a configuration that is changed while a run is under way has the run begun anew:
// a manifest names what is there, and nothing of what was listed before.
func TestChangedMeanwhile(t *testing.T) {
	p := open(t)
	for i := range 15 {
		p.put(fmt.Sprintf("a/%02d", i))
		p.put(fmt.Sprintf("b/%02d", i))
	}
	s := p.store()
	p.configure(object.Inventory{ID: "now", To: object.Destination{Prefix: "old/"}})
	if got, err := s.Step(t.Context(), p.garden.ID, "now"); err != nil || got.Files != 1 {
		t.Fatal(got, err)
	}
	for _, c := range []object.Inventory{
		{ID: "now", To: object.Destination{Prefix: "new/"}, Prefix: "a/"},
		{ID: "now", To: object.Destination{Prefix: "new/"}, Prefix: "b/", Fields: []string{"Size"}},
	} {
		p.configure(c)
		if got, err := s.Step(t.Context(), p.garden.ID, "now"); err != nil || got.Files != 1 || got.Listed != 10 {
			t.Errorf("it goes on with %+v, %v", got, err)
		}
	}
	p.configure(object.Inventory{ID: "now", To: object.Destination{Prefix: "new/"}, Prefix: "b/", Fields: []string{"Size"}, Weekly: true})
	for {
		got, err := s.Step(t.Context(), p.garden.ID, "now")
		if err != nil {
			t.Fatal(err)
		}
		if got.Began.IsZero() {
			break
		}
	}
	rows, files := p.rows("new/")
	for _, r := range rows {
		if len(r) != 3 || !strings.HasPrefix(r[1], "b/") {
			t.Errorf("a row of another configuration: %q", r)
		}
	}
	if len(rows) != 15 || files != 2 {
		t.Errorf("%d rows in %d files", len(rows), files)
	}
}

// looks counts how often all buckets are looked at.
type looks struct {
	inventory.Objects
	n atomic.Int64
}

func (l *looks) AllBuckets(context.Context) ([]*object.Bucket, error) {
	l.n.Add(1)
	return nil, nil
}

// TestNoDiskIsWoken: what is due is looked for at the start, and then when disks are awake anyway.
func TestNoDiskIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, woken := &looks{}, make(chan struct{})
		s := inventory.New(inventory.Config{Objects: l, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler), Awake: func(ctx context.Context) error {
			select {
			case <-woken:
			case <-ctx.Done():
			}
			return ctx.Err()
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		<-time.After(20 * time.Hour)
		synctest.Wait()
		if n := l.n.Load(); n != 1 {
			t.Errorf("while disks slept all buckets were looked at %d times", n)
		}
		close(woken)
		<-time.After(2 * time.Hour)
		synctest.Wait()
		if n := l.n.Load(); n < 3 {
			t.Errorf("then %d times", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
