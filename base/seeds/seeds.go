// Package seeds says which seeds the tests of random histories play, so that all are told
// in one way: RHIZOME_SEED=N plays the history of a seed that a failure printed,
// RHIZOME_SOAK plays many more than usual, and the race detector a fifth.
package seeds

import (
	"iter"
	"os"
	"strconv"
	"testing"
)

// Long reports whether tests are to take hours.
func Long() bool { return os.Getenv("RHIZOME_SOAK") != "" }

// Of returns the seeds that a test plays: 1 to usual, or to soak if it may take long.
func Of(t testing.TB, usual, soak uint64) iter.Seq[uint64] {
	t.Helper()
	first, last := uint64(1), usual
	switch text := os.Getenv("RHIZOME_SEED"); {
	case text != "":
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("RHIZOME_SEED is no seed: %v", err)
		}
		first, last = seed, seed
	case Long():
		last = soak
	case raced:
		last = (usual + 4) / 5
	}
	return func(yield func(uint64) bool) {
		for seed := first; seed <= last && yield(seed); seed++ {
		}
	}
}
