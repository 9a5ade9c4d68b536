package clients

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// TestRcloneCopiesVersions copies and moves on the server's side into a bucket that keeps
// versions, and looks at how it was at a time.
func TestRcloneCopiesVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	a := aws(t, n)
	versioned(t, a, "kept")
	a.Run("s3", "mb", "s3://from")
	c := harness.NewTool(t, "rclone", []string{
		"RCLONE_CONFIG_R_TYPE=s3", "RCLONE_CONFIG_R_PROVIDER=Other", "RCLONE_CONFIG_R_ENDPOINT=" + n.URL(),
		"RCLONE_CONFIG_R_ACCESS_KEY_ID=" + n.Key.ID, "RCLONE_CONFIG_R_SECRET_ACCESS_KEY=" + n.Key.Secret,
	}, "--config", "/dev/null", "--s3-upload-cutoff", "8M", "--s3-chunk-size", "5M", "--s3-copy-cutoff", "8M")
	src := filepath.Join(c.Home(), "src")
	write := func(round int) {
		for i := range 6 {
			harness.WriteFile(t, src, fmt.Sprintf("d%d/f%d.txt", i%2, i), harness.Random(uint64(10*round+i), 3000*(round+1)))
		}
		harness.WriteFile(t, src, "large.bin", harness.Random(uint64(round), 9<<20)) // copied in parts
	}
	write(0)
	c.Run("sync", src, "r:from")
	c.Run("copy", "r:from", "r:kept")
	c.Run("check", "--download", src, "r:kept")
	old := filepath.Join(c.Home(), "old")
	c.Run("copy", "r:kept", old)

	// rclone gives times in seconds: what is written from the next one on is later.
	at := lastModified(t, a, "kept").Truncate(time.Second).Add(time.Second)
	harness.Eventually(t, 10*time.Second, "a second passes", func() bool { return time.Now().After(at.Add(time.Second)) })
	write(1)
	c.Run("sync", src, "r:from")
	c.Run("move", "r:from", "r:kept")
	if got := c.Run("lsf", "-R", "--files-only", "r:from"); got != "" {
		t.Errorf("what was moved is still there: %s", got)
	}
	c.Run("check", "--download", src, "r:kept")
	c.Run("moveto", "r:kept/large.bin", "r:kept/moved.bin")
	then := "--s3-version-at=" + at.UTC().Format(time.RFC3339)
	c.Run("check", "--download", old, "r:kept", then)
	if got := c.Run("lsf", "-R", "--files-only", then, "r:kept"); strings.Count(got, "\n") != 7 || strings.Contains(got, "moved") {
		t.Errorf("at %s there was\n%s", at, got)
	}
	back := filepath.Join(c.Home(), "back")
	c.Run("copy", then, "r:kept", back)
	harness.SameTree(t, old, back)
	if got := strings.Count(c.Run("lsf", "-R", "--files-only", "--s3-versions", "r:kept"), "\n"); got != 2*7+1 {
		t.Errorf("%d versions, want %d", got, 2*7+1)
	}
}

// lastModified is when the newest object of a bucket was written.
func lastModified(t *testing.T, c *harness.Tool, bucket string) (newest time.Time) {
	t.Helper()
	for _, s := range strings.Fields(c.Run("s3api", "list-objects-v2", "--bucket", bucket, "--query", "Contents[].LastModified", "--output", "text")) {
		at, err := time.Parse(time.RFC3339, s)
		must(t, err)
		if at.After(newest) {
			newest = at
		}
	}
	return newest
}
