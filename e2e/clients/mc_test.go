package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/e2e/harness"
)

func TestMinioClient(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := harness.NewTool(t, "mc", []string{"MC_HOST_r=http://" + n.Key.ID + ":" + n.Key.Secret + "@" + n.Address}, "--quiet", "--no-color")
	src := filepath.Join(c.Home(), "src")
	large := harness.Random(1, 40<<20)
	harness.WriteFile(t, src, "large", large)
	harness.WriteFile(t, src, "a/b c é", []byte("hello"))
	harness.WriteFile(t, src, "a/empty", nil)
	c.Run("mb", "r/mcbucket")
	c.Run("mirror", "src", "r/mcbucket/tree")
	if out := c.Run("diff", "src", "r/mcbucket/tree"); strings.TrimSpace(out) != "" {
		t.Errorf("diff shows %s", out)
	}
	if got := c.Run("cat", "r/mcbucket/tree/a/b c é"); got != "hello" {
		t.Errorf("cat gives %q", got)
	}
	if out := c.Run("stat", "r/mcbucket/tree/large"); !strings.Contains(out, "40 MiB") {
		t.Errorf("stat says %s", out)
	}
	c.Run("cp", "r/mcbucket/tree/large", "r/mcbucket/copy")
	c.Run("cp", "r/mcbucket/copy", "got")
	if got, err := os.ReadFile(filepath.Join(c.Home(), "got")); err != nil || !bytes.Equal(got, large) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	c.Run("mirror", "r/mcbucket/tree", "back")
	harness.SameTree(t, src, filepath.Join(c.Home(), "back"))
	if out := c.Run("ls", "--recursive", "r/mcbucket"); strings.Count(out, "\n") != 4 {
		t.Errorf("ls shows\n%s\nwant four objects", out)
	}
	c.Run("rm", "--recursive", "--force", "r/mcbucket/")
	c.Run("rb", "r/mcbucket")
}
