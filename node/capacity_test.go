package node

import (
	"errors"
	"testing"

	"rhizome/base/vfs"
	"rhizome/disk/kv"
	"rhizome/gateway/admin/api"
)

// TestCapacityIsChangedLive: what a node may keep follows the layout once a person chose it, over
// restarts too, until the setting is changed.
func TestCapacityIsChangedLive(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	expect := func(what string, inLayout, limit int64) {
		t.Helper()
		if err := a.place(t.Context()); err != nil { // as it does by itself
			t.Fatal(err)
		}
		got := a.members.Layout().Node(a.keys.id()).Capacity
		if (got != inLayout && (inLayout >= 0 || got == 0)) || a.disks.Capacity() != limit {
			t.Errorf("%s: %d in the layout, a limit of %d", what, got, a.disks.Capacity())
		}
	}
	change := func(bytes int64) {
		t.Helper()
		if _, err := a.Change(t.Context(), api.LayoutChange{Kind: api.ChangeCapacity, Node: a.keys.id().String(), Capacity: bytes}); err != nil {
			t.Fatal(err)
		}
	}
	again := func(setting int64) {
		t.Helper()
		h.kill("lyon")
		a = h.up("lyon", func(c *Config) { c.Capacity = setting })
	}
	expect("the setting counts", 1<<30, 1<<30)
	change(2 << 30)
	expect("the change counts", 2<<30, 2<<30)
	again(1 << 30)
	expect("the change counts after a restart", 2<<30, 2<<30)
	again(3 << 30)
	expect("another setting counts", 3<<30, 3<<30)
	again(0)
	expect("no setting: what the disks hold", -1, 0)
	change(1 << 30)
	expect("a change counts without a setting", 1<<30, 1<<30)
	again(0)
	expect("and after a restart", 1<<30, 1<<30)
	path := a.folder.at(rowsDir)
	h.kill("lyon")
	rows, err := kv.Open(vfs.Default, path, kv.Options{})
	if err == nil {
		err = errors.Join(rows.Delete(capacityKey), rows.Close()) // as a rebuild loses it
	}
	if err != nil {
		t.Fatal(err)
	}
	again(2 << 30)
	expect("without a mark the layout is believed", 1<<30, 1<<30)
}
