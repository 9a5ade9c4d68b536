package extentstore

import (
	"io"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// durable commits to the row store, and with it all that came before.
func (b *bench) durable() {
	b.t.Helper()
	t := b.rows.NewBatch()
	t.Set([]byte("other"), nil)
	must(b.t, t.Commit())
}

// afterPowerCut opens what a power cut leaves that loses all unsynced data.
func (b *bench) afterPowerCut(mem *vfs.MemFS) *bench {
	b.t.Helper()
	return newBench(b.t, mem.CrashClone(vfs.CrashCloneCfg{}), b.opt, b.disks...)
}

func wantGone(t *testing.T, s *Store, id ident.ID) {
	t.Helper()
	must(t, s.adopted(ctx))
	_, err := s.Info(ctx, id)
	wantKind(t, err, errs.NotFound)
}

func TestRecordDeletedWhileItMovedStaysDeleted(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, Options{})
	other, id := ident.New(), ident.New()
	must(t, put(b.s, other, frames(other, 1000), other.String()))
	must(t, put(b.s, id, frames(id, 1000), id.String()))
	from, err := b.s.lookup(id)
	must(t, err)
	b.durable()
	must(t, b.s.Delete(ctx, id))
	b.durable()
	d, err := b.s.disk(diskID(1))
	must(t, err)
	last := ident.New()
	must(t, d.app.append(b.s, d, []*record{{id: id, table: from.table, desc: []byte(id.String()), data: frames(id, 1000)[0], from: from}}))
	must(t, put(b.s, last, frames(last, 1000), last.String()))
	c := b.afterPowerCut(mem)
	wantGone(t, c.s, id)
	for _, id := range []ident.ID{other, last} { // the one behind was acknowledged
		must(t, check(c.s, id, frames(id, 1000), id.String()))
	}
	checkAccounts(t, c.s)
}

// twoDisks has one extent in a file of its own, on from and not on to.
func twoDisks(t *testing.T) (b *bench, mem *vfs.MemFS, id ident.ID, at *entry, from, to *disk) {
	t.Helper()
	mem = vfs.NewCrashable()
	b = newBench(t, mem, Options{SmallBytes: 100}, crashDisks...)
	must(t, b.s.adopted(ctx))
	id = ident.New()
	must(t, put(b.s, id, frames(id, 1000), id.String()))
	at, err := b.s.lookup(id)
	must(t, err)
	for _, d := range b.s.allDisks() {
		if d.id == at.disk {
			from = d
		} else {
			to = d
		}
	}
	return b, mem, id, at, from, to
}

// copied begins to move an extent's own file: the copy is whole, the index does not know.
func (b *bench) copied(id ident.ID, at *entry, from, to *disk) (*fileWriter, *entry) {
	b.t.Helper()
	src, err := from.openOwn(id)
	must(b.t, err)
	defer src.Close()
	m, err := readMeta(src, at.meta, at.metaLen())
	must(b.t, err)
	w, err := createFile(to, id)
	must(b.t, err)
	e, err := copyFrames(ctx, w, src, at, m, b.s.pace(from))
	must(b.t, err)
	return w, e
}

// double copies an extent's own file to another disk, durably.
func double(t *testing.T, id ident.ID, from, to *disk) int64 {
	t.Helper()
	f, err := from.openOwn(id)
	must(t, err)
	defer f.Close()
	all, err := io.ReadAll(f)
	must(t, err)
	must(t, writeSynced(to.fs, to.path(fileName(id)), all))
	return int64(len(all))
}

func TestFileDeletedWhileItMovedStaysDeleted(t *testing.T) {
	b, mem, id, at, from, to := twoDisks(t)
	w, e := b.copied(id, at, from, to)
	must(t, b.s.Delete(ctx, id))
	b.durable()
	c := b.afterPowerCut(mem) // the copy is whole, the index does not know
	wantGone(t, c.s, id)
	must(t, b.s.indexMoved(w, id, e, at))
	c = b.afterPowerCut(mem)
	wantGone(t, c.s, id)
	checkAccounts(t, c.s)
	checkAccounts(t, b.s)
}

func TestDoubleOfADeletedFileIsNotAdopted(t *testing.T) {
	b, mem, id, _, from, to := twoDisks(t)
	double(t, id, from, to)
	b.s.adoption = make(chan struct{}) // it has not come to the double yet
	must(t, b.s.Delete(ctx, id))
	b.durable()
	c := b.afterPowerCut(mem)
	wantGone(t, c.s, id)
	checkAccounts(t, c.s)
	b.s.adoptAll()
	close(b.s.adoption)
	wantGone(t, b.s, id)
	checkAccounts(t, b.s)
}

func TestFileMovesOnlyToAFreeName(t *testing.T) {
	b, _, id, at, from, to := twoDisks(t)
	n := double(t, id, from, to)
	batch := b.rows.NewBatch()
	batch.Set(garbageKey(to.id, fileName(id)), encodeSize(n))
	must(t, batch.CommitLazily())
	to.occupy(n)
	must(t, b.s.moveFile(ctx, from, id, at))
	checkAccounts(t, b.s)
	must(t, check(b.s, id, frames(id, 1000), id.String()))
	if now, err := b.s.lookup(id); err != nil || now.disk != to.id {
		t.Errorf("the extent lies at %v, %v", now, err)
	}
}

// TestDoubleThatIsTheOnlyFileStays: who looked through a disk that came back saw the
// extent elsewhere, and then it was moved to this disk.
func TestDoubleThatIsTheOnlyFileStays(t *testing.T) {
	b, _, id, at, from, to := twoDisks(t)
	must(t, b.s.moveFile(ctx, from, id, at))
	b.s.discardDouble(to, id)
	b.s.reaper.wait()
	must(t, check(b.s, id, frames(id, 1000), id.String()))
	checkAccounts(t, b.s)
}

// TestMoveGivesWayToGarbage: a disk that comes back while a file is moved to it lists an
// older copy of it as garbage.
func TestMoveGivesWayToGarbage(t *testing.T) {
	b, _, id, at, from, to := twoDisks(t)
	w, e := b.copied(id, at, from, to)
	double(t, id, from, to)
	to.reaping.Lock() // it comes later
	b.s.discardDouble(to, id)
	err := b.s.indexMoved(w, id, e, at)
	to.reaping.Unlock()
	wantKind(t, err, errs.Unavailable)
	b.s.reaper.wait()
	must(t, check(b.s, id, frames(id, 1000), id.String()))
	checkAccounts(t, b.s)
	must(t, b.s.moveFile(ctx, from, id, at))
	must(t, check(b.s, id, frames(id, 1000), id.String()))
}

// TestMoveIsOneCommit: what is one commit no power cut parts. In two, the first alone
// would have the old file counted for ever.
func TestMoveIsOneCommit(t *testing.T) {
	b, mem, id, at, from, to := twoDisks(t)
	w, e := b.copied(id, at, from, to)
	b.durable()
	from.reaping.Lock() // its commits come later
	before := b.rows.Changes(space)
	must(t, b.s.indexMoved(w, id, e, at))
	if n := b.rows.Changes(space) - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	from.reaping.Unlock()
	for _, dur := range []bool{false, true} {
		if dur {
			b.durable()
		}
		c := b.afterPowerCut(mem)
		must(t, c.s.adopted(ctx))
		must(t, check(c.s, id, frames(id, 1000), id.String()))
		checkAccounts(t, c.s)
	}
}
