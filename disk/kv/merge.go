package kv

import (
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// counters is the merge operator: it adds 64-bit big-endian numbers. Its name is
// stored on disk and never changes.
var counters = &pebble.Merger{
	Name: "rhizome.counter",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		n, err := parseCounter(value)
		return &sum{n}, err
	},
}

type sum struct{ n int64 }

func (s *sum) add(value []byte) error {
	n, err := parseCounter(value)
	s.n += n
	return err
}

func (s *sum) MergeNewer(value []byte) error { return s.add(value) }
func (s *sum) MergeOlder(value []byte) error { return s.add(value) }
func (s *sum) Finish(bool) ([]byte, io.Closer, error) {
	return counter(s.n), nil, nil
}
