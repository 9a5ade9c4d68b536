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

// parts says what is measured beyond the comparison.
type parts struct {
	objects  int           // stored to see what they take; 0: nothing is stored
	rest     time.Duration // for which homes are left alone
	copied   int64         // bytes that are stored before one more home joins; 0: none does
	sizeOnly bool          // nothing is compared
}

// compare measures a store of one home beside one of several.
func compare(program, folder, asJSON string, homes int, parts parts, plan load.HomesPlan) (err error) {
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
	if parts.objects > 0 {
		if r.Size, err = load.Sizes(several, parts.objects, parts.rest, plan); err != nil {
			return err
		}
	}
	if !parts.sizeOnly {
		if r.Phases, err = load.Homes(one.All[0], several.All, plan); err != nil {
			return err
		}
	}
	if parts.copied > 0 {
		if r.Copying, err = load.Beside(several, parts.copied, plan); err != nil {
			return err
		}
	}
	if r.After, err = limits.Measure(dir, time.Second, limits.Sequential); err != nil {
		return err
	}
	return write(r, asJSON)
}
