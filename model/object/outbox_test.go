package object_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// notify has webhooks told by the rules.
func (f *fixture) notify(rules ...object.Notify) {
	f.t.Helper()
	b, err := f.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error {
		s.Notify = rules
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.b = b
}

var everything = object.Notify{ID: "all", Webhook: "hook", Events: []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}}

// outgoing does the follow-up work and returns what is in the outbox, by order.
func (f *fixture) outgoing() (out []*object.Event) {
	f.t.Helper()
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	rows, _, err := f.Objects.Outgoing(f.ctx, nil, 10_000)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, row := range rows {
		ev, err := f.Objects.OutgoingEvent(f.ctx, row)
		if err != nil || ev == nil {
			f.t.Fatal(ev, err)
		}
		out = append(out, ev)
	}
	slices.SortFunc(out, func(a, b *object.Event) int { return int(int64(a.Order) - int64(b.Order)) })
	return out
}

// told tells everything, and returns it in words.
func (f *fixture) told() (words []string) {
	f.t.Helper()
	for _, ev := range f.outgoing() {
		words = append(words, fmt.Sprintf("%s %s %s %d", ev.Webhook, ev.Kind, ev.Key, ev.Size))
		if err := f.Objects.Told(f.ctx, ev); err != nil {
			f.t.Fatal(err)
		}
	}
	if left := f.outgoing(); len(left) > 0 {
		f.t.Fatalf("%d events stay", len(left))
	}
	return words
}

