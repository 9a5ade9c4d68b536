package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/e2e/harness"
)

const rcloneFiles = 5000

// manyFiles fills a folder with small files, some odd names and a few large ones.
func manyFiles(t *testing.T, dir string) {
	for i := range rcloneFiles - 4 {
		harness.WriteFile(t, dir, fmt.Sprintf("d%02d/e%d/file-%04d.txt", i%40, i%7, i), harness.Random(uint64(i), i%6000))
	}
	harness.WriteFile(t, dir, "été/naïve file 100%.txt", []byte("accents"))
	harness.WriteFile(t, dir, "plus+amp&semi;hash#question?.txt", []byte("signs"))
	harness.WriteFile(t, dir, "large.bin", harness.Random(1, 12<<20))
	harness.WriteFile(t, dir, "empty", nil)
}

func TestRclone(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := harness.NewTool(t, "rclone", []string{
		"RCLONE_CONFIG_R_TYPE=s3", "RCLONE_CONFIG_R_PROVIDER=Other", "RCLONE_CONFIG_R_ENDPOINT=" + n.URL(),
		"RCLONE_CONFIG_R_ACCESS_KEY_ID=" + n.Key.ID, "RCLONE_CONFIG_R_SECRET_ACCESS_KEY=" + n.Key.Secret,
	}, "--config", "/dev/null", "--transfers", "16", "--checkers", "16", "--s3-upload-cutoff", "8M", "--s3-chunk-size", "5M")
	src, back := filepath.Join(c.Home(), "src"), filepath.Join(c.Home(), "back")
	manyFiles(t, src)
	c.Run("mkdir", "r:rclone")
	c.Run("sync", src, "r:rclone")
	c.Run("check", src, "r:rclone")
	if got := strings.Count(c.Run("lsf", "-R", "--files-only", "--fast-list", "r:rclone"), "\n"); got != rcloneFiles {
		t.Errorf("lsf shows %d files, want %d", got, rcloneFiles)
	}
	c.Run("sync", "r:rclone", back)
	harness.SameTree(t, src, back)

	// Back the other way: changes made on the far side come home, removals too.
	harness.WriteFile(t, back, "d00/new", []byte("new"))
	harness.WriteFile(t, back, "large.bin", harness.Random(2, 9<<20))
	if err := os.RemoveAll(filepath.Join(back, "d01")); err != nil {
		t.Fatal(err)
	}
	c.Run("sync", back, "r:rclone")
	c.Run("check", "--download", back, "r:rclone", "--include", "/d00/**", "--include", "/large.bin")
	c.Run("sync", "r:rclone", src)
	harness.SameTree(t, back, src)
	c.Run("purge", "r:rclone")
}
