package extent

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
)

// commit makes the row that a reference names use it, as its writer would.
func (w *world) commit(ref Ref, id ident.ID) error {
	_, err := w.regs.Update(ctx, ref.Row, register.Change{
		Apply:  func(*register.Value) (*register.Value, error) { return &register.Value{Data: ref.ID[:]}, nil },
		Ballot: ref.Ballot,
		Raise:  func(c context.Context, b register.Ballot) error { return w.RaiseRef(c, id, ref.ID, b) },
	})
	return err
}

// usesData is a Uses for rows made by commit.
func usesData(_ register.Row, v *register.Value, ref Ref, _ ident.ID) bool {
	return v != nil && bytes.Equal(v.Data, ref.ID[:])
}

// passes lets the collector see what is pending twice.
func (w *world) passes(t *testing.T) (collected, left int) {
	t.Helper()
	for range 2 {
		var err error
		collected, left, err = w.CollectPending(ctx, usesData)
		must(t, err)
	}
	return collected, left
}

func (w *world) alive(t *testing.T, p Piece) bool {
	t.Helper()
	st, err := w.Stat(ctx, p.Extent)
	if errs.KindOf(err) == errs.NotFound {
		_, err := w.disks.Info(ctx, p.Extent)
		wantKind(t, err, errs.NotFound)
		return false
	}
	must(t, err)
	if st.Missing || len(st.Damaged) > 0 {
		t.Fatalf("extent is damaged: %+v", st)
	}
	return true
}

func TestCommittedExtentStays(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	ref := w.ref("k")
	p := w.put(t, ref, noise(5000))
	must(t, w.commit(ref, p.Extent))
	w.Settle(ref.ID, p.Extent)
	if c, left := w.passes(t); c != 0 || left != 0 {
		t.Errorf("a settled extent is pending: %d collected, %d left", c, left)
	}
	// The word was lost: the collector has its look and lets it be.
	must(t, w.Collect(ctx, p.Extent, usesData))
	if !w.alive(t, p) {
		t.Fatal("a used extent is gone")
	}
}

func TestAbandonedExtentGoes(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	ref := w.ref("k")
	p := w.put(t, ref, noise(5000))
	if _, left := w.passes(t); left != 1 || !w.alive(t, p) {
		t.Fatalf("collected under its writer's hands: %d left", left)
	}
	w.Release(p.Extent)
	if _, left := w.passes(t); left != 0 || w.alive(t, p) {
		t.Fatalf("an abandoned extent stays: %d left", left)
	}
	// Its writer comes back from the dead.
	err := w.commit(ref, p.Extent)
	wantKind(t, err, errs.Conflict)
	wantKind(t, w.AddRef(ctx, p.Extent, w.ref("other")), errs.NotFound)
}

func TestCollectorRevivesWhatWasCommitted(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	ref := w.ref("k")
	p := w.put(t, ref, noise(5000))
	_, err := w.MarkDying(ctx, p.Extent, ref.ID)
	must(t, err)
	wantKind(t, w.RaiseRef(ctx, p.Extent, ref.ID, w.regs.NewBallot()), errs.Conflict)
	must(t, w.commit(ref, p.Extent)) // at the named ballot, which the mark does not stop
	must(t, w.Collect(ctx, p.Extent, usesData))
	if !w.alive(t, p) {
		t.Fatal("a used extent is gone")
	}
	must(t, w.RaiseRef(ctx, p.Extent, ref.ID, w.regs.NewBallot()))
}

func TestReferencesGoOneByOne(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	first, second, failed := w.ref("a"), w.ref("b"), w.ref("c")
	p := w.put(t, first, noise(5000))
	must(t, w.commit(first, p.Extent))
	w.Settle(first.ID, p.Extent)
	must(t, w.AddRef(ctx, p.Extent, failed))
	w.Release(p.Extent)
	must(t, w.AddRef(ctx, p.Extent, second))
	must(t, w.AddRef(ctx, p.Extent, second))
	must(t, w.commit(second, p.Extent))
	w.Settle(second.ID, p.Extent) // must not take the failed one out of sight
	w.passes(t)
	st, err := w.Stat(ctx, p.Extent)
	must(t, err)
	if len(st.Refs) != 2 {
		t.Fatalf("references: %+v", st.Refs)
	}
	for _, ref := range []Ref{first, first, second} {
		if !w.alive(t, p) {
			t.Fatal("gone with a reference left")
		}
		must(t, w.DropRef(ctx, p.Extent, ref.ID))
	}
	if w.alive(t, p) {
		t.Fatal("there without a reference")
	}
	must(t, w.DropRef(ctx, p.Extent, second.ID))
}

// TestSettleIsOfOnesOwnReference: a writer that is done says nothing about a reference
// that another left behind meanwhile.
func TestSettleIsOfOnesOwnReference(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	a, b := w.ref("a"), w.ref("b")
	p := w.put(t, a, noise(5000))
	must(t, w.commit(a, p.Extent))
	must(t, w.AddRef(ctx, p.Extent, b))     // a copy begins
	must(t, w.DropRef(ctx, p.Extent, a.ID)) // a's row is overwritten
	w.Release(p.Extent)                     // the copy failed
	w.Settle(a.ID, p.Extent)
	if _, left := w.passes(t); left != 0 || w.alive(t, p) {
		t.Error("an extent that nothing uses stays")
	}
}

