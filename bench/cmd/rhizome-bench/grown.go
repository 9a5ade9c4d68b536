package main

import (
	"os"
	"path/filepath"
	"time"

	"rhizome/bench/load"
	"rhizome/bench/report"
	"rhizome/bench/store"
)

// grow measures a bucket with plan.Keys objects beside one with many. Both stores are left
// alone for rest after the first PUTs.
func grow(program string, where place, asJSON string, many int, rest time.Duration, plan load.HomesPlan) error {
	var r report.Grown
	err := within(where, &r.Head, func(dir string) (err error) {
		if err := os.RemoveAll(filepath.Join(dir, "few")); err != nil { // quickly made, and no larger than it says
			return err
		}
		var sides [2]*store.Homes
		for i, name := range []string{"few", "many"} {
			sides[i] = &store.Homes{Bin: program, Dir: filepath.Join(dir, name)}
			defer sides[i].Kill()
			if err := sides[i].Up(1); err != nil {
				return err
			}
		}
		r.Bucket, err = load.Grow(sides[0].All[0], sides[1].All[0], [2]int{plan.Keys, many}, rest, plan)
		return err
	})
	if err != nil {
		return err
	}
	return write(&r, asJSON)
}
