package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

func openForHot(t *testing.T) *Store {
	t.Helper()
	s, err := Open(vfs.NewCrashable(), "rows", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestHotValuesNeverGoBack: readers of keys that one writer counts up, lazily and durably,
// see numbers that never fall and never trail what the writer was told.
func TestHotValuesNeverGoBack(t *testing.T) {
	s := openForHot(t)
	const keys, rounds, readers = 5, 2000, 4
	var told [keys]struct {
		sync.Mutex
		n uint64
	}
	name := func(k int) []byte { return fmt.Appendf(nil, "rkey%d", k) }
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for r := range readers {
		wg.Go(func() {
			var seen [keys]uint64
			for i := r; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				k := i % keys
				told[k].Lock()
				least := max(told[k].n, seen[k])
				told[k].Unlock()
				v, err := s.Get(name(k))
				if errs.KindOf(err) == errs.NotFound && least == 0 {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if seen[k] = binary.BigEndian.Uint64(v); seen[k] < least {
					t.Errorf("key %d reads %d after %d", k, seen[k], least)
					return
				}
			}
		})
	}
	for i := uint64(1); i <= rounds; i++ {
		k := int(i % keys)
		b := s.NewBatch()
		b.Set(name(k), binary.BigEndian.AppendUint64(nil, i))
		commit := b.CommitLazily
		if i%100 == 0 {
			commit = b.Commit
		}
		if err := commit(); err != nil {
			t.Fatal(err)
		}
		told[k].Lock()
		told[k].n = i
		told[k].Unlock()
	}
	close(stop)
	wg.Wait()
}

// TestHotValuesEnd: what a batch deletes, alone or in a range, is not found any more.
func TestHotValuesEnd(t *testing.T) {
	s := openForHot(t)
	set := func(do func(*Batch)) {
		b := s.NewBatch()
		do(b)
		if err := b.CommitLazily(); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"ra", "rb", "rc"}
	set(func(b *Batch) {
		for _, n := range names {
			b.Set([]byte(n), []byte("v"))
		}
	})
	for _, n := range names {
		for range 2 {
			if v, err := s.Get([]byte(n)); err != nil || string(v) != "v" {
				t.Fatalf("%s reads %q, %v", n, v, err)
			}
		}
	}
	if _, _, ok := s.hot.get([]byte("ra")); !ok {
		t.Fatal("a value that was read is not kept")
	}
	set(func(b *Batch) { b.Delete([]byte("ra")) })
	set(func(b *Batch) { b.DeleteRange([]byte("rb"), []byte("rd")) })
	for _, n := range names {
		if v, err := s.Get([]byte(n)); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%s reads %q, %v after it was deleted", n, v, err)
		}
	}
}

// TestHotValuesAreBounded: a shard never keeps more than its share.
func TestHotValuesAreBounded(t *testing.T) {
	s := openForHot(t)
	value := make([]byte, hotValue)
	for i := range 4 * hotShards * hotBytes / hotValue {
		s.hot.keep(fmt.Appendf(nil, "r%d", i), value, 0)
	}
	kept := 0
	for i := range s.hot.shards {
		sh := &s.hot.shards[i]
		kept += len(sh.values)
		real := 0
		for k, v := range sh.values {
			real += hotOverhead + len(k) + len(v)
		}
		if sh.bytes > hotBytes || sh.bytes != real {
			t.Errorf("shard %d keeps %d bytes and counts %d, at most %d are right", i, real, sh.bytes, hotBytes)
		}
	}
	if kept < hotShards*hotBytes/hotValue/2 {
		t.Errorf("only %d values are kept", kept)
	}
}

// TestRestGivesBackAndForgetsNothing: what was kept to answer sooner is read anew.
func TestRestGivesBackAndForgetsNothing(t *testing.T) {
	s := openForHot(t)
	value := bytes.Repeat([]byte("rhizome "), 100)
	for i := range 1000 {
		if err := s.Set(fmt.Appendf(nil, "k%d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		for i := range 1000 {
			if v, found, err := s.Find(fmt.Appendf(nil, "k%d", i)); err != nil || !found || !bytes.Equal(v, value) {
				t.Fatal(i, len(v), found, err)
			}
		}
	}
	read()
	if s.cache.cache.Size() < 100<<10 {
		t.Fatal("nothing was kept:", s.cache.cache.Size())
	}
	s.Rest()
	if n := s.cache.cache.Size(); n != 0 {
		t.Error("kept in blocks:", n)
	}
	for i := range s.hot.shards {
		if n := s.hot.shards[i].bytes; n != 0 {
			t.Error("kept in rows:", n)
		}
	}
	read()
	if s.cache.cache.Size() == 0 {
		t.Error("nothing is kept any more")
	}
}
