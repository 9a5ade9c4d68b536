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

// compare measures a store of one home beside one of several.
func compare(program, folder, asJSON string, homes int, plan load.HomesPlan) error {
	dir, err := os.MkdirTemp(folder, "rhizome-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &report.Homes{When: now(), Machine: machine(), Homes: homes}
	if r.Before, err = limits.Measure(dir, time.Second, limits.Sequential); err != nil {
		return err
	}
	one := &store.Homes{Bin: program, Dir: filepath.Join(dir, "one")}
	defer one.Kill()
	several := &store.Homes{Bin: program, Dir: filepath.Join(dir, "several")}
	defer several.Kill()
	if err := one.Up(1); err != nil {
		return err
	}
	if err := several.Up(homes); err != nil {
		return err
	}
	if r.Phases, err = load.Homes(one.All[0], several.All, plan); err != nil {
		return err
	}
	if r.After, err = limits.Measure(dir, time.Second, limits.Sequential); err != nil {
		return err
	}
	return write(r, asJSON)
}
