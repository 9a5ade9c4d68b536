package repair

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/keyring"
	"rhizome/disk/kv"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Rebuild makes the row store anew and puts the damaged one aside. Until it has ended
// the damaged store stays where it is, and a rebuild that is cut short is begun again.
// The report is kept in the data folder too.
func Rebuild(ctx context.Context, o Options) (*Report, error) {
	r := &rebuild{Options: o, report: &Report{Time: o.Clock.Now().UTC().Truncate(time.Second)}}
	for r.named() {
		r.report.Time = r.report.Time.Add(time.Second)
	}
	for _, step := range []func(context.Context) error{r.begin, r.collect, r.write, r.readable, r.worthwhile, r.checkOwners, r.mend, r.swap} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, r.close())
		}
	}
	return r.report, nil
}

// rebuild is one run.
type rebuild struct {
	others int // nodes that the rhizome had beside this one
	Options
	report  *Report
	newer   int    // rows and layouts that only a newer release knows
	source  string // the damaged store's folder
	begun   bool   // by an earlier run that did not end
	gather  *register.Gather
	damage  *kv.Damage
	scratch *kv.Store
	rows    *kv.Store
	disks   []extentstore.Disk
	known   map[ident.ID]knownDisk // what the damaged rows say
	layout  *layout.Layout
	keys    map[ident.ID][]byte
	objects object.Rebuild
}

// named reports whether another run has this one's name, within the same second.
func (r *rebuild) named() bool {
	stamp := r.report.Time.Format(fileTime)
	for _, name := range []string{damagedDir + stamp, "repair-" + stamp + ".json"} {
		if _, err := r.FS.Stat(r.at(name)); err == nil {
			return true
		}
	}
	return false
}

// knownDisk says whether rows were made with what a disk holds, and how late that was
// written.
type knownDisk struct {
	seq      uint64
	compared bool
}

func (r *rebuild) close() (err error) {
	for _, s := range []*kv.Store{r.scratch, r.rows} {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}
	r.scratch, r.rows = nil, nil
	return err
}

func (r *rebuild) begin(context.Context) error {
	if err := r.checkNamed(); err != nil {
		return err
	}
	r.findSource()
	for _, dir := range []string{newDir, scratchDir} {
		if err := r.FS.RemoveAll(r.at(dir)); err != nil {
			return errs.Newf(errs.Unavailable, "what an earlier rebuild left cannot be removed: %w", err)
		}
	}
	_, err := r.FS.Stat(r.at(pendingFile))
	r.begun = err == nil
	if err := writeDurably(r.FS, r.Data, pendingFile, []byte("a rebuild of the rows is at work\n")); err != nil {
		return err
	}
	r.scratch, err = kv.Open(r.FS, r.at(scratchDir), kv.Options{Logger: r.Logger})
	r.gather = register.NewGather(r.scratch)
	return err
}

// findSource finds the damaged store: in its place, or where a rebuild that was cut
// short had put it.
func (r *rebuild) findSource() {
	r.source = r.at(rowsDir)
	if names, err := r.FS.List(r.source); err == nil && len(names) > 0 {
		return
	}
	if _, err := r.FS.Stat(r.at(pendingFile)); err != nil {
		return
	}
	names, _ := r.FS.List(r.Data)
	slices.Sort(names)
	for _, name := range names {
		if strings.HasPrefix(name, damagedDir) {
			r.source = r.at(name)
		}
	}
}

// collect reads everything that rows are made of.
func (r *rebuild) collect(ctx context.Context) (err error) {
	r.disks = []extentstore.Disk{{Dir: r.at(diskDir)}}
	for _, dir := range r.Disks {
		r.addDisk(extentstore.Disk{Dir: dir})
	}
	r.known = map[ident.ID]knownDisk{}
	r.gather.Others = func(f kv.Found) {
		d, compared, ok := extentstore.SalvagedDisk(f.Key, f.Value)
		if !ok || f.Deleted {
			return
		}
		r.addDisk(d)
		if k, twice := r.known[d.ID]; !twice || k.seq <= f.Seq {
			r.known[d.ID] = knownDisk{f.Seq, compared}
		}
	}
	if r.damage, err = r.gather.Salvage(ctx, r.FS, r.source); err != nil {
		return err
	}
	r.report.damage(r.damage)
	var raw []byte
	r.keys, raw = keyring.Read(r.FS, r.sources()...)
	r.takeLayout(raw)
	return r.snapshots(ctx)
}

