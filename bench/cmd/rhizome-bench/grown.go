package main

import (
	"os"
	"path/filepath"
	"time"

	"rhizome/bench/limits"
	"rhizome/bench/load"
	"rhizome/bench/report"
	"rhizome/bench/store"
)

// grow measures a bucket with plan.Keys objects, then with many.
func grow(program, folder, asJSON string, many int, plan load.Plan) error {
	dir, err := os.MkdirTemp(folder, "rhizome-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &report.Grown{When: now(), Machine: machine()}
	if r.Before, err = limits.Measure(dir, time.Second, limits.Sequential); err != nil {
		return err
	}
	home := &store.Homes{Bin: program, Dir: filepath.Join(dir, "one")}
	defer home.Kill()
	if err := home.Up(1); err != nil {
		return err
	}
	if r.Bucket, err = load.Grow(home.All[0], plan.Keys, many, plan); err != nil {
		return err
	}
	if r.After, err = limits.Measure(dir, time.Second, limits.Sequential); err != nil {
		return err
	}
	return write(r, asJSON)
}
