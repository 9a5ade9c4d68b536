package object

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// remnant is a version of which extents are left and no row.
type remnant struct {
	version ident.ID
	row     register.Row
	about   content // of any of its extents
	last    *content
	pieces  map[int]extent.Piece
	foreign bool // its pieces are runs of another's extents, and which is not known
	strange bool // one of them is on a strange disk
	lost    bool // the row that its references name may be lost
	own     bool // a row of its own, of which no reference tells, may be
}

// fromExtents makes lost rows of parts and objects anew.
func (r *Rebuild) fromExtents(ctx context.Context) error {
	found := map[ident.ID]*remnant{}
	err := r.Disks.Each(ctx, func(i extentstore.Info) error { return r.consider(ctx, i, found) })
	if err != nil {
		return err
	}
	objects := map[register.Row][]*remnant{}
	for _, m := range found {
		if m.row.Table != Parts {
			top := objectRowOf(m.row)
			objects[top] = append(objects[top], m)
			r.evident(top, kept{versions: m.row.Table == Versions || m.about.Keep != VersioningOff, locked: m.about.Lock != (Lock{})})
			continue
		}
		if err := r.revive(ctx, m); err != nil {
			return err
		}
	}
	for top, all := range objects {
		// The newest first: in a bucket without versioning the others were replaced by it.
		slices.SortFunc(all, func(a, b *remnant) int {
			return cmp.Or(cmp.Compare(b.about.Modified, a.about.Modified), bytes.Compare(a.version[:], b.version[:]))
		})
		if err := r.reviveAll(ctx, top, all); err != nil {
			return err
		}
	}
	return nil
}

// reviveAll makes of what is left of an object's versions rows.
func (r *Rebuild) reviveAll(ctx context.Context, top register.Row, all []*remnant) error {
	if r.keepsVersions(top) {
		return r.reviveVersions(ctx, top, all)
	}
	part := false
	for _, m := range all {
		if !m.lost {
			continue
		}
		if err := r.revive(ctx, m); err != nil {
			return err
		}
		part = part || r.lost[top].What == LostExtents
	}
	if part { // also if an older one took its place
		r.lost[top] = Finding{What: LostExtents}
	}
	return nil
}

// describe reads what an extent says about itself. Kinds: NotFound and Corrupt if it
// does not say, Denied if its bucket's key is nowhere.
func (r *Rebuild) describe(ctx context.Context, id ident.ID) (*content, error) {
	raw, err := r.Disks.Descriptor(ctx, id)
	if err != nil {
		return nil, err
	}
	var d Description
	if err := codec.Decode(raw, &d); err != nil {
		return nil, err
	}
	b, err := r.bucketOf(ctx, d.Bucket)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, errs.Newf(errs.Denied, "the key of bucket %s is lost", d.Bucket)
	}
	c, err := b.describe(d, id)
	if err == nil {
		c.home = b
	}
	return c, err
}

// consider notes an extent whose reference has no row that uses it, or that has no
// reference, where rows may be missing.
func (r *Rebuild) consider(ctx context.Context, i extentstore.Info, found map[ident.ID]*remnant) error {
	id := i.ID
	refs, kept, err := r.refs(ctx, id)
	if err != nil {
		return err
	}
	strange := r.Strange(i.Disk) || kept != nil
	if len(refs) == 0 {
		c, err := r.describe(ctx, id)
		if err != nil {
			return r.silent(id, err)
		}
		if may, err := r.missing(extent.Row(id), c.Modified); err != nil || !may && !strange {
			return err
		}
		return r.remember(id, c, extent.Ref{ID: c.Version, Row: c.row()}, strange, found)
	}
	for _, ref := range refs {
		v, _, err := r.Store.Registers.Read(ctx, ref.Row)
		if err != nil {
			return err
		}
		if uses(ref.Row, v, ref, id) {
			continue
		}
		c, err := r.describe(ctx, id)
		if err != nil {
			return r.silent(id, err)
		}
		if err := r.remember(id, c, ref, strange, found); err != nil {
			return err
		}
	}
	return nil
}

// row returns the row that the extent was written for.
func (c *content) row() register.Row {
	if c.Part != 0 {
		return partRow(c.Upload, c.Part)
	}
	return c.home.objectRow(c.Key)
}