// readable ends a rebuild that met what only a newer release knows, as when a release was taken
// back: it would take such rows for damaged ones and write over them.
func (r *rebuild) readable(context.Context) error {
	if r.newer == 0 {
		return nil
	}
	if err := r.undo(); err != nil {
		return err
	}
	return errs.Newf(errs.Conflict, "%d of the rows were written by a newer release than this program, which would lose them: nothing was changed. Run rhizome repair rebuild of that release", r.newer)
}

// worthwhile ends a rebuild that found nothing of the rhizome: no row, where a node has
// a member's at least, and no bucket's key, without which extents cannot be read. What
// there was stays as it is.
func (r *rebuild) worthwhile(context.Context) error {
	found := r.report.Rows > 0 || len(r.keys) > 0
	if found && (r.others == 0 || r.Alone) {
		return nil
	}
	if err := r.undo(); err != nil {
		return err
	}
	if found {
		return errs.New(errs.Conflict, "this node is one of several, and the others have everything that it had: nothing was changed. Move the data folder away, join again with an invitation of another home, and take the old node out there with rhizome node remove --lost. Only if all others are lost for good, use --alone")
	}
	if len(r.Disks) == 0 {
		return errs.Newf(errs.NotFound, "nothing was found of which the rows of %s could be made, and nothing was changed. Disks that were added to the lost node hold copies: name each with --disk DIR. Had it the one disk alone, snapshots and keyring of its data folder belong with it", r.Data)
	}
	return errs.Newf(errs.NotFound, "nothing was found of which the rows of %s could be made, and nothing was changed: the disks named hold neither snapshot nor keyring. Name the others too, or put a backup of the data folder back", r.Data)
}

// undo takes the mark of this run back; what there was is as it was.
func (r *rebuild) undo() error {
	if err := r.close(); err != nil || r.begun {
		return err
	}
	if err := r.FS.Remove(r.at(pendingFile)); err != nil {
		return errs.Newf(errs.Unavailable, "the mark of a rebuild cannot be removed: %w", err)
	}
	for _, dir := range []string{newDir, scratchDir} { // a left-over is removed by the next rebuild
		_ = r.FS.RemoveAll(r.at(dir))
	}
	return nil
}

// takeLayout takes the newest layout.
func (r *rebuild) takeLayout(raw []byte) {
	l := new(layout.Layout)
	if codec.Newer(raw) {
		r.newer++
	}
	if len(raw) == 0 || codec.Decode(raw, l) != nil || l.Validate() != nil {
		return
	}
	if r.layout == nil || r.layout.Version < l.Version {
		r.layout = l
	}
}

func (r *rebuild) snapshots(ctx context.Context) error {
	var dirs []string
	for _, dir := range r.sources() {
		dirs = append(dirs, r.FS.PathJoin(dir, SnapshotsDir))
	}
	files, err := register.Snapshots(r.FS, dirs...)
	if err != nil {
		r.Logger.Warn("snapshots could not be looked for everywhere", "error", err)
	}
	for _, f := range files {
		s := Snapshot{Path: f.Path, Time: f.Time}
		d, err := r.gather.Snapshot(ctx, r.FS, f.Path, func(h *register.SnapshotHeader) {
			s.Blobs = h.Blobs
			r.takeLayout(h.Layout)
			for id, sealed := range h.Keys {
				if id, err := ident.FromKey(id); err == nil && r.keys[id] == nil {
					r.keys[id] = sealed
				}
			}
		})
		if ctx.Err() != nil {
			return err
		}
		if s.Damaged = d.Blocks; d.Cut || err != nil {
			s.Damaged++
		}
		r.report.Snapshots = append(r.report.Snapshots, s)
	}
	return nil
}

// write makes the new store.
func (r *rebuild) write(ctx context.Context) (err error) {
	r.rows, err = kv.Open(r.FS, r.at(newDir), kv.Options{Logger: r.Logger})
	if err != nil {
		return err
	}
	err = r.gather.Write(ctx, r.rows, func(row register.Row, v *register.Value, k register.Knowledge) (bool, error) {
		if v != nil {
			r.report.Rows++
			if k == register.Saved { // a row that a snapshot knows to be gone is none
				r.report.Saved++
			}
			if codec.Newer(v.Data) {
				r.newer++
			}
		}
		return r.objects.Note(row, v, k), nil
	})
	if err != nil {
		return err
	}
	lineage, version := ident.New(), uint64(1)
	if r.layout != nil {
		r.others = len(r.layout.Nodes) - 1
		lineage, version = r.layout.Lineage, r.layout.Version+1
	} else {
		r.report.NewLineage = true
	}
	r.layout = layout.Single(lineage, layout.Node{ID: r.Node, Zone: r.Home, Capacity: r.Capacity})
	r.layout.Version = version
	return r.SaveLayout(r.rows, r.layout)
}

