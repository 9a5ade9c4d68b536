package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/e2e/harness"
)

func TestS3cmd(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := harness.NewTool(t, "s3cmd", nil, "--config=/dev/null", "--no-ssl", "--no-progress", "--multipart-chunk-size-mb=5",
		"--access_key="+n.Key.ID, "--secret_key="+n.Key.Secret, "--host="+n.Address, "--host-bucket="+n.Address)
	src := filepath.Join(c.Home(), "src")
	large := harness.Random(1, 12<<20)
	harness.WriteFile(t, src, "large", large)
	harness.WriteFile(t, src, "a/b c é", []byte("hello"))
	c.Run("mb", "s3://s3cmd")
	c.Run("put", "--add-header=x-amz-meta-colour:blue", "src/large", "s3://s3cmd/large")
	c.Run("get", "s3://s3cmd/large", "got")
	if got, err := os.ReadFile(filepath.Join(c.Home(), "got")); err != nil || !bytes.Equal(got, large) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if out := c.Run("info", "s3://s3cmd/large"); !strings.Contains(out, "colour") {
		t.Errorf("info does not show the metadata: %s", out)
	}
	c.Run("sync", "src/", "s3://s3cmd/tree/")
	c.Run("cp", "s3://s3cmd/tree/a/b c é", "s3://s3cmd/copy")
	c.Run("mv", "s3://s3cmd/copy", "s3://s3cmd/moved")
	if out := c.Run("ls", "--recursive", "s3://s3cmd"); strings.Count(out, "\n") != 4 {
		t.Errorf("ls shows\n%s\nwant four objects", out)
	}
	if err := os.Mkdir(filepath.Join(c.Home(), "back"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.Run("sync", "s3://s3cmd/tree/", "back/")
	harness.SameTree(t, src, filepath.Join(c.Home(), "back"))
	c.Run("del", "--recursive", "--force", "s3://s3cmd")
	c.Run("rb", "s3://s3cmd")
}
