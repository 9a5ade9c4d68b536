package repair

import (
	"context"
	"errors"
	"os"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
	"rhizome/disk/keyring"
)

// checkNamed refuses a folder that a person named as a disk and that is none: a disk that
// is not mounted would count as lost, and what is on it as well.
func (r *rebuild) checkNamed() error {
	for _, dir := range r.Disks {
		if !r.holdsDisk(dir) {
			return errs.Newf(errs.NotFound, "%s holds nothing of a node's disk: mount the disk, or name the folder on it that was given to rhizome disk add", dir)
		}
	}
	return nil
}

// holdsDisk reports whether a folder was a node's disk or holds copies from one.
func (r *rebuild) holdsDisk(dir string) bool {
	for _, name := range []string{"disk", "extents", "segments", keyring.Name, SnapshotsDir} {
		if _, err := r.FS.Stat(r.FS.PathJoin(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// addDisk adds a disk once.
func (r *rebuild) addDisk(d extentstore.Disk) {
	for i := range r.disks {
		if r.disks[i].Dir == d.Dir {
			r.disks[i].Capacity = d.Capacity
			return
		}
	}
	r.disks = append(r.disks, d)
}

// folders are the places that the node keeps its keyring and snapshots in.
func (r *rebuild) folders() []string {
	out := []string{r.Data}
	for _, d := range r.disks[1:] {
		out = append(out, d.Dir)
	}
	return out
}

// sources are the places where keyring and snapshots may lie: the disk in the data folder
// too, where a disk from elsewhere may have been put.
func (r *rebuild) sources() []string { return append(r.folders(), r.at(diskDir)) }

// foreign reports whether a disk folder is another rhizome's. The disk of the data folder
// never counts as one.
func (r *rebuild) foreign(d extentstore.Disk, owner extentstore.Owner) bool {
	return d.Dir != r.at(diskDir) && owner.Rhizome != r.layout.Lineage && !r.report.NewLineage
}

// checkOwners ends a rebuild to which a person named a disk of another rhizome, and leaves
// out a disk that was named by two paths.
func (r *rebuild) checkOwners(context.Context) error {
	at := map[ident.ID]int{}
	var disks []extentstore.Disk
	for _, d := range r.disks {
		id, owner, err := extentstore.OwnerOf(r.FS, d.Dir)
		if err == nil && r.foreign(d, owner) && slices.Contains(r.Disks, d.Dir) {
			if err := r.undo(); err != nil {
				return err
			}
			return errs.Newf(errs.Conflict, "%s is a disk of another rhizome, %s. If it was this computer's before the data folder was lost, restore that rhizome's recovery kit into a new folder first (rhizome recovery-kit restore FILE --data FOLDER), and rebuild there; else leave it out", d.Dir, owner.Rhizome)
		}
		if i, twice := at[id]; err == nil && twice {
			disks[i].Capacity = max(disks[i].Capacity, d.Capacity)
			continue
		}
		if err == nil {
			at[id] = len(disks)
		}
		disks = append(disks, d)
	}
	r.disks = disks
	return nil
}

// openDisks opens the disks with a new index. Those that are away are expected back,
// unless they are there under another path. The disk of the data folder is made if there
// is no other.
func (r *rebuild) openDisks() (*extentstore.Store, error) {
	owner := extentstore.Owner{Rhizome: r.layout.Lineage, Node: r.Node}
	var there, away []extentstore.Disk
	for _, d := range r.disks {
		if err := extentstore.MendIdentity(r.FS, d.Dir, d.ID, owner); err != nil {
			return nil, err
		}
		_, was, err := extentstore.OwnerOf(r.FS, d.Dir)
		foreign := err == nil && r.foreign(d, was)
		switch {
		case err == nil && !foreign:
			there = append(there, extentstore.Disk{Dir: d.Dir, Capacity: d.Capacity})
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return nil, errs.Newf(errs.Unavailable, "the disk %s cannot be looked at: %w", d.Dir, err)
		case d.Dir != r.at(diskDir): // not mounted, or another rhizome's is in its place
			away = append(away, d)
		}
	}
	if len(there) == 0 {
		dir := r.at(diskDir)
		if err := r.FS.MkdirAll(dir, 0o700); err != nil {
			return nil, errs.Newf(errs.Unavailable, "the folder %s cannot be made: %w", dir, err)
		}
		there = []extentstore.Disk{{Dir: dir}}
	}
	store, err := extentstore.Open(r.FS, r.rows, there, extentstore.Options{Capacity: r.Capacity, Logger: r.Logger,
		Owner: owner, Adopt: true})
	if err != nil {
		return nil, err
	}
	if err := r.expect(store, away); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// expect makes the new rows know the disks that are away.
func (r *rebuild) expect(store *extentstore.Store, away []extentstore.Disk) error {
	there := map[ident.ID]bool{}
	for _, d := range store.Disks() {
		there[d.ID] = true
	}
	for _, d := range away {
		if there[d.ID] {
			continue // mounted elsewhere now
		}
		r.report.Absent = append(r.report.Absent, d.Dir)
		if d.ID.IsZero() {
			continue
		}
		if err := extentstore.Expect(r.rows, d); err != nil {
			return err
		}
	}
	return nil
}
