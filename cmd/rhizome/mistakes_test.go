package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"rhizome/gateway/admin/api"
)

// TestWrongValuesAreSaidFirst: before anybody is asked whether it is meant, and with what to do.
func TestWrongValuesAreSaidFirst(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	h.refused(`not "goverance"`, "bucket", "lock", "photos", "--mode", "goverance", "--days", "30")
	h.refused("a mode goes with a time", "bucket", "lock", "photos", "--mode", "governance")
	h.refused("a mode goes with a time", "bucket", "lock", "photos", "--days", "3")
	h.refused(`not "strict"`, "object", "lock", "photos/a", "--mode", "strict", "--until", "2031-01-01")
	h.refused("rhizome remote add makes one", "bucket", "replicate", "photos", "--to", "none/copy")
	h.refused("rhizome webhook add makes one", "bucket", "notify", "photos", "--webhook", "none")
	h.refused("--endpoint https://s3.example.org", "remote", "add", "offsite", "https://s3.example.org")
	h.refused("there is no remote", "remote", "remove", "none", "--yes")
	h.refused("only node of the rhizome", "node", "remove", "home", "--lost", "--yes")
	h.says("is so already", "node", "zone", "home", "home", "--yes")

	disk := filepath.Join(h.dir, "disk")
	h.must(nil, "disk", "add", disk, "--yes")
	h.refused("no other key owns the bucket", "bucket", "deny", "photos", "--key", "first key", "--owner")
	h.must(nil, "bucket", "deny", "photos", "--key", "first key", "--owner", "--yes")
	h.must(nil, "bucket", "allow", "photos", "--key", "first key", "--owner")

	h.must(nil, "bucket", "quota", "photos", "--size", "1MB")
	_, err := n.s3().PutObject(t.Context(), "photos", "a", strings.NewReader(strings.Repeat("a", 2_000_000)), 2_000_000, minio.PutObjectOptions{})
	if err == nil || !strings.Contains(err.Error(), "would exceed the bucket's quota") {
		t.Errorf("more than an empty bucket may hold: %v", err)
	}
}

// TestADiskThatIsNotEmptyIsSaidFirst: its removal is not asked about.
func TestADiskThatIsNotEmptyIsSaidFirst(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	for _, key := range []string{"a", "b"} {
		if _, err := n.s3().PutObject(t.Context(), "photos", key, strings.NewReader(strings.Repeat(key, 1<<20)), 1<<20, minio.PutObjectOptions{DisableContentSha256: true}); err != nil {
			t.Fatal(err)
		}
	}
	h.must(nil, "disk", "add", filepath.Join(h.dir, "disk"), "--yes")
	var disks []api.Disk
	h.must(&disks, "disk", "list")
	for _, d := range disks {
		if d.Live > 0 {
			h.refused("is not empty, it still holds", "disk", "remove", d.Path)
			return
		}
	}
	t.Errorf("nothing lies on a disk: %+v", disks)
}

// TestNamesOfOneKey: whose they are is told, and they are found as they are shown.
func TestNamesOfOneKey(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "bucket", "create", "klein")
	h.must(nil, "bucket", "alias", "klein", "backup", "--local", "first key")
	h.says("(backup)", "bucket", "list")
	h.says("Only one key sees a name in brackets", "bucket", "list")
	h.says(`Key "first key" alone sees`, "bucket", "info", "(backup)")
	h.refused(`--local "first key"`, "bucket", "unalias", "klein", "backup")
	h.must(nil, "bucket", "unalias", "klein", "backup", "--local", "first key", "--yes")
	for begun, want := range map[string]string{"kl": "klein", "x": ""} {
		if r := h.bare("__complete", "bucket", "info", "--data", h.data, begun); want != "" && !strings.HasPrefix(r.out, want) || want == "" && strings.Contains(r.out, "klein") {
			t.Errorf("%q is completed as %q", begun, r.out)
		}
	}
}

