package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rhizome/e2e/harness"
)

// versioned makes a bucket that keeps versions.
func versioned(t *testing.T, c *harness.Tool, bucket string) {
	t.Helper()
	c.Run("s3", "mb", "s3://"+bucket)
	c.Run("s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Enabled")
	if s := api(t, c, "get-bucket-versioning", "--bucket", bucket)["Status"]; s != "Enabled" {
		t.Fatalf("versioning is %v", s)
	}
}

func TestAWSVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	versioned(t, c, "aws")
	var ids []string
	for i := range 7 {
		harness.WriteFile(t, c.Home(), "file", fmt.Appendf(nil, "version %d", i))
		a := api(t, c, "put-object", "--bucket", "aws", "--key", "a key/é", "--body", "file")
		ids = append(ids, a["VersionId"].(string))
	}
	marker := api(t, c, "delete-object", "--bucket", "aws", "--key", "a key/é")["VersionId"].(string)
	refused(t, c, "404", "head-object", "--bucket", "aws", "--key", "a key/é")
	refused(t, c, "MethodNotAllowed", "get-object", "--bucket", "aws", "--key", "a key/é", "--version-id", marker, "out")
	for i, id := range ids {
		c.Run("s3api", "get-object", "--bucket", "aws", "--key", "a key/é", "--version-id", id, "out")
		got, err := os.ReadFile(filepath.Join(c.Home(), "out"))
		if want := fmt.Sprintf("version %d", i); err != nil || string(got) != want {
			t.Errorf("version %s is %q, want %q: %v", id, got, want, err)
		}
	}
	list := c.Run("s3api", "list-object-versions", "--bucket", "aws", "--page-size", "2", "--query", "Versions[].VersionId", "--output", "text")
	want := slices.Clone(ids)
	slices.Reverse(want)
	if got := strings.Fields(list); !slices.Equal(got, want) {
		t.Errorf("versions %v, want %v", got, want)
	}
	api(t, c, "delete-object", "--bucket", "aws", "--key", "a key/é", "--version-id", marker)
	api(t, c, "delete-object", "--bucket", "aws", "--key", "a key/é", "--version-id", ids[6])
	c.Run("s3", "cp", "s3://aws/a key/é", "out")
	if got, _ := os.ReadFile(filepath.Join(c.Home(), "out")); string(got) != "version 5" {
		t.Errorf("the one before is %q", got)
	}
	api(t, c, "copy-object", "--bucket", "aws", "--key", "copy", "--copy-source", "aws/a key/é?versionId="+ids[2])
	if got := c.Run("s3", "cp", "s3://aws/copy", "-"); got != "version 2" {
		t.Errorf("a copy of a version is %q", got)
	}
	if _, err := c.Try("s3", "rb", "s3://aws", "--force"); err == nil {
		t.Error("a bucket with versions was removed")
	}
	if got := c.Run("s3", "ls", "--recursive", "s3://aws"); got != "" {
		t.Errorf("what is deleted is listed: %s", got)
	}
}

func TestRcloneVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	versioned(t, aws(t, n), "rclone")
	c := harness.NewTool(t, "rclone", []string{
		"RCLONE_CONFIG_R_TYPE=s3", "RCLONE_CONFIG_R_PROVIDER=Other", "RCLONE_CONFIG_R_ENDPOINT=" + n.URL(),
		"RCLONE_CONFIG_R_ACCESS_KEY_ID=" + n.Key.ID, "RCLONE_CONFIG_R_SECRET_ACCESS_KEY=" + n.Key.Secret,
	}, "--config", "/dev/null", "--s3-upload-cutoff", "8M", "--s3-chunk-size", "5M")
	src := filepath.Join(c.Home(), "src")
	const files = 20
	for round := range 3 {
		for i := range files {
			harness.WriteFile(t, src, fmt.Sprintf("d%d/f%d.txt", i%3, i), harness.Random(uint64(i), 100*(round+1)))
		}
		harness.WriteFile(t, src, "large.bin", harness.Random(uint64(round), 9<<20))
		c.Run("sync", src, "r:rclone")
		c.Run("check", "--download", src, "r:rclone")
	}
	if got := strings.Count(c.Run("lsf", "-R", "--files-only", "--s3-versions", "r:rclone"), "\n"); got != 3*(files+1) {
		t.Errorf("%d versions, want %d", got, 3*(files+1))
	}
	c.Run("delete", "r:rclone")
	if got := c.Run("lsf", "-R", "--files-only", "r:rclone"); got != "" {
		t.Errorf("what was deleted is listed: %s", got)
	}
	if got := strings.Count(c.Run("lsf", "-R", "--files-only", "--s3-versions", "r:rclone"), "\n"); got != 3*(files+1) {
		t.Errorf("%d versions after the deletion, want %d", got, 3*(files+1))
	}
	c.Run("backend", "cleanup-hidden", "r:rclone")
	if got := c.Run("lsf", "-R", "--s3-versions", "r:rclone"); strings.Contains(got, ".txt") {
		t.Errorf("after cleaning up there is %s", got)
	}
	c.Run("rmdir", "r:rclone")
}

func TestResticVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	versioned(t, aws(t, n), "restic")
	c := harness.NewTool(t, "restic", []string{
		"AWS_ACCESS_KEY_ID=" + n.Key.ID, "AWS_SECRET_ACCESS_KEY=" + n.Key.Secret,
		"RESTIC_REPOSITORY=s3:" + n.URL() + "/restic", "RESTIC_PASSWORD=a test's password",
	})
	src := filepath.Join(c.Home(), "src")
	for i := range 50 {
		harness.WriteFile(t, src, fmt.Sprintf("d%d/f%d", i%9, i), harness.Random(uint64(i), 20_000))
	}
	c.Run("init")
	c.Run("backup", "src")
	harness.WriteFile(t, src, "d0/changed", []byte("changed"))
	c.Run("backup", "src")
	c.Run("forget", "--keep-last", "1", "--prune")
	c.Run("check", "--read-data")
	target := filepath.Join(c.Home(), "restored")
	c.Run("restore", "latest", "--target", target)
	harness.SameTree(t, src, filepath.Join(target, "src"))
}
