package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/extentstore"
)

// open opens a node that the test closes.
func open(t *testing.T, c Config) *Node {
	t.Helper()
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// stray puts an extent on a node's disks that has no row.
func stray(t *testing.T, n *Node) ident.ID {
	t.Helper()
	id := ident.New()
	w, err := n.disks.Create(t.Context(), id, 5)
	if err == nil {
		err = w.Append([]byte("hello"))
	}
	if err == nil {
		err = w.Commit(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestDiskOfAnotherRhizome: what another node stored is neither taken nor swept.
func TestDiskOfAnotherRhizome(t *testing.T) {
	c := config(t)
	a := open(t, c)
	id := stray(t, a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(c.Data, diskDir)
	b := open(t, config(t))
	if _, err := b.AddDisk(t.Context(), old); !errors.Is(err, errs.Conflict) {
		t.Fatalf("another rhizome's disk: %v", err)
	}
	b.sweep(t.Context())
	again := open(t, c)
	if _, err := again.disks.Info(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// TestDiskComesBack: the path of a disk that was away can be added again, and not that
// of one that serves, by whatever path.
func TestDiskComesBack(t *testing.T) {
	c := config(t)
	n := open(t, c)
	dir := t.TempDir()
	path, away := filepath.Join(dir, "usb"), filepath.Join(dir, "unplugged")
	ctx := context.Background()
	if _, err := n.AddDisk(ctx, path); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if _, err := n.AddDisk(ctx, p); !errors.Is(err, errs.Exists) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := n.AddDisk(ctx, filepath.Join(link, "sub")); !errors.Is(err, errs.Invalid) {
		t.Errorf("a folder in a disk: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	rename(t, path, away)
	n = open(t, c)
	if _, err := n.AddDisk(ctx, path); !errors.Is(err, errs.Unavailable) {
		t.Errorf("a disk that is not there: %v", err)
	}
	if err := n.ring.Keep(ident.ID{7}, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(path)
	rename(t, away, path)
	d, err := n.AddDisk(ctx, path)
	if err != nil || d.State != "ok" {
		t.Fatalf("%+v, %v", d, err)
	}
	main, err := os.ReadFile(filepath.Join(c.Data, "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	if copied, err := os.ReadFile(filepath.Join(path, "keyring")); err != nil || len(copied) < len(main) {
		t.Errorf("the copy of the keyring has %d of %d bytes: %v", len(copied), len(main), err)
	}
	if _, was, err := extentstore.OwnerOf(vfs.Default, path); err != nil || was.Node != n.keys.id() {
		t.Errorf("%+v, %v", was, err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