// TestAFileOfADeadKeyIsNamed when the key is deleted.
func TestAFileOfADeadKeyIsNamed(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "key", "create", "other")
	if r := h.run("key", "delete", "other", "--yes"); strings.Contains(r.err, "first-key.txt") {
		t.Errorf("the file holds another key:\n%s", r.err)
	}
	h.says("first-key.txt holds nothing but that key", "key", "delete", "first key", "--yes")
}

// TestASiteThatCannotBeLeavesNoBucket, whatever the reason.
func TestASiteThatCannotBeLeavesNoBucket(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "bucket", "create", "photos")
	h.must(nil, "site", "create", "example.org", "--both", "--bucket", "photos")
	h.refused("site name move", "site", "create", "www.example.org")
	h.refused("without a slash", "site", "create", "example.net", "--index", "a/b")
	var all []api.Bucket
	if h.must(&all, "bucket", "list"); len(all) != 1 {
		t.Errorf("buckets are left: %+v", all)
	}
}

// TestTheRegionIsInTheHints: what the first start writes down works with a region of its own.
func TestTheRegionIsInTheHints(t *testing.T) {
	h := newHome(t)
	n := h.up("--region", "eu-x")
	if k := firstKey(t, n.data); k["AWS_DEFAULT_REGION"] != "eu-x" {
		t.Errorf("the file of the first key says %+v", k)
	}
	for name, want := range map[string]string{"region": "eu-x", "s3": "127.0.0.1:0"} {
		if s := h.settings("--data", h.data)[name]; s.Value != want || s.From != "flag" {
			t.Errorf("of the node that runs %s is %+v", name, s)
		}
	}
	h.says("of the node that runs", "config", "show")
	if s := h.settings("--data", h.data, "--region", "eu-y")["region"]; s.Value != "eu-y" {
		t.Errorf("with an option it is %+v", s)
	}
	n.stop() // all that it says is here then
	if !strings.Contains(n.said.String(), "--s3-region eu-x") {
		t.Errorf("the first start does not tell rclone the region:\n%s", n.said)
	}
}

// TestAHomeKeepsItsName when it starts again without being told.
func TestAHomeKeepsItsName(t *testing.T) {
	h := newHome(t)
	h.up("--home", "jardin").stop()
	n := h.up()
	if n.status.Home != "jardin" {
		t.Errorf("the home is called %q", n.status.Home)
	}
	h.env = []string{"LANG=fr_FR.UTF-8"}
	h.refused("rhizome key create NOM", "key", "create")
}

// TestADamagedVersionIsNamed with its ID, and what to do.
func TestADamagedVersionIsNamed(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	h.must(nil, "bucket", "versioning", "photos", "on")
	put := func(letter string) minio.UploadInfo {
		t.Helper()
		info, err := n.s3().PutObject(t.Context(), "photos", "garden", strings.NewReader(strings.Repeat(letter, 1<<20)), 1<<20, minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	old := put("a")
	var s api.Stat
	h.must(&s, "object", "stat", "photos/garden")
	flip(t, s.Pieces[0].File)
	h.must(nil, "repair", "scrub")
	damaged := func(version string) bool {
		var r api.Repair
		h.must(&r, "repair", "status")
		return len(r.Lost) == 1 && r.Lost[0].Key == "garden" && r.Lost[0].Version == version
	}
	n.until(func() bool { return damaged("") })
	put("b")
	n.until(func() bool { return damaged(old.VersionID) })
	h.says("older version "+old.VersionID, "repair", "status")
	h.says("--version-id "+old.VersionID, "repair", "status")
	if err := n.s3().RemoveObject(t.Context(), "photos", "garden", minio.RemoveObjectOptions{VersionID: old.VersionID}); err != nil {
		t.Fatal(err)
	}
	n.until(func() bool {
		var r api.Repair
		h.must(&r, "repair", "status")
		return len(r.Lost) == 0
	})
}