func (f *fixture) wantTold(want ...string) {
	f.t.Helper()
	if got := f.told(); !slices.Equal(got, want) {
		f.t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEvents: each way to change an object is told as what it is, to whom it concerns, and in
// order.
func TestEvents(t *testing.T) {
	f := newFixture(t)
	f.put("before", random(10))
	f.notify(everything, object.Notify{ID: "jpg", Webhook: "other", Events: []string{"s3:ObjectCreated:Copy"}, Prefix: "c", Suffix: ".jpg"})
	ctx := f.ctx
	f.ctx = object.WithOrigin(ctx, &object.Origin{Key: "GK1", Form: true})
	f.put("k", random(20_000))
	f.ctx = ctx
	f.put("k", random(20))
	for _, key := range []string{"c.jpg", "d.jpg"} {
		if _, err := f.Objects.Copy(ctx, f.b, object.Copy{From: f.b, FromKey: "k", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	u := f.upload("u")
	if _, err := f.Objects.Complete(ctx, f.b, complete(u, f.part(u, 1, random(100)))); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing
		if _, err := f.Objects.Delete(ctx, f.b, "k", object.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	got := f.told()
	slices.Sort(got)
	want := []string{"hook ObjectCreated:CompleteMultipartUpload u 100", "hook ObjectCreated:Copy c.jpg 20", "hook ObjectCreated:Copy d.jpg 20",
		"hook ObjectCreated:Post k 20000", "hook ObjectCreated:Put k 20", "hook ObjectRemoved:Delete k 0", "other ObjectCreated:Copy c.jpg 20"}
	if !slices.Equal(got, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	f.notify()
	f.put("k", random(5))
	f.wantTold()
}

// TestEventOrder: events of one key are numbered as they happened, whatever the clock says.
func TestEventOrder(t *testing.T) {
	f := newFixture(t)
	f.notify(everything)
	for i := range 5 {
		f.put("k", random(i+1))
	}
	f.wantTold("hook ObjectCreated:Put k 1", "hook ObjectCreated:Put k 2", "hook ObjectCreated:Put k 3", "hook ObjectCreated:Put k 4", "hook ObjectCreated:Put k 5")
}

// TestEventsOfVersions: delete markers and deleted versions are told apart, with their IDs.
func TestEventsOfVersions(t *testing.T) {
	f := newFixture(t)
	b, err := f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn)
	if err != nil {
		t.Fatal(err)
	}
	f.b = b
	f.notify(everything)
	h, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body(random(7))})
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.Objects.DeleteVersion(f.ctx, f.b, "k", h.VersionID, object.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, ev := range f.outgoing() {
		got = append(got, ev.Kind.String()+" "+ev.Version)
	}
	want := []string{"ObjectCreated:Put " + h.VersionID, "ObjectRemoved:DeleteMarkerCreated " + d.VersionID, "ObjectRemoved:Delete " + h.VersionID}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// noOutbox fails all writes to the outbox.
type noOutbox struct{ register.Store }

func (s noOutbox) Update(ctx context.Context, row register.Row, c register.Change) (*register.Value, error) {
	if row.Table == object.Outbox {
		return nil, errs.New(errs.Unavailable, "the outbox is away")
	}
	return s.Store.Update(ctx, row, c)
}

// TestEventsWait: events wait in the object's row while they cannot be put into the outbox; a
// row that is full of them takes no more, and nothing is lost.
func TestEventsWait(t *testing.T) {
	f := newFixture(t)
	f.notify(everything)
	f.Objects.Registers = noOutbox{f.Regs}
	for i := range 64 {
		f.put("k", random(i+1))
	}
	if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body(random(99))}); errs.KindOf(err) != errs.Unavailable {
		t.Fatalf("a full row takes another event: %v", err)
	}
	if _, err := f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}); errs.KindOf(err) != errs.Unavailable {
		t.Fatalf("a full row takes another event: %v", err)
	}
	f.same("k", random(64))
	f.Objects.Registers = f.Regs
	f.put("k", random(65))
	if got := f.told(); len(got) != 65 || got[64] != "hook ObjectCreated:Put k 65" {
		t.Errorf("%d events told: %q", len(got), got)
	}
}

// TestOutboxFull: when a webhook is away for too long and too much waits, what follows is
// counted, and told as what it is; others are told all.
func TestOutboxFull(t *testing.T) {
	f := newFixture(t)
	f.Objects.LimitOutbox(3, -time.Hour)
	f.notify(everything)
	for i := range 10 {
		f.put("k", random(i+1))
		if err := f.Objects.CleanUp(f.ctx); err != nil {
			t.Fatal(err)
		}
	}
	count, by, err := f.Objects.Backlog(f.ctx, f.b)
	if err != nil || count != 4 || len(by) != 1 || by[0].Webhook != "hook" || by[0].Lost != 7 || by[0].Oldest.IsZero() {
		t.Fatalf("%d wait, %+v, %v", count, by, err)
	}
	all := f.outgoing()
	if last := all[len(all)-1]; last.Lost != 7 || last.Size != 10 {
		t.Fatalf("the last event is %+v", last)
	}
	stale := *all[3]
	f.Objects.LimitOutbox(3, -time.Hour)
	f.put("k", random(11))
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.Objects.Told(f.ctx, &stale); err != nil { // one more was counted meanwhile
		t.Fatal(err)
	}
	if _, by, err = f.Objects.Backlog(f.ctx, f.b); err != nil || by[0].Lost != 1 {
		t.Fatalf("%+v, %v", by, err)
	}
	f.told()
	if count, by, err = f.Objects.Backlog(f.ctx, f.b); err != nil || count != 0 || by != nil {
		t.Errorf("%d wait, %+v, %v", count, by, err)
	}
	f.notify(everything, object.Notify{Webhook: "two", Events: everything.Events})
	f.Objects.LimitOutbox(0, time.Hour)
	f.put("k", random(1))
	if got := f.told(); len(got) != 2 {
		t.Errorf("one who was told lately is not told %q", got)
	}
}

// TestNotifyRefused: rules that mean nothing are refused.
func TestNotifyRefused(t *testing.T) {
	f := newFixture(t)
	for _, n := range []object.Notify{{Webhook: "hook"}, {Events: everything.Events}, {Webhook: "hook", Events: []string{"s3:ObjectRestore:*"}},
		{Webhook: "hook", Events: []string{"s3:ObjectCreated:P*"}}, {Webhook: "hook", Events: []string{"s3:*"}}, {Webhook: "hook", Events: []string{"ObjectCreated:*"}}} {
		_, err := f.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error {
			s.Notify = []object.Notify{n}
			return nil
		})
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: %v", n, err)
		}
	}
}
