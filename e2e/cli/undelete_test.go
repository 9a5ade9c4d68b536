package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/e2e/harness"
)

// TestUndeleteAll: everything under a prefix that was deleted comes back, once that is meant.
func TestUndeleteAll(t *testing.T) {
	n := harness.Start(t)
	c, err := minio.New(n.Address, &minio.Options{Creds: credentials.NewStaticV4(n.Key.ID, n.Key.Secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	n.MustCLI("bucket", "create", "photos", "--key", n.Key.ID)
	n.MustCLI("bucket", "versioning", "photos", "on")
	for _, key := range []string{"2025/a", "2026/a", "2026/b", "2026/stays"} {
		if _, err := c.PutObject(t.Context(), "photos", key, bytes.NewReader([]byte(key)), int64(len(key)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(key, "stays") {
			continue
		}
		if err := c.RemoveObject(t.Context(), "photos", key, minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	there := func() string {
		t.Helper()
		var keys []string
		for o := range c.ListObjects(t.Context(), "photos", minio.ListObjectsOptions{Recursive: true}) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			keys = append(keys, o.Key)
		}
		return strings.Join(keys, " ")
	}
	if out := n.MustCLI("object", "undelete", "photos/2026/", "--prefix", "--dry-run"); !strings.Contains(out, "2 deleted objects") {
		t.Error(out)
	}
	if _, err := n.CLI("object", "undelete", "photos/2026/", "--prefix"); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("nobody was asked: %v", err)
	}
	if got := there(); got != "2026/stays" {
		t.Errorf("what is there before it is meant: %s", got)
	}
	if out := n.MustCLI("object", "undelete", "photos/2026/", "--prefix", "--yes", "--json"); !strings.Contains(out, `"brought": 2`) && !strings.Contains(out, `"brought":2`) {
		t.Error(out)
	}
	if got := there(); got != "2026/a 2026/b 2026/stays" {
		t.Errorf("what is there: %s", got)
	}
	if out := n.MustCLI("object", "undelete", "photos/", "--prefix", "--yes"); !strings.Contains(out, "1 deleted object.") {
		t.Error(out)
	}
	if got := there(); got != "2025/a 2026/a 2026/b 2026/stays" {
		t.Errorf("what is there of the bucket: %s", got)
	}
	if _, err := n.CLI("object", "undelete", "photos/2026/a", "--dry-run"); err == nil {
		t.Error("--dry-run is for --prefix")
	}
}
