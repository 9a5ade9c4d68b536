package kv

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// hoard is a store of count blobs, of which most are deleted or replaced.
func hoard(t *testing.T, o Options, size, count int) *Store {
	t.Helper()
	s, err := Open(vfs.NewCrashable(), "rows", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	chance := rand.NewChaCha8([32]byte{byte(size)})
	put := func(i int) {
		value := make([]byte, size)
		_, _ = chance.Read(value)
		lazily(t, s, func(b *Batch) { b.Set(blobName(i), value) })
	}
	for i := range count {
		put(i)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		switch {
		case i%50 == 0:
			continue
		case i%50 == 1:
			put(i)
		default:
			lazily(t, s, func(b *Batch) { b.Delete(blobName(i)) })
		}
		s.Wasted(int64(size))
	}
	return s
}

func blobName(i int) []byte { return fmt.Appendf(nil, "b%06d", i) }

func lazily(t *testing.T, s *Store, do func(*Batch)) {
	t.Helper()
	b := s.NewBatch()
	do(b)
	if err := b.CommitLazily(); err != nil {
		t.Fatal(err)
	}
}

// shrinks waits until the files of a store, logs left out, have at most so many bytes.
func shrinks(t *testing.T, s *Store, most int64) {
	t.Helper()
	end, tick := time.NewTimer(time.Minute), time.NewTicker(5*time.Millisecond)
	defer end.Stop()
	defer tick.Stop()
	for {
		have := s.filesBytes()
		if have <= most {
			return
		}
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("the files have %d bytes still, not %d", have, most)
		}
	}
}

// TestRoomOfDeletedValuesComesBack: a while after deletions, and at once when room is wanted.
func TestRoomOfDeletedValuesComesBack(t *testing.T) {
	for _, size := range []int{700, 4000, 15_000} {
		count := 12 << 20 / size
		live := int64(12<<20) / 25
		t.Run(fmt.Sprint(size, " calm"), func(t *testing.T) {
			s := hoard(t, Options{ReclaimAfter: time.Millisecond}, size, count)
			shrinks(t, s, 2*live)
			wellRead(t, s, count)
		})
		t.Run(fmt.Sprint(size, " tight"), func(t *testing.T) {
			s := hoard(t, Options{ReclaimAfter: time.Hour}, size, count)
			s.Squeeze()
			shrinks(t, s, 2*live)
			wellRead(t, s, count)
			if s.worthReclaiming(true) || s.worthReclaiming(false) {
				t.Error("it would be written anew for nothing")
			}
		})
	}
}

