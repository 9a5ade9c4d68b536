package kv

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// cacheShare is how many bytes of tables one byte of the cache stands for: with so
	// much, the indexes and filters of all tables fit beside the memtables, whose room
	// Pebble takes out of the cache, and what it costs to find that a key is not there does
	// not grow with the store.
	cacheShare = 10
	// fitEvery is how many commits lie between two looks at the store's size, fitStep the
	// bytes that the cache grows by.
	fitEvery = 1 << 12
	fitStep  = 4 << 20
)

// fitted is the block cache, which is as large as the store's tables call for. Pebble's
// has one size; what is not wanted of it is set aside and holds nothing.
type fitted struct {
	cache      *pebble.Cache
	least, top int64
	told       func(bytes int64)

	commits atomic.Uint32

	mu    sync.Mutex
	size  int64
	aside func() // gives back what is set aside
}

func newFitted(o Options) *fitted {
	f := &fitted{least: o.CacheBytes, top: max(o.CacheBytes, o.MaxCacheBytes), told: o.CacheSized}
	f.cache = pebble.NewCache(f.top)
	f.size = f.least
	f.aside = f.cache.Reserve(int(f.top - f.least))
	return f
}

// count notes a commit, and reports whether it is time to look at the store's size.
func (f *fitted) count() bool { return f.top > f.least && f.commits.Add(1)%fitEvery == 0 }

// fit makes the cache as large as tables of so many bytes call for.
func (f *fitted) fit(tables int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	want := min(max(tables/cacheShare/fitStep*fitStep, f.least), f.top)
	if want == f.size {
		return
	}
	f.aside()
	f.size = want
	f.aside = f.cache.Reserve(int(f.top - want))
	if f.told != nil {
		f.told(want)
	}
}

// rest drops what the cache holds.
func (f *fitted) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	release := f.cache.Reserve(int(f.size)) // what is set aside holds no blocks
	release()
}

// fit makes the cache fit the tables.
func (s *Store) fit() {
	var tables int64
	for _, l := range s.db.Metrics().Levels {
		tables += l.TablesSize
	}
	s.cache.fit(tables)
}
