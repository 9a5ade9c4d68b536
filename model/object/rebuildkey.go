package object

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// The rule of a rebuild where a bucket keeps versions: none is replaced by another. What is
// made anew gets a row in Versions, under a number that says where it stands among the others
// by its time; whatever else the object's row held stays, or moves to a row of its own as
// well. Which is the current version follows from the numbers: mendPast.

// state is what rows say of an object and its versions.
type state struct {
	top    register.Row
	e      *entry
	own    map[uint64]*version // in rows of their own; one that cannot be read is empty
	closed bool                // the bucket is deleted
	gone   register.Ballot     // that of the object's row if it holds nothing
}

// objectRowOf names the object's row that a row is, or belongs to.
func objectRowOf(row register.Row) register.Row {
	if top, ok := objectOf(row); ok && row.Table == Versions {
		return top
	}
	return row
}

// look reads what rows say of an object.
func (r *Rebuild) look(ctx context.Context, top register.Row) (*state, error) {
	k := &state{top: top, own: map[uint64]*version{}}
	v, ballot, err := r.Store.Registers.Read(ctx, top)
	if isFenced(err) {
		k.closed = true
		return k, nil
	}
	if err != nil {
		return nil, err
	}
	if v == nil {
		k.gone = ballot
	}
	if k.e, err = takeApart(v); err != nil {
		k.e = &entry{} // it is among the findings
	}
	scan := register.Scan{Table: Versions, Parts: []string{top.Part}, Prefix: escapeKey(top.Sort) + keyEnd, Limit: MaxListEntries}
	for {
		p, err := r.Store.Registers.Scan(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, at := range p.Entries {
			key, number, ok := splitVersion(at.Row.Sort)
			if !ok || key != top.Sort {
				continue
			}
			sl, err := decodeRow[slot](at.Value)
			if err != nil || sl.Version == nil {
				sl = &slot{Version: &version{}}
			}
			k.own[number] = sl.Version
		}
		if !p.More {
			return k, nil
		}
		scan.After = p.After
	}
}

// each calls f for every version that stands, with its number, but for what is deleted; a
// mirror comes twice.
func (k *state) each(f func(number uint64, v *version)) {
	for n, v := range k.own {
		if !k.e.Past.removes(n, v.ID) {
			f(n, v)
		}
	}
	for _, n := range k.e.Past.notes() {
		if _, there := k.own[n.Number]; n.Version != nil && (there || !n.Again) {
			f(n.Number, n.Version)
		}
	}
	if v := k.e.Version; v != nil {
		f(max(v.Number, numberBefore), v)
	}
}

func (k *state) stands(id ident.ID) (is bool) {
	k.each(func(_ uint64, v *version) { is = is || v.ID == id })
	return is
}

// null reports whether there is a null version.
func (k *state) null() (is bool) {
	k.each(func(_ uint64, v *version) { is = is || !v.ID.IsZero() && v.null() })
	return is
}

// nullAt reports whether a noncurrent version of that number is the null version.
func (k *state) nullAt(number uint64) (is bool) {
	k.each(func(n uint64, v *version) { is = is || n == number && v != k.e.Version && !v.ID.IsZero() && v.null() })
	return is
}

// deleted reports whether rows tell that a version was deleted after it was written.
func (k *state) deleted(id ident.ID, modified int64) bool {
	for _, n := range k.e.Past.notes() {
		if n.Do == taskRemove && n.ID == id {
			return true
		}
	}
	return laterThan(k.gone, modified)
}

// laterThan reports whether a tombstone's ballot is later than a time in Unix milliseconds.
func laterThan(b register.Ballot, modified int64) bool {
	return modified >= 0 && !b.IsZero() && b.Round >= uint64(modified)*1000
}

// free reports whether no version has a number.
func (k *state) free(number uint64) bool {
	_, there := k.own[number]
	return !there && k.e.Past.findNote(number) < 0 && (k.e.Version == nil || max(k.e.Version.Number, numberBefore) != number)
}

// findNote is find for a past that may be nil.
func (p *past) findNote(number uint64) int {
	if p == nil {
		return -1
	}
	return p.find(number)
}

// numberFor returns a free number for a version that was written at a time: its time if that
// is right among those that stand, 0 if there is none.
func (k *state) numberFor(modified int64) uint64 {
	above, below := ^uint64(0), uint64(numberBefore) // of those that are later, and not
	k.each(func(n uint64, v *version) {
		// Of two of the same time the one with the higher number came later.
		if !v.ID.IsZero() && (v.Modified > modified || v.Modified == modified && n > uint64(max(modified, firstNumber))) {
			above = min(above, n)
		}
	})
	k.each(func(n uint64, v *version) {
		if n < above {
			below = max(below, n)
		}
	})
	n := uint64(max(modified, firstNumber))
	if n <= below || n >= above {
		n = below + 1
	}
	for ; n < above; n++ {
		if k.free(n) {
			return n
		}
	}
	for n = above - 1; n > numberBefore; n-- { // not in its order, but there
		if k.free(n) {
			return n
		}
	}
	return 0
}

// reviveVersions makes rows of what is left of an object's versions.
func (r *Rebuild) reviveVersions(ctx context.Context, top register.Row, all []*remnant) error {
	k, err := r.look(ctx, top)
	if err != nil || k.closed {
		return err
	}
	for _, m := range all {
		if k.stands(m.version) || k.deleted(m.version, m.about.Modified) {
			continue
		}
		if m.row.Table == Versions {
			gone, err := r.removed(ctx, m.row, m.about.Modified)
			if err != nil {
				return err
			}
			if gone {
				continue
			}
		}
		at := m.row
		if at == top { // of several versions each is named
			at = versionRow(top, uint64(max(m.about.Modified, firstNumber)))
		}
		c, err := r.candidate(ctx, m, at)
		if err == nil && c != nil {
			err = r.placeVersion(ctx, k, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removed reports whether a version's own row was deleted after the version was written.
func (r *Rebuild) removed(ctx context.Context, own register.Row, modified int64) (bool, error) {
	v, ballot, err := r.Store.Registers.Read(ctx, own)
	if isFenced(err) {
		return true, nil
	}
	return err == nil && v == nil && laterThan(ballot, modified), err
}

// placeVersion gives a version that no row has a row of its own. One that finds no place is
// kept.
func (r *Rebuild) placeVersion(ctx context.Context, k *state, c *candidate) error {
	v := &c.d.version
	_, n, exact := splitVersion(c.d.row.Sort)
	if exact = exact && c.d.row.Table == Versions; !exact || !k.free(n) && !k.again(n, v.ID) {
		n = k.numberFor(v.Modified)
	}
	if n == 0 {
		for _, id := range v.Extents {
			r.pieced[id] = true
		}
		return nil
	}
	c.d.row, v.Number = versionRow(k.top, n), n
	v.Null = c.keep != VersioningOn && !exact && !k.null()
	if r.about[k.top.Part[:len(ident.ID{})]].locked && v.Lock.Hold != HoldOn {
		v.Lock.Hold, c.what = HoldOn, HeldAnew
	}
	if c.list != nil {
		if err := r.Store.setList(ctx, c.d, c.list, c.say); err != nil {
			return err
		}
	}
	if err := r.set(ctx, c.d.row, versionValue(v, c.d.blob)); err != nil {
		return err
	}
	k.own[n] = v
	r.there(c.d, c.what)
	return nil
}

// again reports whether a note is about that very version, which is to have its row there.
func (k *state) again(number uint64, id ident.ID) bool {
	_, there := k.own[number]
	i := k.e.Past.findNote(number)
	return !there && i >= 0 && k.e.Past.Notes[i].Again && k.e.Past.Notes[i].ID == id
}

// displace gives the current version a row of its own, if it has none, and leaves a gap.
func (r *Rebuild) displace(ctx context.Context, k *state) error {
	v := *k.e.Version
	n := max(v.Number, numberBefore)
	if own := k.own[n]; own == nil || own.ID != v.ID {
		if v.Number == 0 {
			v.Null = true
		}
		if own != nil { // another has its number
			k.e.Version = nil
			n, v.Null = k.numberFor(v.Modified), false
		}
		if n == 0 {
			for _, id := range v.Extents {
				r.pieced[id] = true
			}
			r.general = append(r.general, Finding{What: NoPlace, Bucket: r.names.row(ctx, k.top).Bucket, Key: k.top.Sort})
		} else {
			v.Number = n
			if err := r.set(ctx, versionRow(k.top, n), versionValue(&v, k.e.blob)); err != nil {
				return err
			}
			k.own[n] = &v
		}
	}
	k.e.Version, k.e.blob = nil, nil
	k.e.openGap()
	return nil
}

// mendPast has an object's row agree with the versions that have rows of their own: it knows
// of them, and the newest of all is the current one, or a gap leaves that to be found.
func (r *Rebuild) mendPast(ctx context.Context, top register.Row) error {
	k, err := r.look(ctx, top)
	if err != nil || k.closed {
		return err
	}
	was, _ := k.e.value()
	e := k.e
	if e.Past == nil {
		if len(k.own) == 0 {
			return nil
		}
		e.Past = &past{}
	}
	r.mendNotes(k)
	newest, null, locked := uint64(0), uint64(0), false
	k.each(func(n uint64, v *version) {
		locked = locked || v.Lock != (Lock{})
		if e.Version != nil && v.ID == e.Version.ID {
			return
		}
		newest = max(newest, n)
		if v.null() && !v.ID.IsZero() {
			null = max(null, n)
		}
	})
	p := e.Past
	p.Mirror = e.Version != nil && k.mirrors()
	switch {
	case e.Version != nil && newest > e.Version.Number || e.Version != nil && k.clash():
		p.Mirror = false
		if err := r.displace(ctx, k); err != nil {
			return err
		}
	case e.Version == nil && len(p.Gap) == 0 && newest > 0:
		e.openGap()
	}
	if e.Version == nil && r.made[versionRow(top, newest)].What != "" {
		delete(r.lost, top) // the newest is there again
		delete(r.doubtful, top)
	}
	k.each(func(n uint64, v *version) {
		p.Number = max(p.Number, n)
		if e.Version == nil && v.null() && !v.ID.IsZero() {
			null = max(null, n)
		}
	})
	p.Older, p.Locked = p.Older || len(k.own) > 0, p.Locked || locked
	if !k.nullAt(p.Null) {
		if p.Null = null; e.Version != nil && e.Version.null() {
			p.Null = 0
		}
	}
	return r.writePast(ctx, top, e, was)
}

// writePast writes an object's row if it is not what it was.
func (r *Rebuild) writePast(ctx context.Context, top register.Row, e *entry, was *register.Value) error {
	v, err := e.value()
	if v == nil && was == nil && err == nil {
		return nil
	}
	if errors.Is(err, errCrowded) {
		return errs.Newf(errs.Internal, "the row of %q has no room: %w", top.Sort, err)
	}
	if err != nil || was != nil && v != nil && string(was.Data) == string(v.Data) && string(was.Blob) == string(v.Blob) {
		return err
	}
	e.Past.turned() // whoever looked at its versions before is to look again
	if v, err = e.value(); err != nil {
		return err
	}
	return r.set(ctx, top, v)
}

// mirrors reports whether the current version has a row of its own too.
func (k *state) mirrors() bool {
	own := k.own[k.e.Version.Number]
	return own != nil && own.ID == k.e.Version.ID
}

// clash reports whether another version has the current one's number.
func (k *state) clash() bool {
	own := k.own[max(k.e.Version.Number, numberBefore)]
	return own != nil && own.ID != k.e.Version.ID
}

// mendNotes has notes that count on a version's own row do without it if it is lost.
func (r *Rebuild) mendNotes(k *state) {
	for i := 0; i < len(k.e.Past.notes()); i++ {
		n := &k.e.Past.Notes[i]
		if _, there := k.own[n.Number]; there || !n.Again || n.Version == nil {
			continue
		}
		if n.Version.Where == whereEmpty || n.Version.Where == whereHere {
			n.Again = false // it needs no blob
			continue
		}
		r.lost[versionRow(k.top, n.Number)] = Finding{What: LostRow}
		for _, id := range n.Version.Extents {
			r.pieced[id] = true
		}
		k.e.strike(i)
		i--
	}
}
