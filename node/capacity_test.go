package node

import (
	"errors"
	"strconv"
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
	shown := api.Settings{List: []api.Setting{{Name: "capacity", Value: "as given", From: "flag"}}}
	a := h.up("lyon", func(c *Config) { c.Settings = shown })
	expect := func(what string, inLayout, limit int64) {
		t.Helper()
		if err := a.place(t.Context()); err != nil { // as it does by itself
			t.Fatal(err)
		}
		got := a.members.Layout().Node(a.keys.id()).Capacity
		if (got != inLayout && (inLayout >= 0 || got == 0)) || a.disks.Capacity() != limit {
			t.Errorf("%s: %d in the layout, a limit of %d", what, got, a.disks.Capacity())
		}
		setting := a.config.Capacity
		is, asked, _ := a.OtherCapacity()
		if other := setting > 0 && setting != limit; other != (asked > 0) || other && (is != limit || asked != setting) {
			t.Errorf("%s: %d holds in place of %d", what, is, asked)
		}
		s := a.Facts().Settings.List[0]
		if want := strconv.FormatInt(limit>>30, 10) + "GiB"; limit != setting && (s.Value != want || s.From != api.FromLayout) {
			t.Errorf("%s: the settings say %+v", what, s)
		} else if limit == setting && s.From != "flag" {
			t.Errorf("%s: the settings say %+v", what, s)
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