func TestTooManyReferences(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	p := w.put(t, w.ref("a"), noise(10))
	long := w.ref(string(make([]byte, 1024)))
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		long.ID = ident.New()
		err = w.AddRef(ctx, p.Extent, long)
	}
	wantKind(t, err, errs.TooLarge)
	if n < 100 {
		t.Errorf("only %d references fit", n)
	}
}

func TestSweep(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	ref := w.ref("k")
	keep := w.put(t, ref, noise(5000))
	must(t, w.commit(ref, keep.Extent))
	w.Settle(ref.ID, keep.Extent)
	lost := w.put(t, w.ref("l"), noise(2*FrameSize))
	w.Release(lost.Extent)
	must(t, w.disks.Delete(ctx, lost.Extent))
	stray := ident.New()
	sw, err := w.disks.Create(ctx, stray, 5)
	must(t, err)
	must(t, sw.Append([]byte("hello")))
	must(t, sw.Commit(nil))
	held := w.NewWriter(ctx, w.ref("h"), -1, nil)
	_, err = held.Write(noise(10))
	must(t, err)
	must(t, held.bytes.Append([]byte("x")))
	must(t, held.bytes.Commit(nil)) // bytes before the row

	var gone []ident.ID
	rep, err := w.Sweep(ctx, func(id ident.ID) { gone = append(gone, id) })
	must(t, err)
	if rep.Deleted != 1 || rep.Lost != 1 || len(gone) != 1 || gone[0] != lost.Extent {
		t.Errorf("%+v, lost %v", rep, gone)
	}
	_, err = w.disks.Info(ctx, stray)
	wantKind(t, err, errs.NotFound)
	_, err = w.disks.Info(ctx, held.id)
	must(t, err)
	if !w.alive(t, keep) {
		t.Error("a used extent was swept")
	}
	held.Abort()
}

// TestSweepPassesOverDamagedRows: what it cannot decide about stays, the rest is swept.
func TestSweepPassesOverDamagedRows(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	var pieces, lost []Piece
	for i := range 6 {
		p := w.put(t, w.ref("k"), noise(5000+i))
		w.Release(p.Extent)
		pieces = append(pieces, p)
	}
	for i := range 6 {
		p := w.put(t, w.ref("k"), noise(6000+i))
		w.Release(p.Extent)
		must(t, w.disks.Delete(ctx, p.Extent))
		lost = append(lost, p)
	}
	for range 6 {
		sw, err := w.disks.Create(ctx, ident.New(), 5)
		must(t, err)
		must(t, sw.Append([]byte("hello")))
		must(t, sw.Commit(nil))
	}
	w.close()
	w.spoil(pieces[0], pieces[1], lost[0], lost[1])
	w.open()
	named := map[ident.ID]bool{}
	rep, err := w.Sweep(ctx, func(id ident.ID) { named[id] = true })
	wantKind(t, err, errs.Corrupt)
	if rep.Extents != 12 || rep.Deleted != 6 || rep.Lost != 4 || len(named) != 4 || rep.Failed != 2 {
		t.Errorf("%+v, lost %v", rep, named)
	}
	for _, p := range pieces {
		_, err := w.disks.Info(ctx, p.Extent)
		must(t, err)
	}
}

// spoil makes the rows of extents unreadable while the store is closed.
func (w *world) spoil(pieces ...Piece) {
	w.t.Helper()
	rows, err := kv.Open(w.fs, w.fs.PathJoin(w.dir, "rows"), kv.Options{})
	must(w.t, err)
	b := rows.NewBatch()
	it, err := rows.Iter([]byte{'r', byte(Extents)}, []byte{'r', byte(Extents) + 1})
	must(w.t, err)
	for ok := it.First(); ok; ok = it.Next() {
		row, err := register.DecodeKey(it.Key())
		must(w.t, err)
		if slices.ContainsFunc(pieces, func(p Piece) bool { return p.Extent.Key() == row.Part }) {
			b.Set(it.Key(), []byte{1, 0})
		}
	}
	must(w.t, it.Close())
	must(w.t, b.Commit())
	must(w.t, rows.Close())
}

