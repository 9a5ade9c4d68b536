package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/bench/store"
	"rhizome/e2e/harness"
)

// TestReplicatedToAnotherStore keeps a bucket at a store of another make. Each of the two is
// killed while there is something to send; in the end rclone finds the same in both.
func TestReplicatedToAnotherStore(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	there := foreignStore(t)
	c := harness.NewTool(t, "rclone", append(remoteOf("here", n.URL(), n.Key.ID, n.Key.Secret), remoteOf("there", there.URL(), there.Key.ID, there.Key.Secret)...),
		"--config", "/dev/null", "--s3-upload-cutoff", "8M", "--s3-chunk-size", "5M", "--retries", "20", "--retries-sleep", "500ms")
	src := filepath.Join(c.Home(), "src")
	write := func(round int) {
		for i := range 40 {
			harness.WriteFile(t, src, fmt.Sprintf("d%d/f %d.txt", (i+round)%4, i), harness.Random(uint64(100*round+i), 900*i))
		}
		harness.WriteFile(t, src, "large.bin", harness.Random(uint64(round), 21<<20))
	}
	write(0)
	c.Run("mkdir", "there:copy")
	c.Run("sync", src, "here:photos")

	addRemote(t, n, there)
	n.MustCLI("bucket", "replicate", "photos", "--to", "off/copy", "--deletes")
	there.Kill()
	if err := os.RemoveAll(filepath.Join(src, "d1")); err != nil {
		t.Fatal(err)
	}
	write(1)
	c.Run("sync", src, "here:photos")
	n.Kill()
	if err := there.UpAt(there.Address); err != nil {
		t.Fatal(err)
	}
	n.Flags = append(n.Flags, "--s3", n.Address)
	n.Start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(n.MustCLI("bucket", "replication", "photos"))
		}
	})
	harness.Eventually(t, 2*time.Minute, "nothing waits to be sent", func() bool { return nothingWaits(t, n) })
	c.Run("check", "--download", src, "there:copy")
	c.Run("check", "--download", "here:photos", "there:copy")
}

// nothingWaits reports whether the other store has all that there is.
func nothingWaits(t *testing.T, n *harness.Node) bool {
	var all []struct {
		First   struct{ Done bool } `json:"firstCopy"`
		Objects int64               `json:"objectsWaiting"`
	}
	if err := json.Unmarshal([]byte(n.MustCLI("bucket", "replication", "photos", "--json")), &all); err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0].First.Done && all[0].Objects == 0
}

// remoteOf is rclone's configuration of a store, by its environment.
func remoteOf(name, url, id, secret string) []string {
	p := "RCLONE_CONFIG_" + strings.ToUpper(name) + "_"
	return []string{p + "TYPE=s3", p + "PROVIDER=Other", p + "ENDPOINT=" + url, p + "ACCESS_KEY_ID=" + id, p + "SECRET_ACCESS_KEY=" + secret}
}

// foreignStore starts a versitygw.
func foreignStore(t *testing.T) *store.Process {
	dir := t.TempDir()
	p := &store.Process{Bin: harness.Installed(t, "versitygw"), Dir: filepath.Join(dir, "data"), Foreign: true, Env: harness.Env(dir), Log: filepath.Join(dir, "log")}
	t.Cleanup(p.Kill)
	if err := p.Up(); err != nil {
		t.Fatal(err)
	}
	return p
}

// addRemote tells a node of another store.
func addRemote(t *testing.T, n *harness.Node, p *store.Process) {
	cmd := exec.CommandContext(t.Context(), n.Bin, "remote", "add", "off", "--endpoint", p.URL(), "--access-key", p.Key.ID, "--secret-stdin", "--data", n.Dir)
	cmd.Env, cmd.Stdin = n.Env, strings.NewReader(p.Key.Secret+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
