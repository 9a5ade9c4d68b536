package node

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"rhizome/base/errs"
	"rhizome/disk/extentstore"
	"rhizome/model/object"
	"rhizome/node/repair"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onDisks opens a node of which the disks in dirs have all bytes.
func onDisks(t *testing.T, c Config, dirs ...string) *Node {
	t.Helper()
	n := open(t, c)
	for _, dir := range dirs {
		if _, err := n.AddDisk(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range n.disks.Disks() {
		if d.Dir == filepath.Join(c.Data, diskDir) {
			ok(t, n.disks.DrainDisk(d.ID, true))
		}
	}
	_, err := n.objects.CreateBucket(t.Context(), "photos", n.first, false)
	ok(t, err)
	return n
}

func putObject(t *testing.T, n *Node, key string, size int) {
	t.Helper()
	b, err := n.objects.Bucket(t.Context(), "photos", nil)
	ok(t, err)
	p, h := bytes.Repeat([]byte{7}, size), md5.New()
	_, err = n.objects.Put(t.Context(), b, object.Put{Key: key, Body: object.Body{Reader: bytes.NewReader(p), Size: int64(size), Hash: h,
		Finish: func() (object.Digest, error) { return object.Digest{ETag: hex.EncodeToString(h.Sum(nil))}, nil }}})
	ok(t, err)
}

func getObject(n *Node, key string) error {
	ctx := context.Background()
	b, err := n.objects.Bucket(ctx, "photos", nil)
	if err != nil {
		return err
	}
	o, err := n.objects.Get(ctx, b, object.Get{Key: key})
	if err != nil {
		return err
	}
	defer o.Body.Close()
	_, err = io.Copy(io.Discard, o.Body)
	return err
}

// clean does what would delete bytes that no row uses, and stops the node.
func clean(t *testing.T, n *Node) {
	t.Helper()
	for range 3 {
		n.sweep(t.Context())
		ok(t, n.objects.CleanUp(t.Context()))
	}
	ok(t, n.Close())
}

func rebuilt(t *testing.T, c Config, disks ...string) *repair.Report {
	t.Helper()
	r, err := Rebuild(t.Context(), c, disks, false, false)
	ok(t, err)
	return r
}

// TestDiskThatWasAwayIsNotSwept: the log is lost, and a disk comes back only after the
// rows were made anew. What they do not tell of stays until they are made once more.
func TestDiskThatWasAwayIsNotSwept(t *testing.T) {
	t.Parallel()
	c, d2, away := config(t), filepath.Join(t.TempDir(), "d2"), filepath.Join(t.TempDir(), "away")
	n := onDisks(t, c, d2)
	putObject(t, n, "old", 1<<20)
	ok(t, n.Close())
	n = open(t, c)
	putObject(t, n, "young", 1<<20)
	putObject(t, n, "small", 300<<10)
	rows, saved := filepath.Join(c.Data, "rows"), filepath.Join(t.TempDir(), "rows")
	ok(t, os.CopyFS(saved, os.DirFS(rows)))
	ok(t, n.Close())
	ok(t, os.RemoveAll(rows))
	ok(t, os.Rename(saved, rows))
	logs, err := filepath.Glob(filepath.Join(rows, "*.log"))
	ok(t, err)
	for _, l := range logs {
		ok(t, os.Remove(l))
	}
	ok(t, os.Rename(d2, away))
	if r := rebuilt(t, c); len(r.Absent) != 1 {
		t.Fatalf("absent: %v", r.Absent)
	}
	clean(t, open(t, c)) // d2 is away yet
	n = open(t, c)
	ok(t, os.Rename(away, d2))
	n.disks.Recheck()
	ok(t, getObject(n, "old"))
	if r, err := n.Repair(t.Context()); err != nil || len(r.Uncompared) != 1 || r.Uncompared[0] != d2 {
		t.Errorf("repair says %+v, %v", r.Uncompared, err)
	}
	for _, d := range n.disks.Disks() {
		if err := n.disks.DrainDisk(d.ID, true); d.Dir == d2 && errs.KindOf(err) != errs.Conflict {
			t.Errorf("drain: %v", err)
		}
	}
	clean(t, n)
	clean(t, open(t, c))
	rebuilt(t, c)
	n = open(t, c)
	for _, key := range []string{"old", "young", "small"} {
		if err := getObject(n, key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if r, err := n.Repair(t.Context()); err != nil || len(r.Uncompared) != 0 {
		t.Errorf("repair says %+v, %v", r.Uncompared, err)
	}
	clean(t, n)
}

// TestMissingBytesThatAReadMeetsAreNoted: nobody has to wait for the daily comparison.
func TestMissingBytesThatAReadMeetsAreNoted(t *testing.T) {
	n := onDisks(t, config(t), filepath.Join(t.TempDir(), "d2"))
	putObject(t, n, "photo", 1<<20)
	ok(t, n.disks.Each(t.Context(), func(i extentstore.Info) error { return n.disks.Delete(t.Context(), i.ID) }))
	if err := getObject(n, "photo"); errs.KindOf(err) != errs.Corrupt {
		t.Errorf("a read of missing bytes: %v", err)
	}
	if _, found, err := n.damage.all(); err != nil || len(found) != 1 || found[0].Reason != reasonMissing {
		t.Errorf("noted: %+v, %v", found, err)
	}
	ok(t, n.Close())
}

// TestForgottenDisk: the data folder is lost and only one of the disks is named. The
// others are named to a second rebuild.
func TestForgottenDisk(t *testing.T) {
	t.Parallel()
	const count = 12
	c, dir := config(t), t.TempDir()
	d2, d3 := filepath.Join(dir, "d2"), filepath.Join(dir, "d3")
	n := onDisks(t, c, d2, d3)
	if _, err := n.snapshots.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		putObject(t, n, fmt.Sprint("young", i), 3<<20)
	}
	const long = 70 << 20 // in several extents, on both disks
	putObject(t, n, "long", long)
	kit := Kit{Rhizome: n.members.Layout().Lineage, Seed: n.keys.seed, Root: n.keys.root}
	ok(t, n.Close())
	named, other := d2, d3
	if _, err := os.Stat(filepath.Join(d3, repair.SnapshotsDir)); err == nil {
		named, other = d3, d2
	}
	c = config(t)
	_, err := RestoreKeys(c.Data, kit)
	ok(t, err)
	rebuilt(t, c, named)
	n = open(t, c)
	if _, err := n.AddDisk(t.Context(), other); errs.KindOf(err) != errs.Conflict {
		t.Errorf("disk add: %v", err)
	}
	clean(t, n)
	alias := filepath.Join(dir, "alias")
	ok(t, os.Symlink(other, alias))
	rebuilt(t, c, other, alias) // one disk by two paths
	clean(t, open(t, c))
	n = open(t, c)
	for i := range count {
		if err := getObject(n, fmt.Sprint("young", i)); err != nil {
			t.Errorf("young%d: %v", i, err)
		}
	}
	ok(t, getObject(n, "long"))
	clean(t, n)
}