func TestDamageIsNeverServed(t *testing.T) {
	fs := vfs.NewCrashable()
	w := newWorld(t, fs)
	plain := noise(3 * FrameSize)
	ref := w.ref("k")
	p := w.put(t, ref, plain)
	st, err := w.Stat(ctx, p.Extent)
	must(t, err)
	f, err := fs.OpenReadWrite(fs.PathJoin(st.Place.Dir, st.Place.File), "")
	must(t, err)
	var b [1]byte
	_, err = f.ReadAt(b[:], FrameSize+FrameSize/2)
	must(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b[:], FrameSize+FrameSize/2)
	must(t, err)
	must(t, f.Close())
	got, err := w.get(p, 0, -1)
	wantKind(t, err, errs.Corrupt)
	if !bytes.Equal(got, plain[:FrameSize]) {
		t.Errorf("%d bytes came before the damage", len(got))
	}
	if _, err := w.get(p, 2*FrameSize, 10); err != nil {
		t.Errorf("a whole frame behind the damage: %v", err)
	}
	st, err = w.Stat(ctx, p.Extent)
	must(t, err)
	if len(st.Damaged) != 1 || st.Damaged[0] != 1 {
		t.Errorf("damaged frames %v", st.Damaged)
	}
}

// TestDiskThatWasAwayIsNotCollectedFrom: the rows may lack what uses its extents, and those
// that are nowhere may be on it.
func TestDiskThatWasAwayIsNotCollectedFrom(t *testing.T) {
	for _, back := range []bool{true, false} {
		w := newWorld(t, vfs.NewCrashable())
		p := w.put(t, w.ref("k"), noise(5000))
		disk := w.disks.Disks()[0]
		other := ident.New()
		if back {
			other = disk.ID
		} else {
			must(t, w.disks.Delete(ctx, p.Extent)) // as if it lay on the other
		}
		must(t, w.disks.Close())
		must(t, extentstore.Expect(w.rows, extentstore.Disk{ID: other, Dir: "/elsewhere"}))
		w.close()
		w.open()
		for range 3 {
			w.passes(t)
			_, err := w.Sweep(ctx, func(ident.ID) {})
			must(t, err)
		}
		st, err := w.Stat(ctx, p.Extent)
		must(t, err)
		if st.Missing == back {
			t.Errorf("back %v: %+v", back, st)
		}
	}
}

// TestAnExtentThatCannotBeReadEndsNoPass: what nobody uses goes, whatever lies before it.
func TestAnExtentThatCannotBeReadEndsNoPass(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	var all []Piece
	for i := range 10 {
		p := w.put(t, w.ref(fmt.Sprint("k", i)), noise(5000))
		w.Release(p.Extent)
		all = append(all, p)
	}
	must(t, w.disks.Close())
	must(t, extentstore.Expect(w.rows, extentstore.Disk{ID: ident.New(), Dir: "/elsewhere"})) // so that each is looked for
	w.close()
	rows, err := kv.Open(w.fs, w.fs.PathJoin(w.dir, "rows"), kv.Options{})
	must(t, err)
	slices.SortFunc(all, func(a, b Piece) int { return bytes.Compare(a.Extent[:], b.Extent[:]) })
	b, spoilt := rows.NewBatch(), 0
	it, err := rows.Iter(nil, nil)
	must(t, err)
	for ok := it.First(); ok; ok = it.Next() {
		if len(it.Key()) == 18 && it.Key()[1] == 'e' && bytes.HasSuffix(it.Key(), all[0].Extent[:]) {
			b.Set(it.Key(), []byte("no entry"))
			spoilt++
		}
	}
	must(t, it.Close())
	must(t, b.Commit())
	must(t, rows.Close())
	w.open()
	if spoilt != 1 {
		t.Fatalf("%d entries of the index are spoilt", spoilt)
	}
	for range 3 {
		_, _, err = w.CollectPending(ctx, usesData)
	}
	if err == nil || !strings.Contains(err.Error(), "1 pending") || !strings.Contains(err.Error(), all[0].Extent.String()) {
		t.Errorf("the one that cannot be read is not told of: %v", err)
	}
	if n := w.Progress().Undecided; n != 1 {
		t.Errorf("%d extents count as undecided, not the one that cannot be read", n)
	}
	for _, p := range all[1:] {
		if w.alive(t, p) {
			t.Errorf("extent %s stays because of another", p.Extent)
		}
	}
}

// TestInDoubtNothingIsForgone: where rows may have been lost with nodes, what no row uses
// stays, over a restart too, until that is given up.
func TestInDoubtNothingIsForgone(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	stray := ident.New()
	sw, err := w.disks.Create(ctx, stray, 5)
	must(t, err)
	must(t, sw.Append([]byte("hello")))
	must(t, sw.Commit(nil))
	abandoned := w.put(t, w.ref("k"), noise(5000))
	w.Release(abandoned.Extent)
	must(t, w.disks.Doubt(true))
	must(t, w.disks.Close())
	w.close()
	w.open()
	look := func() {
		for range 3 {
			w.passes(t)
			_, err := w.Sweep(ctx, func(ident.ID) {})
			must(t, err)
		}
	}
	look()
	for _, id := range []ident.ID{stray, abandoned.Extent} {
		_, err = w.disks.Info(ctx, id)
		must(t, err)
	}
	must(t, w.disks.Doubt(false))
	look()
	for _, id := range []ident.ID{stray, abandoned.Extent} {
		_, err = w.disks.Info(ctx, id)
		wantKind(t, err, errs.NotFound)
	}
}
