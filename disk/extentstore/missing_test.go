package extentstore

import (
	"slices"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// TestADiskThatIsGoneIsSeen without that anybody writes to it first, and by who does.
func TestADiskThatIsGoneIsSeen(t *testing.T) {
	b := newBench(t, vfs.Default, Options{}, Disk{Dir: t.TempDir() + "/usb"})
	for name, notice := range map[string]func(b *bench){
		"looked at": func(b *bench) { b.s.Disks() },
		"written to": func(b *bench) {
			id := ident.New()
			_ = put(b.s, id, frames(id, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20), "")
		},
	} {
		d, err := b.s.disk(b.s.Disks()[0].ID)
		must(t, err)
		away := d.dir + ".gone"
		must(t, vfs.Default.Rename(d.dir, away))
		notice(b)
		if err := d.usable(); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		if st := b.s.Disks()[0]; st.Absent == nil || st.Free != 0 || !strings.Contains(st.Absent.Error(), "rhizome disk remove "+st.ID.String()) {
			t.Errorf("%s: %+v", name, st)
		}
		must(t, vfs.Default.Rename(away, d.dir))
		b.s.Recheck()
		must(t, d.usable())
	}
}

// TestWhatWasRefusedIsRemembered until a tenth of what was used went.
func TestWhatWasRefusedIsRemembered(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{Capacity: 16 << 20})
	id := ident.New()
	must(t, put(b.s, id, frames(id, 1<<20, 1<<20), ""))
	if b.s.Disks()[0].Refusing {
		t.Fatal("nothing was refused")
	}
	big := ident.New()
	wantKind(t, put(b.s, big, frames(big, slices.Repeat([]int{1 << 20}, 20)...), ""), errs.Full)
	if !b.s.Disks()[0].Refusing {
		t.Error("an upload was refused, and the node says that it has room")
	}
	must(t, b.s.Delete(ctx, id))
	b.s.reaper.wait()
	if b.s.Disks()[0].Refusing {
		t.Error("room was made, and it still says that it is full")
	}
}
