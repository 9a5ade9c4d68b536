package main

import (
	"path/filepath"

	"rhizome/bench/load"
	"rhizome/bench/report"
	"rhizome/bench/store"
)

// grow measures a bucket with plan.Keys objects, then with many.
func grow(program, folder, asJSON string, many int, plan load.Plan) error {
	var r report.Grown
	err := within(folder, &r.Head, func(dir string) (err error) {
		home := &store.Homes{Bin: program, Dir: filepath.Join(dir, "one")}
		defer home.Kill()
		if err := home.Up(1); err != nil {
			return err
		}
		r.Bucket, err = load.Grow(home.All[0], plan.Keys, many, plan)
		return err
	})
	if err != nil {
		return err
	}
	return write(&r, asJSON)
}
