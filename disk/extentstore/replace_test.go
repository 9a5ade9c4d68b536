package extentstore

import (
	"bytes"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// replace writes an extent over what is there.
func (b *bench) replace(id ident.ID, fs [][]byte) error {
	w, err := b.s.Replace(ctx, id, -1)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, f := range fs {
		if err := w.Append(f); err != nil {
			return err
		}
	}
	return w.Commit([]byte("again"))
}

func (b *bench) damaged(id ident.ID) []int {
	b.t.Helper()
	d, err := b.s.Verify(ctx, id)
	must(b.t, err)
	return d
}

// spoil turns a byte of the extent's first frame.
func (b *bench) spoil(id ident.ID) {
	b.t.Helper()
	i, err := b.s.Info(ctx, id)
	must(b.t, err)
	f, err := b.fs.OpenReadWrite(b.fs.PathJoin(i.Dir, i.File), category)
	must(b.t, err)
	defer f.Close()
	one := make([]byte, 1)
	_, err = f.ReadAt(one, i.Offset)
	must(b.t, err)
	one[0] ^= 0x40
	_, err = f.WriteAt(one, i.Offset)
	must(b.t, err)
	must(b.t, f.Sync())
}

var replaced = map[string][]int{"segment": {1000}, "file": {MaxFrame, MaxFrame, 77}}

func TestReplaceMendsDamage(t *testing.T) {
	for name, lengths := range replaced {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewCrashable()
			b := newBench(t, mem, Options{})
			id := ident.New()
			fs := frames(id, lengths...)
			must(t, put(b.s, id, fs, "once"))
			b.spoil(id)
			if len(b.damaged(id)) == 0 {
				t.Fatal("damage is not seen")
			}
			must(t, b.replace(id, fs))
			for range 2 {
				if d := b.damaged(id); len(d) > 0 {
					t.Fatalf("still damaged: %v", d)
				}
				desc, err := b.s.Descriptor(ctx, id)
				if err != nil || string(desc) != "again" {
					t.Fatalf("descriptor %q, %v", desc, err)
				}
				b.reopen()
			}
			crashed := *b
			b.close()
			crashed.fs = mem.CrashClone(vfs.CrashCloneCfg{})
			crashed.open()
			if d := crashed.damaged(id); len(d) > 0 {
				t.Errorf("damaged after a crash: %v", d)
			}
			must(t, crashed.s.Delete(ctx, id))
			crashed.s.reaper.wait()
			crashed.s.keeper.wait()
			for _, d := range crashed.s.Disks() {
				if d.Live != 0 {
					t.Errorf("%d bytes live on an empty disk", d.Live)
				}
			}
			crashed.close()
		})
	}
}

func TestReplaceWhereNothingIs(t *testing.T) {
	for name, lengths := range replaced {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, vfs.NewCrashable(), Options{})
			id := ident.New()
			fs := frames(id, lengths...)
			for range 3 { // its old file may wait to be removed each time
				must(t, b.replace(id, frames(id, lengths...))) // a file system may change what it is given
				r, err := b.s.Reader(ctx, id)
				must(t, err)
				got, err := r.ReadFrame(0, nil)
				if err != nil || !bytes.Equal(got, fs[0]) {
					t.Fatal("other bytes", err)
				}
				must(t, r.Close())
				must(t, b.s.Delete(ctx, id))
			}
			b.s.reaper.wait()
			_, err := b.s.Info(ctx, id)
			wantKind(t, err, errs.NotFound)
		})
	}
}

func TestReplaceLosesAgainstDeletion(t *testing.T) {
	for name, lengths := range replaced {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, vfs.NewCrashable(), Options{})
			id := ident.New()
			fs := frames(id, lengths...)
			must(t, put(b.s, id, fs, "once"))
			from, err := b.s.locate(id)
			must(t, err)
			must(t, b.s.Delete(ctx, id))
			b.s.reaper.wait()
			w, err := b.s.Replace(ctx, id, -1)
			must(t, err)
			defer w.Abort()
			for _, f := range fs {
				must(t, w.Append(f))
			}
			if w.file == nil {
				r := &record{id: id, table: w.table, data: w.held, from: from}
				must(t, w.d.app.append(b.s, w.d, []*record{r}))
				err = b.s.took(id, &r.at)
			} else {
				e, ferr := w.file.finish(id, w.table, nil)
				must(t, ferr)
				err = b.s.indexReplaced(w.file, id, e, from)
			}
			wantKind(t, err, errs.Conflict)
			_, err = b.s.Info(ctx, id)
			wantKind(t, err, errs.NotFound)
		})
	}
}
