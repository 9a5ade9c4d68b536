package kv

import (
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
)

// View is one moment's view of a store. It holds back the removal of what it sees:
// Close it soon. It may hold commits that are not durable yet: see Store.Barrier.
type View struct{ snap *pebble.Snapshot }

// View returns a view of the present moment.
func (s *Store) View() *View { return &View{s.db.NewSnapshot()} }

// Iter is Store.Iter for the view's moment.
func (v *View) Iter(from, to []byte) (*Iter, error) {
	it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, translate(err)
	}
	return &Iter{it}, nil
}

// Close releases the view; its iterators are closed before.
func (v *View) Close() error { return translate(v.snap.Close()) }

// Changes returns how many commits set or deleted a key of that first byte since the
// store was opened.
func (s *Store) Changes(first byte) uint64 { return s.changes[first].Load() }

// touched is a set of first bytes.
type touched [4]uint64

func (t *touched) add(key []byte) {
	if len(key) > 0 {
		t[key[0]>>6] |= 1 << (key[0] & 63)
	}
}

func (s *Store) count(t *touched) {
	for i, word := range t {
		for ; word != 0; word &= word - 1 {
			s.changes[i<<6|bits.TrailingZeros64(word)].Add(1)
		}
	}
	if s.cache.count() {
		s.fit()
	}
}
