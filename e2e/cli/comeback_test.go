package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// kitOf makes a recovery kit and returns its file for programs.
func kitOf(t *testing.T, n *harness.Node) string {
	t.Helper()
	var made struct {
		File string `json:"file"`
	}
	into(t, n, &made, "recovery-kit", "--out", t.TempDir())
	return made.File
}

// snapshotAfter waits for a newer snapshot of the rows on a disk and returns its path.
func snapshotAfter(t *testing.T, disk, last string) (newest string) {
	t.Helper()
	harness.Eventually(t, 30*time.Second, "a snapshot on the disk", func() bool {
		found, err := filepath.Glob(filepath.Join(disk, "snapshots", "*.snapshot"))
		must(t, err)
		newest = last
		for _, f := range found {
			newest = max(newest, f)
		}
		return newest > last
	})
	return newest
}

// TestLostDataFolder: the data folder is gone, a disk is left, and the kit: everything
// comes back under its names and keys, and what cannot come back is not said to be there.
func TestLostDataFolder(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	disk := filepath.Join(t.TempDir(), "disk2")
	var disks []struct{ ID, Path string }
	into(t, n, &disks, "disk", "list")
	n.MustCLI("disk", "add", disk, "--yes")
	first := snapshotAfter(t, disk, "")
	n.MustCLI("disk", "drain", disks[0].ID)
	put(t, n, "/album", "")
	big := harness.Random(7, 3<<20)
	put(t, n, "/album/big", string(big))
	put(t, n, "/album/small", "hello")
	old := kitOf(t, n)
	snapshotAfter(t, disk, first)
	must(t, n.Stop())
	must(t, os.Rename(n.Dir, n.Dir+".lost"))

	out := n.MustCLI("recovery-kit", "restore", old)
	if !strings.Contains(out, "repair rebuild") || !strings.Contains(out, disk) {
		t.Errorf("the restore does not say how to go on: %s", out)
	}
	if _, err := n.CLI("up", "--s3", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "--disk") {
		t.Errorf("a start without rows: %v; want a word on how to come back", err)
	}
	for _, args := range [][]string{nil, {"--disk", t.TempDir()}, {"--disk", filepath.Join(t.TempDir(), "none")}} {
		if out, err := n.CLI(append([]string{"repair", "rebuild", "--yes"}, args...)...); err == nil {
			t.Errorf("a rebuild of nothing with %v: %s", args, out)
		}
	}
	var report struct {
		Lost []any `json:"lost"`
		Rows int   `json:"rows"`
	}
	into(t, n, &report, "repair", "rebuild", "--yes", "--disk", disk)
	if len(report.Lost) > 0 || report.Rows == 0 {
		t.Errorf("the report: %+v", report)
	}
	n.Start()
	for key, want := range map[string][]byte{"big": big, "small": []byte("hello")} {
		if got := do(t, n, &wire.Request{Method: "GET", Path: "/album/" + key}); !bytes.Equal(got.Body, want) {
			t.Errorf("%s came back with %d bytes, want %d", key, len(got.Body), len(want))
		}
	}
	if out := n.MustCLI("status"); !strings.Contains(out, "recovery-kit") {
		t.Errorf("the status does not ask for a new kit:\n%s", out)
	}
	kit := kitOf(t, n)
	if out := n.MustCLI("status"); strings.Contains(out, "recovery-kit") {
		t.Errorf("the status still asks for a new kit:\n%s", out)
	}

	// The keys alone are lost: the old kit is of no use, and says so; the new one is.
	must(t, n.Stop())
	for _, name := range []string{"node.key", "root.key"} {
		must(t, os.Remove(filepath.Join(n.Dir, name)))
	}
	if _, err := n.CLI("recovery-kit", "restore", old); err == nil || !strings.Contains(err.Error(), "newer kit") {
		t.Errorf("the kit from before the rebuild: %v", err)
	}
	n.MustCLI("recovery-kit", "restore", kit)
	n.Start()
	do(t, n, &wire.Request{Method: "GET", Path: "/album/small"})
}

// TestDiskInTheDataFoldersPlace: the disk that is left may stand in the place of the one
// in the data folder; and a kit's key is checked against what lies there.
func TestDiskInTheDataFoldersPlace(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	disk := filepath.Join(t.TempDir(), "disk2")
	n.MustCLI("disk", "add", disk, "--yes")
	first := snapshotAfter(t, disk, "")
	put(t, n, "/bucket", "")
	put(t, n, "/bucket/small", "hello")
	kit := kitOf(t, n)
	snapshotAfter(t, disk, first)
	must(t, n.Stop())
	must(t, os.Rename(n.Dir, n.Dir+".lost"))
	must(t, os.MkdirAll(n.Dir, 0o700))
	must(t, os.Rename(disk, filepath.Join(n.Dir, "disk")))
	n.MustCLI("recovery-kit", "restore", kit)
	n.MustCLI("repair", "rebuild", "--yes")
	n.Start()
	if got := do(t, n, &wire.Request{Method: "GET", Path: "/bucket/small"}); string(got.Body) != "hello" {
		t.Errorf("came back as %q", got.Body)
	}

	raw, err := os.ReadFile(kit)
	must(t, err)
	var k map[string]any
	must(t, json.Unmarshal(raw, &k))
	k["rhizome"] = strings.Repeat("0", 31) + "1"
	raw, err = json.Marshal(k)
	must(t, err)
	must(t, n.Stop())
	foreign := harness.WriteFile(t, t.TempDir(), "kit.json", raw)
	if _, err := n.CLI("recovery-kit", "restore", foreign); err == nil || !strings.Contains(err.Error(), "another rhizome") {
		t.Errorf("a kit of another rhizome: %v", err)
	}
}