// mend stands the node's floors up on the new store, on which nothing else works, and
// has the rows of objects put right.
func (r *rebuild) mend(ctx context.Context) (err error) {
	replica, err := register.OpenReplica(r.rows, r.Node, register.ReplicaOptions{})
	if err != nil {
		return err
	}
	regs := register.NewCoordinator(register.Config{Node: r.Node, Local: replica, Clock: r.Clock,
		Layout: func() *layout.Layout { return r.layout },
		Peer:   func(ident.NodeID) (register.Peer, error) { return replica, nil }})
	defer regs.Close()
	disks, err := r.openDisks()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disks.Close()) }()
	extents, err := extent.New(regs, replica, disks, r.Logger)
	if err != nil {
		return err
	}
	ring, err := keyring.Open(r.FS, func(dir string, err error) {
		r.Logger.Warn("the keyring's copy on a disk cannot be written", "disk", dir, "error", err)
	}, r.folders()...)
	if err != nil {
		return err
	}
	for id, sealed := range r.keys {
		if err := ring.Keep(id, sealed); err != nil {
			return err
		}
	}
	if err := ring.KeepLayout(codec.Encode(r.layout)); err != nil {
		return err
	}
	r.objects.Store = object.New(object.Config{Registers: regs, Local: replica, Extents: extents,
		Accounts: account.New(regs, r.Root, r.Clock), Root: r.Root, Keyring: ring, Clock: r.Clock, Logger: r.Logger})
	r.objects.Disks, r.objects.Keys, r.objects.Known, r.objects.Verify = disks, r.keys, r.gather.Known, r.Verify
	r.objects.Strange = func(disk ident.ID) bool { return !r.known[disk].compared }
	r.objects.Since = math.MaxInt64
	if r.damage.Log {
		r.objects.Since = max(r.damage.LogSince.Add(-time.Minute).UnixMilli(), 0)
	}
	found, err := r.objects.Run(ctx)
	if err == nil {
		r.report.Findings = *found
	}
	return err
}

// swap puts the new store in the place of the old one. The order matters to a rebuild
// that is cut short: as long as the mark is there, the node does not start and another
// rebuild begins from the damaged store, wherever that is.
func (r *rebuild) swap(context.Context) error {
	if err := r.close(); err != nil {
		return err
	}
	aside := r.source
	if names, err := r.FS.List(r.source); err != nil || len(names) == 0 {
		aside = ""
	} else if r.source == r.at(rowsDir) {
		aside = r.at(damagedDir + r.report.Time.Format(fileTime))
	}
	r.report.Aside = aside
	if err := r.report.save(r.FS, r.Data); err != nil {
		return err
	}
	if err := r.Adopt(); err != nil {
		return err
	}
	if aside != "" && aside != r.source {
		if err := r.FS.Rename(r.source, aside); err != nil {
			return errs.Newf(errs.Unavailable, "the damaged rows cannot be put aside: %w", err)
		}
	} else if err := r.FS.RemoveAll(r.at(rowsDir)); err != nil { // it is empty
		return errs.Newf(errs.Unavailable, "the empty folder of rows cannot be removed: %w", err)
	}
	if err := r.FS.Rename(r.at(newDir), r.at(rowsDir)); err != nil {
		return errs.Newf(errs.Unavailable, "the new rows cannot be put in their place: %w", err)
	}
	if err := syncDir(r.FS, r.Data); err != nil {
		return err
	}
	for _, mark := range []string{restoredFile, pendingFile} {
		if err := r.FS.Remove(r.at(mark)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return errs.Newf(errs.Unavailable, "the mark of a rebuild cannot be removed: %w", err)
		}
	}
	_ = r.FS.RemoveAll(r.at(scratchDir)) // a left-over is removed by the next rebuild
	return syncDir(r.FS, r.Data)
}