// TestWhatWasDeletedBeforeAKill comes back after the next start.
func TestWhatWasDeletedBeforeAKill(t *testing.T) {
	s := hoard(t, Options{ReclaimAfter: time.Hour}, 4000, 2000)
	if err := s.Set([]byte("r"), nil); err != nil { // what was committed lazily is durable with it
		t.Fatal(err)
	}
	fs := s.fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	again, err := Open(fs, "rows", Options{ReclaimAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	shrinks(t, again, 2*2000*4000/25)
	wellRead(t, again, 2000)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestRoomOfWipedRangesComesBack though nobody says how much they held.
func TestRoomOfWipedRangesComesBack(t *testing.T) {
	for _, tight := range []bool{false, true} {
		o := Options{ReclaimAfter: time.Millisecond}
		if tight {
			o.ReclaimAfter = time.Hour
		}
		s, err := Open(vfs.NewCrashable(), "rows", o)
		if err != nil {
			t.Fatal(err)
		}
		const size, count = 4000, 5000
		chance := rand.NewChaCha8([32]byte{1})
		for i := range count {
			value := make([]byte, size)
			_, _ = chance.Read(value)
			lazily(t, s, func(b *Batch) { b.Set(blobName(i), value) })
		}
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		lazily(t, s, func(b *Batch) { b.DeleteRange(blobName(count/10), blobName(count)) })
		if tight {
			s.Squeeze()
		}
		shrinks(t, s, size*count/5)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func wellRead(t *testing.T, s *Store, count int) {
	t.Helper()
	for i := range count {
		if _, found, err := s.Find(blobName(i)); err != nil || found != (i%50 < 2) {
			t.Fatalf("blob %d: %v, %v", i, found, err)
		}
	}
}

// TestAStoreWithoutGarbageIsLeftAlone, whoever wants room.
func TestAStoreWithoutGarbageIsLeftAlone(t *testing.T) {
	s := hoard(t, Options{ReclaimAfter: time.Hour}, 4000, 0)
	for s.reclaimer.wasted.Load() < enoughCalm { // what its start counts
		runtime.Gosched()
	}
	for i := range 500 {
		lazily(t, s, func(b *Batch) { b.Set(blobName(i), make([]byte, 4000)) })
	}
	if err := s.reclaim(true, tightGarbage); err != nil {
		t.Fatal(err)
	}
	if s.worthReclaiming(true) || s.worthReclaiming(false) {
		t.Error("it is written anew again")
	}
	s.Wasted(enoughTight - 1)
	if s.worthReclaiming(true) {
		t.Error("a little garbage is enough")
	}
	s.Wasted(1)
	if !s.worthReclaiming(true) || s.worthReclaiming(false) {
		t.Error("worth it when room is wanted, and only then")
	}
	s.Wasted(enoughCalm)
	if !s.worthReclaiming(false) {
		t.Error("a megabyte of two is not worth it")
	}
}

// TestReclaimingStandsDamage: what is damaged is told, the rest can still be read, and the
// process goes on.
func TestReclaimingStandsDamage(t *testing.T) {
	fs := vfs.NewCrashable()
	s, err := Open(fs, "rows", Options{ReclaimAfter: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	chance := rand.NewChaCha8([32]byte{1})
	const count = 400
	for i := range count {
		value := make([]byte, 4000)
		_, _ = chance.Read(value)
		lazily(t, s, func(b *Batch) { b.Set(blobName(i), value) })
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("rows")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".blob") {
			spoil(t, fs, "rows/"+name, 300_000)
		}
	}
	if s, err = Open(fs, "rows", Options{ReclaimAfter: time.Hour}); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		if i%2 == 1 {
			lazily(t, s, func(b *Batch) { b.Delete(blobName(i)) })
		}
	}
	if err := s.reclaim(true, tightGarbage); !errors.Is(err, errs.Corrupt) {
		t.Errorf("a damaged file of values was written anew: %v", err)
	}
	if err := s.View().Close(); err != nil {
		t.Fatal(err)
	}
	bad := 0
	for i := 0; i < count; i += 2 {
		if _, err := s.Get(blobName(i)); err != nil {
			bad++
		}
	}
	if bad == 0 || bad > 20 {
		t.Errorf("%d values cannot be read", bad)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// spoil changes a byte of a file.
func spoil(t *testing.T, fs vfs.FS, path string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.Unspecified)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSmallFilesComeTogether: each memtable leaves a file of which one value stays in use.
func TestSmallFilesComeTogether(t *testing.T) {
	s, err := Open(vfs.NewCrashable(), "rows", Options{ReclaimAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	const stays = 3 * scatteredFiles
	value := make([]byte, 8<<10)
	round := func(i int) {
		lazily(t, s, func(b *Batch) {
			for k := range 40 {
				b.Set(fmt.Appendf(nil, "b-often-%d", k), value)
			}
			b.Set(blobName(i*7919%stays), value) // over all of the order
		})
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		s.Wasted(40 * int64(len(value)))
	}
	for i := range stays {
		round(i)
	}
	end, tick := time.NewTimer(time.Minute), time.NewTicker(5*time.Millisecond)
	defer end.Stop()
	defer tick.Stop()
	for i := stays; s.db.Metrics().BlobFiles.LiveCount > scatteredFiles; i++ {
		select {
		case <-tick.C:
			round(i)
		case <-end.C:
			t.Fatalf("%d values lie in %d files", stays+40, s.db.Metrics().BlobFiles.LiveCount)
		}
	}
	for i := range stays {
		if got, err := s.Get(blobName(i)); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("value %d: %d bytes, %v", i, len(got), err)
		}
	}
}
