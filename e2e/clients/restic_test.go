package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/e2e/harness"
)

func TestRestic(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := harness.NewTool(t, "restic", []string{
		"AWS_ACCESS_KEY_ID=" + n.Key.ID, "AWS_SECRET_ACCESS_KEY=" + n.Key.Secret,
		"RESTIC_REPOSITORY=s3:" + n.URL() + "/restic", "RESTIC_PASSWORD=a test's password",
	})
	src := filepath.Join(c.Home(), "src")
	for i := range 300 {
		harness.WriteFile(t, src, fmt.Sprintf("d%d/f%d", i%9, i), harness.Random(uint64(i), 20_000))
	}
	harness.WriteFile(t, src, "large", harness.Random(7, 30<<20))
	c.Run("init")
	c.Run("backup", "src")
	old := filepath.Join(c.Home(), "old")
	if err := os.CopyFS(old, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, src, "d0/changed", []byte("changed"))
	if err := os.Remove(filepath.Join(src, "d1", "f1")); err != nil {
		t.Fatal(err)
	}
	c.Run("backup", "src")
	c.Run("check", "--read-data")
	ids := snapshots(c)
	if len(ids) != 2 {
		t.Fatalf("%d snapshots, want 2", len(ids))
	}
	for i, want := range []string{old, src} {
		target := filepath.Join(c.Home(), fmt.Sprint("restored", i))
		c.Run("restore", ids[i], "--target", target)
		harness.SameTree(t, want, filepath.Join(target, "src"))
	}
	diff := c.Run("diff", ids[0], ids[1])
	if !strings.Contains(diff, "/src/d0/changed") || !strings.Contains(diff, "/src/d1/f1") {
		t.Errorf("diff shows\n%s", diff)
	}
	c.Run("forget", "--keep-last", "1", "--prune")
	c.Run("check")
}

// snapshots returns the snapshots' IDs, oldest first.
func snapshots(c *harness.Tool) []string {
	var ids []string
	for _, line := range strings.Split(c.Run("list", "snapshots"), "\n") {
		if id := strings.TrimSpace(line); len(id) == 64 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 2 && !strings.Contains(c.Run("ls", ids[1]), "/src/d0/changed") {
		ids[0], ids[1] = ids[1], ids[0]
	}
	return ids
}
