package main

import (
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"rhizome/gateway/admin/api"
)

// says runs a command that must succeed, and must say what is wanted to people.
func (h *home) says(want string, args ...string) {
	h.t.Helper()
	r := h.run(args...)
	if r.code != 0 || !strings.Contains(r.out+r.err, want) {
		h.t.Errorf("rhizome %s: exit %d, says\n%s%s\nwant %q", strings.Join(args, " "), r.code, r.out, r.err, want)
	}
}

// TestWhatNewcomersAreTold: the first use of a command says what it did not do, and what to do then.
func TestWhatNewcomersAreTold(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	h.says("keeps no versions yet", "bucket", "lifecycle", "photos", "--noncurrent", "10j", "--prefix", "a/")
	h.refused("number of days", "bucket", "lifecycle", "photos", "--expire", "-3d")
	h.must(nil, "bucket", "versioning", "photos", "on")
	for range 2 {
		if _, err := n.s3().PutObject(t.Context(), "photos", "a", strings.NewReader("a"), 1, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	h.says("2 versions and delete markers", "bucket", "info", "photos")
	h.says("2 versions", "bucket", "list")
	h.refused("--size 12GB", "bucket", "quota", "photos", "12GB")
	h.refused("object versions", "object", "list")

	h.says("first key", "bucket", "lock", "photos", "--mode", "governance", "--days", "30", "--yes")
	h.says("30 days (governance)", "bucket", "lock", "photos")
	h.refused("weaker", "bucket", "lock", "photos", "--mode", "governance", "--days", "1")
	h.refused("weaker", "bucket", "lock", "photos", "--no-default")
	h.says("31 days", "bucket", "lock", "photos", "--mode", "governance", "--days", "31")
	h.says("as it is told", "bucket", "lock", "photos", "--no-default", "--yes")
	h.says("photos/a: legal hold", "object", "hold", "photos/a")

	h.refused("not empty", "bucket", "delete", "photos")
	h.refused("there is no bucket", "bucket", "delete", "nobucket")
	h.refused("no such site", "site", "delete", "nosite")
	h.refused("no webhook", "webhook", "remove", "nope")
	h.refused("is running", "repair", "rebuild")
	h.refused("which --disk names", "repair", "rebuild", "--disk", h.dir+"/none")
	h.says("bucket notify BUCKET --webhook inbox", "webhook", "add", "inbox", "http://127.0.0.1:1/")
	h.must(nil, "webhook", "delete", "inbox", "--yes")

	h.env = []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "RHIZOME_CAPACTY=3GB"}
	h.refused("cannot be reached", "import", "s3://photos", "--endpoint", "http://127.0.0.1:1")
	h.refused("s3://photos", "import", "s3://photos/pub", "--endpoint", "http://127.0.0.1:1")
	h.says("RHIZOME_CAPACTY is passed over", "config", "show")
	h.says("which is not there", "config", "show")
}

// TestASiteIsSeenBeforeItsName: at the address that the command shows, on this computer.
func TestASiteIsSeenBeforeItsName(t *testing.T) {
	h := newHome(t)
	n := h.up("--web", "127.0.0.1:0")
	h.must(nil, "site", "create", "example.org")
	h.says(".localhost:", "site", "info", "example.org")
	if _, err := n.s3().PutObject(t.Context(), "example.org", "index.html", strings.NewReader("roses"), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	var s api.Status
	h.must(&s, "status")
	if s.Web == nil {
		t.Fatal("no web address")
	}
	if code, body := get(t, "http://"+s.Web.Address+"/", "example.org.localhost"); code != 200 || body != "roses" {
		t.Errorf("%d %q", code, body)
	}
	h.refused("site deployments", "site", "rollback")
	h.says("no more", "site", "remove", "example.org", "--yes")
}
