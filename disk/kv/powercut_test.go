package kv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"rhizome/base/vfs"
)

// TestPowerCutsInARow: a store that was not closed opens again, time after time,
// with everything that was committed.
func TestPowerCutsInARow(t *testing.T) {
	for seed := range uint64(20) {
		fs := vfs.NewCrashable()
		r := rand.New(rand.NewPCG(seed, 1))
		var want []string
		for round := range 5 {
			s, err := Open(fs, "/rows", Options{})
			if err != nil {
				t.Fatalf("seed %d, round %d: %v", seed, round, err)
			}
			for _, k := range want {
				if _, err := s.Get([]byte(k)); err != nil {
					t.Errorf("seed %d, round %d: %s: %v", seed, round, k, err)
				}
			}
			for i := range r.IntN(3) {
				k := fmt.Sprint(round, i)
				b := s.NewBatch()
				b.Set([]byte(k), nil)
				if err := b.Commit(); err != nil {
					t.Fatal(err)
				}
				want = append(want, k)
			}
			if r.IntN(3) == 0 {
				if err := s.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			if r.IntN(2) == 0 {
				if err := s.noter.save(fs, "/rows"); err != nil {
					t.Fatal(err)
				}
			}
			after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(r.IntN(3) * 50), RNG: r})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			fs = after
		}
	}
}
