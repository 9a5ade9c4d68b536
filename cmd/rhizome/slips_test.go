package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"rhizome/gateway/admin/api"
)

// put stores small objects.
func (r *running) put(bucket string, keys ...string) {
	r.t.Helper()
	for _, key := range keys {
		if _, err := r.s3().PutObject(r.t.Context(), bucket, key, strings.NewReader(key), int64(len(key)), minio.PutObjectOptions{DisableContentSha256: true}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestATypoIsNoAnswer: what never was is not taken for what is gone.
func TestATypoIsNoAnswer(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	h.must(nil, "bucket", "versioning", "photos", "on")
	h.must(nil, "object", "undelete", "photos/", "--prefix") // all of nothing
	n.put("photos", "2026/a.jpg")
	before := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339) // stopwatch
	for _, line := range [][]string{
		{"versions", "photos/typo"},
		{"restore", "photos/typo", "--at", before},
		{"restore", "photos/typo/", "--prefix", "--at", before},
		{"undelete", "photos/typo/", "--prefix"},
	} {
		h.refused("is or was called", append([]string{"object"}, line...)...)
	}
	h.refused("such as 2026/a.jpg", "object", "versions", "photos/2026")
	h.refused("such as 2026/a.jpg", "object", "versions", "photos/2026/")
	h.refused("add --prefix", "object", "restore", "photos/2026/", "--at", before)
	h.says("0 deleted objects", "object", "undelete", "photos/2026/", "--prefix")
	h.says("now", "object", "versions", "photos/2026/a.jpg")
}

// TestWhatIsInUseIsNotTakenAway without a word of what uses it.
func TestWhatIsInUseIsNotTakenAway(t *testing.T) {
	h := newHome(t)
	n := h.up()
	for _, name := range []string{"photos", "logs"} {
		h.must(nil, "bucket", "create", name)
	}
	h.must(nil, "bucket", "logging", "photos", "--to", "logs")
	h.refused("rhizome bucket logging photos --off", "bucket", "delete", "logs", "--yes")
	h.must(nil, "bucket", "logging", "photos", "--off")
	h.must(nil, "bucket", "inventory", "photos", "--to", "logs")
	h.refused("rhizome bucket inventory photos --name daily --off", "bucket", "delete", "logs", "--yes")
	h.must(nil, "bucket", "inventory", "photos", "--off")
	h.must(nil, "bucket", "logging", "logs", "--to", "logs") // which ends with it
	h.must(nil, "bucket", "delete", "logs", "--yes")

	h.must(nil, "bucket", "alias", "photos", "bilder")
	h.refused("do not find the bucket any more", "bucket", "unalias", "photos", "bilder")
	h.must(nil, "bucket", "unalias", "photos", "bilder", "--yes")
	h.says("Nothing goes by itself", "bucket", "lifecycle", "photos")
	h.refused("say what is to go", "bucket", "lifecycle", "photos", "--prefix", "a/")
	h.must(nil, "bucket", "lifecycle", "photos", "--expire", "30d", "--prefix", "a/")
	h.says("objects go after 30", "bucket", "lifecycle", "photos")

	h.must(nil, "bucket", "versioning", "photos", "on")
	h.must(nil, "bucket", "lock", "photos", "--yes")
	n.put("photos", "a")
	h.must(nil, "object", "lock", "photos/a", "--until", "2126-01-01")
	h.refused("--bypass", "object", "lock", "photos/a", "--until", "2125-01-01")
	h.must(nil, "object", "lock", "photos/a", "--until", "2125-01-01", "--bypass")
}

// TestNewBucketsAreNoGuests: they go to the oldest key that stays, or the one that is named.
func TestNewBucketsAreNoGuests(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "key", "create", "guest", "--expires", "30d")
	h.must(nil, "key", "create", "slow")
	h.must(nil, "key", "limit", "slow", "--rate", "2/s")
	h.must(nil, "key", "create", "family")
	h.must(nil, "bucket", "create", "old")
	if r := h.run("key", "delete", "first key", "--yes"); !strings.Contains(r.out, "rhizome bucket allow old --key KEY --read --write --owner") {
		t.Errorf("a bucket without a key: %+v", r)
	}
	h.must(nil, "bucket", "allow", "old", "--key", "family", "--read", "--write", "--owner")
	for _, c := range []struct {
		owner string
		line  []string
	}{
		{"family", []string{"a.example.org"}},
		{"guest", []string{"b.example.org", "--key", "guest"}},
		{"", []string{"c.example.org", "--bucket", "old"}},
	} {
		var s api.Site
		if h.must(&s, append([]string{"site", "create", "--alone"}, c.line...)...); s.Owner != c.owner {
			t.Errorf("%s belongs to %q", c.line, s.Owner)
		}
	}
	h.says(`the key "family"`, "site", "create", "d.example.org")
	h.refused("is there already", "site", "create", "e.example.org", "--bucket", "old", "--key", "guest")
	var b api.Bucket
	if h.must(&b, "bucket", "create", "new"); len(b.Grants) != 1 || b.Grants[0].Name != "family" {
		t.Errorf("a bucket belongs to %+v", b.Grants)
	}
	h.must(nil, "site", "name", "add", "z.example.org", "--site", "a.example.org", "--alone")
	h.must(nil, "site", "name", "remove", "z.example.org") // of several sites
	h.refused("no such site", "site", "name", "remove", "z.example.org")
}

// TestWrongFoldersAreKnown: those that are no disk and no web site.
func TestWrongFoldersAreKnown(t *testing.T) {
	h := newHome(t)
	h.up()
	other, public := filepath.Join(h.dir, "n1"), filepath.Join(h.dir, "public")
	h.write(filepath.Join(other, "node.key"), "x")
	h.write(filepath.Join(other, "disk", "disk"), "x")
	h.refused("is the data folder of a node", "disk", "add", other, "--yes")
	h.refused("is no folder", "disk", "add", filepath.Join(other, "node.key"), "--yes")
	h.refused("no other disk", "disk", "drain", filepath.Join(h.data, "disk"), "--yes")

	h.must(nil, "site", "create", "example.org")
	h.refused("holds a node's data", "site", "deploy", h.data)
	h.refused("holds a node's data", "site", "deploy", h.dir)
	h.write(filepath.Join(public, "index.html"), "hello")
	h.must(nil, "site", "deploy", public)
	if err := os.WriteFile(filepath.Join(public, "bad\xff.html"), nil, 0o600); err != nil {
		return // this file system has no such names
	}
	h.refused(`bad\xff.html`, "site", "deploy", public)
}