func (r *Rebuild) remember(id ident.ID, c *content, ref extent.Ref, strange bool, found map[ident.ID]*remnant) error {
	if ref.Row.Table != Objects && ref.Row.Table != Versions && ref.Row.Table != Parts {
		return nil
	}
	lost, err := r.missing(ref.Row, c.Modified)
	if err != nil {
		return err
	}
	lost, own := lost || strange, false
	if !lost && ref.Row.Table == Objects {
		if own, err = r.putAwayLost(ref.Row, c); err != nil {
			return err
		}
	}
	if !lost && !own {
		return nil
	}
	m := found[ref.ID]
	if m == nil {
		m = &remnant{version: ref.ID, row: ref.Row, pieces: map[int]extent.Piece{}, about: *c}
		found[ref.ID] = m
	}
	if ref.Row.Table == Versions {
		m.row = ref.Row // which it left the object's for
	}
	if m.about.Index < 0 {
		m.about = *c // a list's own extent says nothing of an envelope
	}
	m.lost, m.own = m.lost || lost, m.own || own
	m.strange = m.strange || strange
	m.foreign = m.foreign || ref.Row.Table == Parts && c.Version != ref.ID
	if c.Index >= 0 {
		m.pieces[c.Index] = extent.Piece{Extent: id, Key: c.Secret, Length: c.Length}
		if c.Last {
			m.last = c
		}
	}
	return nil
}

// putAwayLost reports whether the row that a version got when it was put away may be lost.
// Its number then is about its time, or the first.
func (r *Rebuild) putAwayLost(top register.Row, c *content) (bool, error) {
	may, err := r.missing(versionRow(top, uint64(max(c.Modified, firstNumber))), c.Modified)
	if err == nil && !may && c.Keep == VersioningOff {
		may, err = r.missing(versionRow(top, numberBefore), c.Modified)
	}
	return may, err
}

// whole returns the remnant's pieces in order; nil if they are not all there.
func (m *remnant) whole() []extent.Piece {
	if m.last == nil || m.foreign || len(m.pieces) != m.last.Index+1 {
		return nil
	}
	var out []extent.Piece
	size := int64(0)
	for i := range len(m.pieces) {
		p, ok := m.pieces[i]
		if !ok {
			return nil
		}
		out, size = append(out, p), size+p.Length
	}
	if size != m.last.Size {
		return nil
	}
	return out
}

// revive makes the row of a remnant anew, if nothing later stands there.
func (r *Rebuild) revive(ctx context.Context, m *remnant) error {
	if later, err := r.later(ctx, m.row, m.about.Modified); err != nil || later {
		return err
	}
	c, err := r.candidate(ctx, m, m.row)
	if err != nil || c == nil {
		return err
	}
	return r.place(ctx, c.d, c.list, c.say, c.what)
}

// candidate is a version that can be made anew.
type candidate struct {
	d    *draft // its row is the object's, a part's, or the version's own if that is known
	list *list
	say  describer
	what string
	keep Versioning // the bucket's when it was written
}

// candidate makes a version of what is left of one; nil if that cannot be. Its bytes are
// kept then, and it is among the findings as what was at a row.
func (r *Rebuild) candidate(ctx context.Context, m *remnant, at register.Row) (*candidate, error) {
	pieces := m.whole()
	if pieces == nil {
		for _, p := range m.pieces {
			r.pieced[p.Extent] = true
		}
		r.lost[at] = Finding{What: LostExtents, Bucket: m.about.home.ID.String(), Key: m.about.Key}
		return nil, nil
	}
	d := r.Store.newDraft(m.row)
	d.version = version{ID: m.version, Size: m.last.Size, ETag: m.last.ETag, Modified: m.about.Modified,
		Attrs: m.about.Attrs, Tags: m.about.Tags, Lock: m.about.Lock, Checksum: m.last.Checksum}
	say, err := r.home(ctx, m, d)
	if err != nil || say.b == nil {
		return nil, err
	}
	if !d.keys.described(&m.about) {
		for _, p := range pieces {
			r.pieced[p.Extent] = true
		}
		r.lost[at] = Finding{What: LostExtents, Bucket: m.about.home.ID.String(), Key: m.about.Key}
		return nil, nil
	}
	l := &list{}
	for _, p := range pieces {
		d.version.Extents = append(d.version.Extents, p.Extent)
		l.Pieces = append(l.Pieces, d.keys.piece(p))
	}
	return &candidate{d, l, say, FromBytes, m.about.Keep}, nil
}

