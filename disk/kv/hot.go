package kv

import (
	"hash/maphash"
	"math/bits"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

const (
	hotShards = 64
	// hotBytes bounds what one shard keeps, hotValue one value: rows that every request
	// reads are small, and long ones cost more to copy than to find.
	hotBytes = 64 << 10
	hotValue = 2 << 10
	// hotOverhead is about what an entry takes beside its bytes.
	hotOverhead = 100
)

// hot keeps small values that were read lately, so that rows which every request reads
// are found without a walk through the levels of the tree. What it holds is always what
// the tree would say: a batch takes its keys out before it applies, and what was read
// from the tree while a batch of the same shard was under way is not kept.
type hot struct {
	seed   maphash.Seed
	shards [hotShards]hotShard
}

type hotShard struct {
	mu      sync.Mutex
	values  map[string][]byte
	bytes   int
	writers int    // batches under way
	epoch   uint64 // batches that ended
}

func newHot() *hot {
	h := &hot{seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].values = make(map[string][]byte)
	}
	return h
}

func (h *hot) index(key []byte) int { return int(maphash.Bytes(h.seed, key) % hotShards) }

// get returns a copy of key's value. If it is not here, epoch says when that was, for
// keep.
func (h *hot) get(key []byte) (value []byte, epoch uint64, ok bool) {
	s := &h.shards[h.index(key)]
	s.mu.Lock()
	v, ok := s.values[string(key)]
	epoch = s.epoch
	s.mu.Unlock()
	if !ok {
		return nil, epoch, false
	}
	return append([]byte(nil), v...), epoch, true
}

// keep remembers what the tree said after get had returned epoch.
func (h *hot) keep(key, value []byte, epoch uint64) {
	if len(value) > hotValue {
		return
	}
	s := &h.shards[h.index(key)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writers > 0 || s.epoch != epoch {
		return
	}
	s.drop(key)
	for k := range s.values { // in random order
		if s.bytes+hotOverhead+len(key)+len(value) <= hotBytes {
			break
		}
		s.drop([]byte(k))
	}
	s.values[string(key)] = append([]byte(nil), value...)
	s.bytes += hotOverhead + len(key) + len(value)
}

func (s *hotShard) drop(key []byte) {
	if v, ok := s.values[string(key)]; ok {
		s.bytes -= hotOverhead + len(key) + len(v)
		delete(s.values, string(key))
	}
}

// begin takes the keys of a batch out until end, which needs what it returns.
func (h *hot) begin(b *pebble.Batch) (held uint64) {
	for r := b.Reader(); ; {
		kind, key, _, ok, err := r.Next()
		if !ok || err != nil {
			return held // what cannot be read is not applied either
		}
		if kind == pebble.InternalKeyKindRangeDelete {
			return h.beginAll(held)
		}
		i := h.index(key)
		s := &h.shards[i]
		s.mu.Lock()
		if held&(1<<i) == 0 {
			held |= 1 << i
			s.writers++
		}
		s.drop(key)
		s.mu.Unlock()
	}
}

// beginAll takes everything out.
func (h *hot) beginAll(held uint64) uint64 {
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		if held&(1<<i) == 0 {
			s.writers++
		}
		clear(s.values)
		s.bytes = 0
		s.mu.Unlock()
	}
	return ^uint64(0)
}

// clear gives back what is kept.
func (h *hot) clear() {
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		s.values, s.bytes = make(map[string][]byte), 0
		s.mu.Unlock()
	}
}

// end lets the shards that a batch held keep values again.
func (h *hot) end(held uint64) {
	for ; held != 0; held &= held - 1 {
		s := &h.shards[bits.TrailingZeros64(held)]
		s.mu.Lock()
		s.writers--
		s.epoch++
		s.mu.Unlock()
	}
}
