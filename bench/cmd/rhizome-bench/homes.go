package main

import (
	"path/filepath"
	"time"

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
func compare(program, folder, asJSON string, homes int, parts parts, plan load.HomesPlan) error {
	r := &report.Homes{Homes: homes}
	err := within(place{under: folder}, &r.Head, func(dir string) error { return sides(r, dir, program, parts, plan) })
	if err != nil {
		return err
	}
	return write(r, asJSON)
}

func sides(r *report.Homes, dir, program string, parts parts, plan load.HomesPlan) (err error) {
	one := &store.Homes{Bin: program, Dir: filepath.Join(dir, "one")}
	defer one.Kill()
	several := &store.Homes{Bin: program, Dir: filepath.Join(dir, "several")}
	defer several.Kill()
	if err := one.Up(1); err != nil {
		return err
	}
	if err := several.Up(r.Homes); err != nil {
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
		r.Copying, err = load.Beside(several, parts.copied, plan)
	}
	return err
}
