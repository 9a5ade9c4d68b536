package object

import (
	"context"
	"math"
	"slices"
	"strings"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// Rebuild puts the rows of this package right after a row store was lost or damaged:
// what rows were saved stand already, and it makes the missing ones anew from what
// extents say of themselves, gives extents back the references that rows hold, and
// names what cannot be had. It is for a store that nobody else uses and that does no
// clean-up meanwhile.
//
// Rows decide. An extent counts for an object only where the object's row may be lost:
// one whose row is known to be gone was deleted. So an object that was deleted or
// overwritten shortly before may come back where nothing tells of that any more; it is
// among the findings then. A disk that the lost rows did not know has no such word: each
// of its extents may miss its row. What of it finds no place, and what belongs to a
// version of which extents are missing, is kept until a rebuild with more disks.
type Rebuild struct {
	Store *Store
	Disks *extentstore.Store
	// Keys are sealed bucket keys from elsewhere.
	Keys map[ident.ID][]byte
	// Known says what is known of a row that was to be saved.
	Known func(register.Row) (register.Knowledge, error)
	// Since: versions written after it (Unix milliseconds) may miss their row anywhere;
	// math.MaxInt64 if none may.
	Since int64
	// Strange reports whether the rows that were saved were made without a disk.
	Strange func(disk ident.ID) bool
	// Verify reads every byte of every extent.
	Verify bool

	names    namer
	lost     map[register.Row]Finding
	made     map[register.Row]Finding
	doubtful map[register.Row]struct{}
	bodiless []register.Row
	buckets  map[ident.ID]*Bucket
	general  []Finding
	uploads  map[ident.ID]upload1 // made anew, without an object as yet
	pieced   map[ident.ID]bool    // extents of versions that are not whole
	about    map[string]kept      // what is known of buckets, by ID
	guessed  map[ident.ID]string  // buckets made of their keys alone: the names they got
	keyless  bool
	keeping  bool
}

// Findings is what a Rebuild has to say.
type Findings struct {
	// Lost cannot be read, whole or at all; each is what was there.
	Lost []Finding `json:"lost"`
	// Made were lost and are there again.
	Made []Finding `json:"made"`
	// Doubtful are there and may be older than they were.
	Doubtful []Finding `json:"doubtful"`
	// Buckets says what became of buckets.
	Buckets []Finding `json:"buckets"`
}

// Note takes in what is known of a row while rows are written, and says whether one
// without its blob is worth keeping.
func (r *Rebuild) Note(row register.Row, v *register.Value, k register.Knowledge) (keep bool) {
	r.init()
	if row.Table != Objects && row.Table != Versions && row.Table != Parts {
		return false
	}
	switch k {
	case register.Headless:
		r.lost[row] = Finding{What: LostRow}
	case register.Doubtful:
		r.doubtful[row] = struct{}{}
	case register.Bodiless:
		sl, err := decodeRow[slot](v)
		if err != nil {
			r.lost[row] = Finding{What: LostRow, Detail: err.Error()}
			return false
		}
		if len(sl.Past.notes()) > 0 {
			r.lost[row] = Finding{What: LostInline, Detail: "with those of older versions"}
			return false
		}
		if sl.Version == nil {
			return true
		}
		if sl.Version.Where == whereInline {
			r.lost[row] = Finding{What: LostInline}
			return false
		}
		r.lost[row] = Finding{What: LostList}
		r.bodiless = append(r.bodiless, row)
		return true
	}
	return false
}

func (r *Rebuild) init() {
	if r.lost == nil {
		r.lost = map[register.Row]Finding{}
		r.made = map[register.Row]Finding{}
		r.doubtful = map[register.Row]struct{}{}
		r.buckets = map[ident.ID]*Bucket{}
		r.uploads = map[ident.ID]upload1{}
		r.pieced = map[ident.ID]bool{}
		r.about = map[string]kept{}
		r.guessed = map[ident.ID]string{}
	}
}

// Run does everything that comes after the rows were written.
func (r *Rebuild) Run(ctx context.Context) (*Findings, error) {
	r.init()
	r.names = namer{s: r.Store}
	for _, step := range []func(context.Context) error{
		r.mendBuckets, r.learn, r.mendHolders, r.fromExtents, r.mendLists, r.fromUploads, r.mendVersions, r.nameUploads, r.references, r.keep, r.dropGuessed,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return r.findings(ctx), nil
}

func (r *Rebuild) findings(ctx context.Context) *Findings {
	out := &Findings{Buckets: r.general}
	collect := func(rows map[register.Row]Finding) (fs []Finding) {
		for row, f := range rows {
			for _, named := range r.named(ctx, row) {
				f.Bucket, f.Key, f.Part = named.Bucket, named.Key, named.Part
				fs = append(fs, f)
			}
		}
		slices.SortFunc(fs, compareFindings)
		return fs
	}
	out.Lost, out.Made = collect(r.lost), collect(r.made)
	old := map[register.Row]Finding{}
	for row := range r.doubtful {
		if _, lost := r.lost[row]; !lost {
			old[row] = Finding{What: MaybeOld}
		}
	}
	out.Doubtful = collect(old)
	return out
}

// named names a row; a part by all objects that it belongs to.
func (r *Rebuild) named(ctx context.Context, row register.Row) []Finding {
	if row.Table == Parts {
		if users, err := r.Store.uploadUsers(ctx, &r.names, row); err == nil && len(users) > 0 {
			return users
		}
	}
	return []Finding{r.names.row(ctx, row)}
}

func compareFindings(a, b Finding) int {
	if c := strings.Compare(a.Bucket, b.Bucket); c != 0 {
		return c
	}
	if c := strings.Compare(a.Key, b.Key); c != 0 {
		return c
	}
	return a.Part - b.Part
}

// anyTime stands for a time that is not known: it may be after Since.
const anyTime = math.MaxInt64 - 1

// missing reports whether a row that was written at a time (Unix milliseconds) may
// have been lost.
func (r *Rebuild) missing(row register.Row, modified int64) (bool, error) {
	k, err := r.Known(row)
	return k != register.Known || modified >= r.Since && r.Since != math.MaxInt64, err
}

// bucketOf returns a bucket by ID; nil if its key is nowhere.
func (r *Rebuild) bucketOf(ctx context.Context, id ident.ID) (*Bucket, error) {
	if b, ok := r.buckets[id]; ok {
		return b, nil
	}
	v, _, err := r.Store.Registers.Read(ctx, bucketRow(id))
	if err != nil {
		return nil, err
	}
	b := &Bucket{ID: id, shards: shardCount}
	sealed := r.Keys[id]
	if v != nil {
		if rec, err := decodeRow[bucketRecord](v); err == nil && rec.Shards > 0 {
			b.shards, sealed = rec.Shards, rec.Sealed
		}
	}
	if err := r.Store.unsealBucket(b, sealed); err != nil {
		if err := r.Store.unsealBucket(b, r.Keys[id]); err != nil {
			b = nil
		}
	}
	r.buckets[id] = b
	return b, nil
}

// mendBuckets makes the rows of buckets and of their names anew where they are lost.
func (r *Rebuild) mendBuckets(ctx context.Context) error {
	names := map[ident.ID][]string{}
	err := r.Store.Local.Rows(ctx, Aliases, func(row register.Row, v *register.Value) error {
		if a, err := decodeRow[aliasRecord](v); err == nil {
			names[a.Bucket] = append(names[a.Bucket], row.Part)
		}
		return nil
	})
	if err != nil {
		return err
	}
	stranger, err := r.strangers(ctx)
	if err != nil {
		return err
	}
	for id, sealed := range r.Keys {
		if err := r.mendBucket(ctx, id, sealed, names[id], stranger); err != nil {
			return err
		}
	}
	return r.mendNames(ctx)
}

// strangers reports whether there are bytes that the rows were not compared with: they may be
// of a bucket that a former rebuild found nothing of.
func (r *Rebuild) strangers(ctx context.Context) (bool, error) {
	if slices.ContainsFunc(r.Disks.Disks(), func(d extentstore.DiskStatus) bool { return r.Strange(d.ID) }) {
		return true, nil
	}
	v, _, err := r.Store.Registers.Read(ctx, keptRow())
	return v != nil, err
}

// dropGuessed takes away the buckets that were made of their keys alone and of which nothing was
// found: a key is kept before its bucket is made, and stays when that is refused, or deleted.
func (r *Rebuild) dropGuessed(ctx context.Context) error {
	if len(r.guessed) == 0 {
		return nil
	}
	found := map[string]bool{}
	note := func(row register.Row) {
		if len(row.Part) >= len(ident.ID{}) && row.Table != Parts {
			found[row.Part[:len(ident.ID{})]] = true
		}
	}
	for _, t := range []register.Table{Objects, Versions, Uploads} {
		if err := r.Store.Local.Rows(ctx, t, func(row register.Row, _ *register.Value) error { note(row); return nil }); err != nil {
			return err
		}
	}
	for row := range r.lost {
		note(row)
	}
	for id, name := range r.guessed {
		if found[id.Key()] || slices.ContainsFunc(r.general, func(f Finding) bool { return f.Bucket == name && f.What == KeptBytes }) {
			continue
		}
		for _, row := range []register.Row{aliasRow(name), bucketRow(id)} {
			if err := r.set(ctx, row, nil); err != nil {
				return err
			}
		}
		r.general = slices.DeleteFunc(r.general, func(f Finding) bool { return f.Bucket == name && f.What == NewSettings })
	}
	return nil
}

func (r *Rebuild) mendBucket(ctx context.Context, id ident.ID, sealed []byte, names []string, stranger bool) error {
	row := bucketRow(id)
	v, _, err := r.Store.Registers.Read(ctx, row)
	if err != nil {
		return err
	}
	if v != nil {
		rec, err := decodeRow[bucketRecord](v)
		if err == nil && r.Store.unsealBucket(&Bucket{ID: id}, rec.Sealed) == nil {
			k, err := r.Known(row)
			if err != nil || k == register.Known || rec.State != bucketActive {
				return err
			}
			r.general = append(r.general, Finding{What: OldSettings, Bucket: rec.name(id.String())})
			rec.Epoch = max(rec.Epoch, r.epoch())
			return r.set(ctx, row, rec.value())
		}
	}
	if gone, err := r.missing(row, math.MinInt64); err != nil || !gone && (v != nil || !stranger) {
		return err
	}
	if err := r.Store.unsealBucket(&Bucket{ID: id}, sealed); err != nil {
		r.general = append(r.general, Finding{What: LostKey, Bucket: id.String(), Detail: err.Error()})
		return nil
	}
	if len(names) == 0 {
		names = []string{"recovered-" + id.String()[:12]}
		r.guessed[id] = names[0]
	}
	rec := &bucketRecord{Created: r.Store.now(), Names: names, Grants: map[string]Access{}, Sealed: sealed, Shards: shardCount, Epoch: r.epoch()}
	r.general = append(r.general, Finding{What: NewSettings, Bucket: names[0]})
	return r.set(ctx, row, rec.value())
}

// epoch returns one above every fence that may have been saved: an epoch grows by one at a
// time, and this is a time.
func (r *Rebuild) epoch() uint64 { return uint64(max(r.Store.now(), 1)) }

// mendNames makes lost rows of names anew from the buckets that they name.
func (r *Rebuild) mendNames(ctx context.Context) error {
	wanted := map[string]ident.ID{}
	err := r.Store.Local.Rows(ctx, Buckets, func(row register.Row, v *register.Value) error {
		id, err := ident.FromKey(row.Sort)
		rec, derr := decodeRow[bucketRecord](v)
		if err != nil || derr != nil || rec.State == bucketGone || rec.State == bucketNew {
			return nil
		}
		for _, n := range rec.Names {
			wanted[n] = id
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name, id := range wanted {
		v, _, err := r.Store.Registers.Read(ctx, aliasRow(name))
		if err != nil {
			return err
		}
		if v != nil {
			continue
		}
		if err := r.set(ctx, aliasRow(name), &register.Value{Data: codec.Encode(aliasRecord{id}), Count: 1}); err != nil {
			return err
		}
	}
	return nil
}

// set writes a row whatever is there.
func (r *Rebuild) set(ctx context.Context, row register.Row, v *register.Value) error {
	_, err := r.Store.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(*register.Value) (*register.Value, error) {
		return v, nil
	}})
	return err
}

// versions calls f for every version that stands in a row of a table.
func (r *Rebuild) versions(ctx context.Context, t register.Table, f func(register.Row, *version) error) error {
	return r.Store.Local.Rows(ctx, t, func(row register.Row, v *register.Value) error {
		sl, err := decodeRow[slot](v)
		if err != nil {
			r.lost[row] = Finding{What: LostRow, Detail: err.Error()}
			return nil
		}
		for _, n := range sl.Past.notes() {
			if n.Version != nil {
				if err := f(row, n.Version); err != nil {
					return err
				}
			}
		}
		if sl.Version == nil || sl.Past != nil && sl.Past.Mirror { // which stands in a row of its own
			return nil
		}
		return f(row, sl.Version)
	})
}
