package object_test

import (
	"slices"
	"strings"
	"testing"

	"rhizome/model/object"
)

// TestTaggingEvents: tags that are put and taken away are told, of the version that has them.
func TestTaggingEvents(t *testing.T) {
	f := newFixture(t)
	b, err := f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn)
	if err != nil {
		t.Fatal(err)
	}
	f.b = b
	first, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body(random(7))})
	if err == nil {
		_, err = f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body(random(8))})
	}
	if err != nil {
		t.Fatal(err)
	}
	f.notify(object.Notify{ID: "tags", Webhook: "hook", Events: []string{"s3:ObjectTagging:*"}}, object.Notify{ID: "gone", Webhook: "other", Events: []string{"s3:ObjectTagging:Delete"}})
	for _, version := range []string{"", first.VersionID} {
		for _, tags := range [][]object.Tag{{{Key: "a", Value: "b"}}, nil} {
			if _, err := f.Objects.SetTags(f.ctx, f.b, "k", version, tags); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	for _, ev := range f.outgoing() {
		of := "current"
		if ev.Version == first.VersionID {
			of = "first"
		}
		if want := map[string]int64{"current": 8, "first": 7}[of]; ev.Size != want {
			t.Errorf("%s has %d bytes", of, ev.Size)
		}
		got = append(got, ev.Webhook+" "+ev.Kind.String()+" "+of)
	}
	slices.Sort(got)
	want := "hook ObjectTagging:Delete current|hook ObjectTagging:Delete first|hook ObjectTagging:Put current|hook ObjectTagging:Put first|" +
		"other ObjectTagging:Delete current|other ObjectTagging:Delete first"
	if strings.Join(got, "|") != want {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "|"), want)
	}
}

// TestExpiryEvents: what a rule has go is told as that, and not as what somebody deleted.
func TestExpiryEvents(t *testing.T) {
	f := newLocked(t)
	kept, plain := f.b, f.bucket("plain")
	told := func() string {
		var got []string
		for _, ev := range f.outgoing() {
			got = append(got, ev.Kind.String()+" "+ev.Key)
			if err := f.Objects.Told(f.ctx, ev); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(got)
		return strings.Join(got, "|")
	}
	all := object.Notify{ID: "all", Webhook: "hook", Events: []string{"s3:LifecycleExpiration:*", "s3:ObjectRemoved:*"}}
	for _, b := range []*object.Bucket{plain, kept} {
		f.b = b
		f.notify(all)
		f.rules(object.LifecycleRule{ID: "r", Days: 1, NoncurrentDays: 1})
		f.put("by a rule", random(3))
		f.put("by hand", random(3))
		if _, err := f.Objects.Delete(f.ctx, f.b, "by hand", object.Conditions{}); err != nil {
			t.Fatal(err)
		}
		f.now.Advance(3 * aDay)
		f.sweep()
		want := "LifecycleExpiration:Delete by a rule|ObjectRemoved:Delete by hand"
		if b == kept {
			want = "LifecycleExpiration:Delete by hand|LifecycleExpiration:DeleteMarkerCreated by a rule|ObjectRemoved:DeleteMarkerCreated by hand"
		}
		if got := told(); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}
}
