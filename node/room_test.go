package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/disk/extentstore"
	"rhizome/gateway/admin/api"
)

// TestADiskAmongPhotos: what the node keeps gets a folder of its own where other things lie.
func TestADiskAmongPhotos(t *testing.T) {
	n := open(t, config(t))
	photos, empty := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(photos, "garden.jpg"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{photos: filepath.Join(photos, "rhizome"), empty: empty} {
		if d, err := n.AddDisk(t.Context(), given); err != nil || d.Path != want {
			t.Errorf("%+v, %v, want %s", d, err, want)
		}
	}
	if left, err := os.ReadDir(photos); err != nil || len(left) != 2 {
		t.Errorf("among the photos lie %v: %v", left, err)
	}
	if _, err := n.AddDisk(t.Context(), photos); !errors.Is(err, errs.Exists) {
		t.Errorf("the same again: %v", err)
	}
	if sum := freeOf(n.disks.Disks()); sum > 2*n.disks.Disks()[0].Free {
		t.Errorf("disks on one file system have %d bytes free together", sum)
	}
}

// TestTheDiskOfAnotherNode names that node, and no command that would do harm.
func TestTheDiskOfAnotherNode(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	b := h.join(a, "brest")
	h.settled(2)
	_, err := a.AddDisk(t.Context(), b.folder.at(diskDir))
	if !errors.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "belongs to the node brest") || strings.Contains(err.Error(), "rebuild") {
		t.Error(err)
	}
}

// TestHomesThatAreFullFirst are named in one sentence.
func TestHomesThatAreFullFirst(t *testing.T) {
	got := notices([]layout.Warning{{Risk: layout.Tight, Zone: "barn"}, {Risk: layout.FewHomes, Count: 2}, {Risk: layout.Tight, Zone: "attic"}})
	if len(got) != 2 || !strings.Contains(got[0].Err.Error(), "the homes barn and attic are full first") {
		t.Errorf("%v", got)
	}
}

// TestRoomOnOneFileSystem counts once.
func TestRoomOnOneFileSystem(t *testing.T) {
	dir, away := t.TempDir(), errs.New(errs.Unavailable, "away")
	disks := []extentstore.DiskStatus{{ID: ident.New(), Dir: dir, Free: 5}, {ID: ident.New(), Dir: dir, Free: 7}, {ID: ident.New(), Dir: dir, Free: 9, Absent: away}}
	if n := freeOf(disks); n != 7 {
		t.Errorf("%d bytes are free", n)
	}
}

// TestWhoStandsBeside: a computer that joins a home that exists is told so; and one that may
// not go yet is refused before a plan is shown.
func TestWhoStandsBeside(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	text := h.invite(a)
	b := h.up("beside", func(c *Config) { c.Join, c.Home = text, "lyon" })
	h.settled(2)
	if home, others := b.Beside(); home != "lyon" || len(others) != 1 || others[0] != a.keys.id().String()[:8] {
		t.Errorf("%s, %v", home, others)
	}
	id := b.keys.id().String()
	h.change(a, api.LayoutChange{Kind: api.ChangeDrain, Node: id}, 2)
	h.emptied(a, b.keys.id())
	h.kill("beside")
	plan, err := a.Preview(t.Context(), api.LayoutChange{Kind: api.ChangeRemove, Node: id})
	if err != nil || plan.Refused == nil || len(plan.Nodes) > 0 {
		t.Errorf("%+v, %v", plan, err)
	}
}
