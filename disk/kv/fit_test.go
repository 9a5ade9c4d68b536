package kv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"rhizome/base/vfs"
)

// TestCacheGrowsWithTheStore: the cache follows the tables between its bounds, and says so.
func TestCacheGrowsWithTheStore(t *testing.T) {
	const mib = 1 << 20
	var told []int64
	f := newFitted(Options{CacheBytes: 32 * mib, MaxCacheBytes: 100 * mib, CacheSized: func(n int64) { told = append(told, n/mib) }})
	defer f.cache.Unref()
	for _, tables := range []int64{0, 100 * mib, 325 * mib, 400 * mib, 439 * mib, 5000 * mib, 10 * mib} {
		f.fit(tables)
	}
	if got, want := fmt.Sprint(told), "[40 100 32]"; got != want {
		t.Errorf("told %s MiB, want %s", got, want)
	}
}

// TestCommitsFitTheCache: a store that grows while it is open has its cache grown.
func TestCommitsFitTheCache(t *testing.T) {
	var told int64
	s, err := Open(vfs.NewCrashable(), "rows", Options{
		CacheBytes: 1 << 20, MaxCacheBytes: 9 << 20, MemTableBytes: 1 << 20, CacheSized: func(n int64) { told = n },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	random := rand.NewChaCha8([32]byte{1})
	value := make([]byte, 10<<10)
	for i := range 2 * fitEvery {
		_, _ = random.Read(value)
		b := s.NewBatch()
		b.Set(fmt.Appendf(nil, "r%d", i), value)
		if err := b.CommitLazily(); err != nil {
			t.Fatal(err)
		}
	}
	if told < 4<<20 {
		t.Errorf("the cache was told to be %d bytes", told)
	}
	s.Rest()
	if n := s.cache.cache.Size(); n != 0 {
		t.Error("kept after rest:", n)
	}
}

// TestAStoreOfOneSizeStaysSo: without room to grow nothing is set aside.
func TestAStoreOfOneSizeStaysSo(t *testing.T) {
	f := newFitted(Options{CacheBytes: 32 << 20})
	defer f.cache.Unref()
	f.fit(1 << 40)
	if f.size != 32<<20 || f.cache.MaxSize() != 32<<20 || f.count() {
		t.Error("it grew to", f.size)
	}
}
