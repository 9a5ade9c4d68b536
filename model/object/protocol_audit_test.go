package object_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/model/object"
)

var tables = []register.Table{object.Buckets, object.Aliases, object.Objects, object.Versions, object.Uploads, object.Parts, extent.Extents}

// rowsHeld returns every row of which some replica holds a value.
func (r *run) rowsHeld(also ...register.Table) []register.Row {
	var out []register.Row
	for _, t := range append(slices.Clone(tables), also...) {
		seen := map[register.Row]bool{}
		for _, rep := range r.w.reps {
			r.w.check(rep.Rows(context.Background(), t, func(row register.Row, _ *register.Value) error {
				if !seen[row] {
					seen[row] = true
					out = append(out, row)
				}
				return nil
			}))
		}
	}
	return out
}

// audit is everything stored, as reads see it.
type audit struct {
	r      *run
	s      *side
	ctx    context.Context
	facts  map[register.Row]object.Facts
	values map[register.Row]*register.Value
	used   map[ident.ID]string // extents, by what uses them
}

func (r *run) audit(ctx context.Context, s *side) error {
	a := &audit{r, s, ctx, map[register.Row]object.Facts{}, map[register.Row]*register.Value{}, map[ident.ID]string{}}
	for _, row := range r.rowsHeld() {
		v, _, err := s.store.Read(ctx, row)
		if err != nil {
			return fmt.Errorf("reading %s: %w", rowName(row), err)
		}
		if v == nil {
			continue
		}
		a.values[row] = v
		if a.facts[row], err = object.FactsOf(row, v); err != nil {
			return err
		}
	}
	for _, f := range []func() error{a.buckets, a.objects, a.versions, a.uploads, a.parts, a.extents, a.bytes, a.lists} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (a *audit) each(t register.Table, f func(register.Row, object.Facts) error) error {
	for row, facts := range a.facts {
		if row.Table == t {
			if err := f(row, facts); err != nil {
				return fmt.Errorf("%s: %w", rowName(row), err)
			}
		}
	}
	return nil
}

func (a *audit) bucketOf(part string) bool {
	for row := range a.facts {
		if row.Table == object.Buckets && row.Sort == part[:len(ident.ID{})] {
			return true
		}
	}
	return false
}

func (a *audit) buckets() error {
	return errors.Join(
		a.each(object.Buckets, func(_ register.Row, f object.Facts) error {
			if f.State != "active" {
				return fmt.Errorf("a bucket is left in state %s", f.State)
			}
			return nil
		}),
		a.each(object.Aliases, func(row register.Row, _ object.Facts) error {
			_, err := a.s.objects.Bucket(a.ctx, row.Part, nil)
			if err != nil {
				return fmt.Errorf("a name that leads nowhere: %w", err)
			}
			return nil
		}))
}

func (a *audit) use(f object.Facts, by register.Row) {
	for _, id := range append(slices.Clone(f.Extents), f.Pieces...) {
		a.used[id] = rowName(by)
	}
}

// objects checks that every version reads back whole.
func (a *audit) objects() error {
	return a.each(object.Objects, func(row register.Row, f object.Facts) error {
		if f.Drops > 0 || f.Version.IsZero() {
			return fmt.Errorf("%d drops are left, %d notes, a gap: %v", f.Drops, f.Notes, f.Gap)
		}
		if f.Notes > 0 {
			return fmt.Errorf("%d notes are left", f.Notes)
		}
		if err := a.mirror(row, f); err != nil || f.Marker {
			return err
		}
		if !a.bucketOf(row.Part) {
			return errors.New("an object of no bucket")
		}
		a.use(f, row)
		if f.Holder != nil {
			if h, ok := a.facts[*f.Holder]; !ok || h.State != "done" || !slices.Contains(h.Refs, f.Version) {
				return fmt.Errorf("its upload does not hold it: %+v", h)
			}
		}
		id, _ := ident.FromKey(row.Part[:len(ident.ID{})])
		b, err := a.s.objects.BucketByID(a.ctx, id)
		if err != nil {
			return err
		}
		_, err = a.r.readWhole(a.ctx, a.s, b, row.Sort, "")
		return err
	})
}

// versions checks that every version with a row of its own reads back whole, and that its
// references name that row.
func (a *audit) versions() error {
	return a.each(object.Versions, func(row register.Row, f object.Facts) error {
		top, ok := a.facts[f.Object]
		if !ok || f.Version.IsZero() || f.Number == 0 || f.Number > top.Number {
			return fmt.Errorf("a version of no object: %+v %+v", f, top)
		}
		if f.Marker {
			return nil
		}
		if f.Number == top.Number && !top.Mirror {
			return errors.New("a version stands in two rows, and one does not know")
		}
		a.use(f, row)
		if f.Holder != nil {
			if h, ok := a.facts[*f.Holder]; !ok || h.State != "done" || !slices.Contains(h.Refs, f.Version) {
				return fmt.Errorf("its upload does not hold it: %+v", h)
			}
		}
		for _, e := range f.Extents {
			refs, err := a.s.extents.Refs(a.ctx, e)
			if err != nil || !slices.ContainsFunc(refs, func(r extent.Ref) bool { return r.ID == f.Version && r.Row == row }) {
				return fmt.Errorf("no reference names it: %v %w", refs, err)
			}
		}
		id, _ := ident.FromKey(row.Part[:len(ident.ID{})])
		b, err := a.s.objects.BucketByID(a.ctx, id)
		if err != nil {
			return err
		}
		_, err = a.r.readWhole(a.ctx, a.s, b, f.Object.Sort, f.Name)
		return err
	})
}

// mirror checks that a current version which is said to have a row of its own has one.
func (a *audit) mirror(row register.Row, f object.Facts) error {
	if !f.Mirror {
		return nil
	}
	for _, v := range a.facts {
		if v.Object == row && v.Version == f.Version {
			return nil
		}
	}
	return errors.New("the current version has no row of its own")
}

// readWhole reads an object and compares its bytes with what was written under its
// ETag.
func (r *run) readWhole(ctx context.Context, s *side, b *object.Bucket, key, version string) (etag string, err error) {
	o, err := s.objects.Get(ctx, b, object.Get{Key: key, Version: version})
	if err != nil {
		return "", err
	}
	defer o.Body.Close()
	got, err := io.ReadAll(o.Body)
	if err != nil {
		return o.ETag, fmt.Errorf("dangling: the bytes of %q, %s, cannot be read: %w", key, o.ETag, err)
	}
	if !bytes.Equal(got, content(o.ETag)) {
		return o.ETag, fmt.Errorf("dangling: the bytes of %q are not those of %s", key, o.ETag)
	}
	return o.ETag, nil
}

func (a *audit) uploads() error {
	return a.each(object.Uploads, func(row register.Row, f object.Facts) error {
		if !a.bucketOf(row.Part) && f.State == "open" {
			return errors.New("an upload of no bucket")
		}
		if f.State != "open" && f.State != "done" || f.State == "done" && len(f.Refs) == 0 {
			return fmt.Errorf("an upload is left in state %s with %d references", f.State, len(f.Refs))
		}
		for _, id := range f.Refs {
			found := false
			for _, o := range a.facts {
				found = found || o.Version == id && o.Holder != nil && *o.Holder == row
			}
			if !found {
				return errors.New("an upload has a reference of nothing")
			}
		}
		return nil
	})
}

func (a *audit) parts() error {
	return a.each(object.Parts, func(row register.Row, f object.Facts) error {
		var up *object.Facts
		var list []int
		for urow, u := range a.facts {
			if urow.Table == object.Uploads && u.Upload.Key() == row.Part {
				up = &u
				for _, o := range a.facts {
					if o.Holder != nil && *o.Holder == urow {
						list = o.Parts
					}
				}
			}
		}
		number := int(row.Sort[0])<<8 | int(row.Sort[1])
		switch {
		case up == nil:
			return errors.New("a part of no upload")
		case f.Drops > 0 || f.Version.IsZero():
			return fmt.Errorf("%d drops are left in a part", f.Drops)
		case up.State == "done" && !slices.Contains(list, number):
			return fmt.Errorf("part %d is in no object", number)
		}
		a.use(f, row)
		return nil
	})
}

func (a *audit) extents() error {
	err := a.each(extent.Extents, func(row register.Row, _ object.Facts) error {
		id, _ := ident.FromKey(row.Part)
		if a.used[id] == "" {
			return errors.New("leak: an extent that nothing uses")
		}
		st, err := a.s.extents.Stat(a.ctx, id)
		if err != nil {
			return err
		}
		for _, ref := range st.Refs {
			if ref.Dying || !object.Uses(ref.Row, a.values[ref.Row], ref, id) {
				return fmt.Errorf("leak: a reference of nothing, named for %s", rowName(ref.Row))
			}
		}
		return nil
	})
	for id, by := range a.used {
		if a.values[extent.Row(id)] == nil {
			return errors.Join(err, fmt.Errorf("dangling: %s uses an extent that was dropped", by))
		}
	}
	return err
}

func (a *audit) bytes() error {
	rep, err := a.s.extents.Sweep(a.ctx, func(id ident.ID) { a.r.fail("lost: the bytes of an extent used by %s", a.used[id]) })
	if err != nil {
		return err
	}
	a.r.swept += rep.Deleted
	return a.r.w.disks.Each(a.ctx, func(i extentstore.Info) error {
		if a.values[extent.Row(i.ID)] == nil {
			return errs.New(errs.Internal, "leak: bytes without a row")
		}
		return nil
	})
}

// lists checks that the work lists are empty.
func (a *audit) lists() error {
	for i, rep := range a.r.w.reps {
		for _, t := range tables {
			rows, err := rep.Pending(a.ctx, t, nil, 1)
			if err != nil || len(rows) > 0 {
				return fmt.Errorf("the work list of replica %d is not empty: %v %w", i, rows, err)
			}
		}
	}
	return nil
}