// home gives the draft the keys under which a remnant's pieces are sealed, and returns what
// describes further extents of it; no bucket if it has no place any more.
func (r *Rebuild) home(ctx context.Context, m *remnant, d *draft) (describer, error) {
	if top := objectRowOf(m.row); top.Table == Objects {
		b, err := r.bucketOf(ctx, ident.ID([]byte(top.Part[:16])))
		if err != nil || b == nil {
			return describer{}, err
		}
		own := b.versionKey(m.version)
		inner := own[:]
		if e := enveloped(m.about.Envelope); e != nil {
			inner, d.version.Sealed = e, sealInner(own, e)
		}
		d.keys = b.blindSecrets(inner, m.version)
		return r.Store.describeObject(b, top.Sort), nil
	}
	b := m.about.home
	u, err := r.uploadFor(ctx, m)
	if err != nil || u == nil {
		return describer{}, err
	}
	inner, err := b.uploadInner(u)
	if err != nil {
		return describer{}, nil
	}
	d.keys = b.blindSecrets(inner, m.version)
	return r.Store.describePart(b, m.about.Key, u, partNumber(m.row)), nil
}

// uploadFor returns the upload of a part, made anew if its row is lost; nil if it was
// aborted.
func (r *Rebuild) uploadFor(ctx context.Context, m *remnant) (*uploadRecord, error) {
	b, upload := m.about.home, m.about.Upload
	row := b.uploadAddress(m.about.Key, upload).row()
	_, u, err := r.Store.uploadAt(ctx, row)
	if err == nil {
		if u.State == uploadDropped {
			return nil, nil
		}
		return u, nil
	}
	if !errors.Is(err, ErrNoSuchUpload) {
		return nil, err
	}
	if may, err := r.missing(row, m.about.Modified); err != nil || !may && !m.strange {
		return nil, err
	}
	data := ident.NewSecret()
	inner := data[:]
	if e := enveloped(m.about.Envelope); e != nil {
		inner = e
	}
	u = &uploadRecord{ID: upload, Started: r.Store.now(), Sealed: b.key.Seal(inner, upload[:])}
	r.uploads[upload] = upload1{b, m.about.Key}
	return u, r.set(ctx, row, u.value())
}

// upload1 is an upload that was made anew.
type upload1 struct {
	b   *Bucket
	key string
}

// later reports whether a row holds, or held when it was deleted, something that is
// not older than modified, or is closed for ever.
func (r *Rebuild) later(ctx context.Context, row register.Row, modified int64) (bool, error) {
	v, ballot, err := r.Store.Registers.Read(ctx, row)
	if isFenced(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if v == nil {
		return ballot.Round >= uint64(max(modified, 0))*1000 && modified >= 0 && !ballot.IsZero(), nil
	}
	sl, err := decodeRow[slot](v)
	if err != nil {
		return false, nil
	}
	return sl.Version != nil && sl.Version.Modified >= modified, nil
}

// place writes a version and its list into its row, in the place of what stands there: that
// was replaced, for the bucket has no versioning.
func (r *Rebuild) place(ctx context.Context, d *draft, l *list, say describer, what string) error {
	if err := r.Store.setList(ctx, d, l, say); err != nil {
		return err
	}
	return r.commit(ctx, d, what)
}

func (r *Rebuild) commit(ctx context.Context, d *draft, what string) error {
	_, err := r.Store.Registers.Update(ctx, d.row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		next, err := takeApart(old)
		if err != nil {
			next = &entry{}
		}
		if next.Version != nil && next.Version.ID != d.version.ID && next.Past == nil {
			next.Drops = append(next.Drops[:len(next.Drops):len(next.Drops)], next.Version.drop()...)
		}
		next.Version, next.blob = &d.version, d.blob
		return next.value()
	}})
	if err != nil {
		return err
	}
	r.there(d, what)
	return nil
}

// there says that a version is in its row again.
func (r *Rebuild) there(d *draft, what string) {
	delete(r.lost, d.row)
	delete(r.doubtful, d.row)
	r.made[d.row] = Finding{What: what}
	r.Store.Extents.Release(d.version.Extents...)
}
