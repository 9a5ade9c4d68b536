package main

import (
	"path/filepath"

	"rhizome/bench/load"
	"rhizome/bench/report"
	"rhizome/bench/store"
)

// expire measures a store of which lifecycle rules have so many objects go beside one that
// deletes nothing.
func expire(program, folder, asJSON string, due int, plan load.HomesPlan) error {
	var r report.Expiring
	err := within(place{under: folder}, &r.Head, func(dir string) (err error) {
		var sides [2]*store.Homes
		for i, name := range []string{"quiet", "sweeping"} {
			sides[i] = &store.Homes{Bin: program, Dir: filepath.Join(dir, name)}
			defer sides[i].Kill()
			if err := sides[i].Up(1); err != nil {
				return err
			}
		}
		r.Store, err = load.Expire(sides[0].All[0], sides[1].All[0], due, plan)
		return err
	})
	if err != nil {
		return err
	}
	return write(&r, asJSON)
}
