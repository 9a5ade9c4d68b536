package object

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// mendLists makes lost lists anew, those of parts first, which those of objects are
// made of.
func (r *Rebuild) mendLists(ctx context.Context) error {
	slices.SortStableFunc(r.bodiless, func(a, b register.Row) int { return int(b.Table) - int(a.Table) })
	for _, row := range r.bodiless {
		v, blob, err := r.Store.readSlot(ctx, row)
		if errs.KindOf(err) == errs.NotFound || err == nil && len(blob) > 0 {
			continue // it was replaced meanwhile
		}
		if err == nil {
			err = r.mendList(ctx, row, v)
		}
		if err != nil && errs.KindOf(err) != errs.Corrupt {
			return err
		}
	}
	return nil
}

// mendList mends one list; errs.Corrupt if that cannot be.
func (r *Rebuild) mendList(ctx context.Context, row register.Row, v *version) error {
	d := r.Store.newDraft(row)
	d.version = *v
	say, err := r.homeOf(ctx, row, d)
	if err != nil {
		return err
	}
	if v.Holder != nil {
		l, size, err := r.partsOf(ctx, v.Holder.row())
		if err != nil {
			return err
		}
		if size != v.Size || len(l.Parts) != v.Parts {
			return errs.New(errs.Corrupt, "the parts do not make the object")
		}
		d.version.Extents = nil
		return r.place(ctx, d, l, say, MendedList)
	}
	l, size := &list{}, int64(0)
	for _, id := range v.Extents {
		c, err := r.describe(ctx, id)
		if err != nil {
			return errs.Newf(errs.Corrupt, "extent %s does not say what it is: %w", id, err)
		}
		p := extent.Piece{Extent: id, Key: c.Secret, Length: c.Length}
		if c.Index < 0 {
			d.blob = codec.Encode(d.keys.listPiece(p))
			return r.commit(ctx, d, MendedList) // the list itself is in this extent
		}
		if !d.keys.described(c) {
			return errs.Newf(errs.Corrupt, "the key of extent %s opens only with a customer's", id)
		}
		l.Pieces, size = append(l.Pieces, d.keys.piece(p)), size+p.Length
	}
	if size != v.Size {
		return errs.New(errs.Corrupt, "the extents do not make the object")
	}
	return r.place(ctx, d, l, say, MendedList)
}

// homeOf gives the draft of a version that stands in a row its keys, and returns its
// describer.
func (r *Rebuild) homeOf(ctx context.Context, row register.Row, d *draft) (describer, error) {
	v := &d.version
	if top, ok := objectOf(row); ok && row.Table == Versions {
		row = top
	}
	if row.Table == Objects {
		b, err := r.bucketOf(ctx, ident.ID([]byte(row.Part[:16])))
		if err != nil || b == nil {
			return describer{}, errs.Newf(errs.Corrupt, "the bucket's key is lost: %w", err)
		}
		inner, err := b.innerKey(v)
		if err == nil {
			d.keys = b.blindSecrets(inner, v.ID)
		}
		return r.Store.describeObject(b, row.Sort), err
	}
	if len(v.Extents) == 0 {
		return describer{}, errs.New(errs.Corrupt, "nothing says which upload the part belongs to")
	}
	c, err := r.describe(ctx, v.Extents[0])
	if err != nil {
		return describer{}, errs.Newf(errs.Corrupt, "nothing says which upload the part belongs to: %w", err)
	}
	_, u, err := r.Store.uploadAt(ctx, c.home.uploadAddress(c.Key, c.Upload).row())
	if err != nil {
		return describer{}, errs.Newf(errs.Corrupt, "the upload is lost: %w", err)
	}
	inner, err := c.home.uploadInner(u)
	if err == nil {
		d.keys = c.home.blindSecrets(inner, v.ID)
	}
	return r.Store.describePart(c.home, c.Key, u, partNumber(row)), err
}

// partsOf returns the list that an upload's parts make, without those that completing
// left out.
func (r *Rebuild) partsOf(ctx context.Context, row register.Row) (*list, int64, error) {
	_, u, err := r.Store.uploadAt(ctx, row)
	if err != nil {
		return nil, 0, errs.Newf(errs.Corrupt, "the upload is lost: %w", err)
	}
	b, err := r.bucketOf(ctx, ident.ID([]byte(row.Part[:16])))
	if err != nil || b == nil {
		return nil, 0, errs.Newf(errs.Corrupt, "the bucket's key is lost: %w", err)
	}
	inner, err := b.uploadInner(u)
	if err != nil {
		return nil, 0, err
	}
	parts, err := r.Store.allParts(ctx, u.ID, 0)
	if err != nil {
		return nil, 0, err
	}
	l, size := &list{}, int64(0)
	for n := range MaxParts + 1 {
		p := parts[n]
		if p == nil || len(u.Kept) > 0 && !u.Kept.has(n) {
			continue
		}
		pieces, err := r.Store.partPieces(ctx, b, u, n, p, inner)
		if err != nil {
			return nil, 0, errs.Newf(errs.Corrupt, "part %d: %w", n, err)
		}
		l.Pieces = append(l.Pieces, pieces...)
		l.Parts = append(l.Parts, partMark{n, p.Size, p.ETag, p.Checksum.Sum})
		size += p.Size
	}
	return l, size, nil
}

// fromUploads makes lost rows of objects anew that a completed upload names.
func (r *Rebuild) fromUploads(ctx context.Context) error {
	type lostObject struct {
		upload register.Row
		record *uploadRecord
		ref    extent.Ref
	}
	var found []lostObject
	err := r.Store.Local.Rows(ctx, Uploads, func(row register.Row, v *register.Value) error {
		u, err := decodeRow[uploadRecord](v)
		if err != nil {
			return nil
		}
		for i := range u.Refs {
			found = append(found, lostObject{row, u, u.Refs[i].ref()})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range found {
		v, _, err := r.Store.Registers.Read(ctx, f.ref.Row)
		if isFenced(err) {
			continue
		}
		if err != nil {
			return err
		}
		if f.ref.Row.Table != Objects && f.ref.Row.Table != Versions || uses(f.ref.Row, v, f.ref, ident.ID{}) {
			continue
		}
		if r.keepsVersions(f.ref.Row) {
			err = r.versionFromUpload(ctx, f.upload, f.record, f.ref)
		} else {
			err = r.fromUpload(ctx, f.upload, f.record, f.ref)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// versionFromUpload makes the row of a version anew that an upload became.
func (r *Rebuild) versionFromUpload(ctx context.Context, upload register.Row, u *uploadRecord, ref extent.Ref) error {
	may, err := r.missing(ref.Row, anyTime)
	if err != nil {
		return err
	}
	if !may && ref.Row.Table == Objects { // it may have been put away since
		may, err = r.missing(versionRow(ref.Row, uint64(max(u.Started, firstNumber))), anyTime)
	}
	if err != nil || !may {
		return err
	}
	k, err := r.look(ctx, objectRowOf(ref.Row))
	if err != nil || k.closed || k.stands(ref.ID) {
		return err
	}
	c, err := r.uploaded(ctx, upload, u, ref)
	if err != nil || c == nil || k.deleted(ref.ID, c.d.version.Modified) {
		return err
	}
	if ref.Row.Table == Versions {
		if gone, err := r.removed(ctx, ref.Row, c.d.version.Modified); err != nil || gone {
			return err
		}
	}
	return r.placeVersion(ctx, k, c)
}

// fromUpload makes the row of an object anew that an upload became.
func (r *Rebuild) fromUpload(ctx context.Context, upload register.Row, u *uploadRecord, ref extent.Ref) error {
	if may, err := r.missing(ref.Row, anyTime); err != nil || !may {
		return err
	}
	// A tombstone does not count: a deletion is done only when the upload has lost the
	// reference.
	if v, _, err := r.Store.readSlot(ctx, ref.Row); err == nil && v.Modified >= u.Started {
		return nil
	}
	c, err := r.uploaded(ctx, upload, u, ref)
	if err != nil || c == nil {
		return err
	}
	c.d.version.Modified = u.Started
	if c.list == nil {
		return r.commit(ctx, c.d, c.what)
	}
	return r.place(ctx, c.d, c.list, c.say, c.what)
}

// uploaded makes a version of the parts that it was completed from; nil if that cannot be. It
// is given the time of the newest of them: the time at which it was completed is lost.
func (r *Rebuild) uploaded(ctx context.Context, upload register.Row, u *uploadRecord, ref extent.Ref) (*candidate, error) {
	l, size, err := r.partsOf(ctx, upload)
	if errs.KindOf(err) == errs.Corrupt || err == nil && len(l.Parts) == 0 {
		r.lost[ref.Row] = Finding{What: LostExtents}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	home, err := r.bucketOf(ctx, ident.ID([]byte(upload.Part[:16])))
	if err != nil || home == nil {
		return nil, err
	}
	top := objectRowOf(ref.Row)
	b, err := r.bucketOf(ctx, ident.ID([]byte(top.Part[:16])))
	if err != nil || b == nil {
		return nil, err
	}
	inner, err := home.uploadInner(u)
	if err != nil {
		return nil, nil
	}
	parts, err := r.Store.allParts(ctx, u.ID, 0)
	if err != nil {
		return nil, err
	}
	modified := u.Started
	for _, p := range parts {
		modified = max(modified, p.Modified)
	}
	d := r.Store.newDraft(ref.Row)
	d.version = version{ID: ref.ID, Size: size, ETag: compositeTag(l.Parts), Modified: modified, Attrs: u.Attrs, Tags: u.Tags, Lock: u.Lock,
		Parts: len(l.Parts), Sealed: sealInner(b.versionKey(ref.ID), inner), Holder: &address{[]byte(upload.Part), []byte(upload.Sort)}}
	d.keys = b.blindSecrets(inner, ref.ID)
	c := &candidate{d, l, r.Store.describeObject(b, top.Sort), FromParts, VersioningOn}
	if size == 0 {
		c.list = nil
	}
	return c, nil
}

// compositeTag is S3's ETag of an object of parts: the MD5 of their MD5s.
func compositeTag(parts []partMark) string {
	h := md5.New()
	for _, p := range parts {
		sum, err := hex.DecodeString(p.ETag)
		if err != nil {
			sum = []byte(p.ETag)
		}
		_, _ = h.Write(sum)
	}
	return fmt.Sprintf("%x-%d", h.Sum(nil), len(parts))
}

// nameUploads names objects whose row and whose upload's row are lost. Their parts are
// there again, as an upload under way: whether they are all, nothing says, and an object
// of some of them would have wrong bytes. Who knows can complete it.
func (r *Rebuild) nameUploads(ctx context.Context) error {
	for id, u := range r.uploads {
		object := u.b.objectRow(u.key)
		parts, err := r.Store.allParts(ctx, id, 0)
		if err != nil {
			return err
		}
		newest := int64(math.MinInt64)
		for _, p := range parts {
			newest = max(newest, p.Modified)
		}
		may, err := r.missing(object, newest)
		if err != nil {
			return err
		}
		later, err := r.later(ctx, object, newest)
		if err != nil {
			return err
		}
		if may && !later {
			r.lost[object] = Finding{What: LostUpload, Detail: "upload " + id.String() + ", parts " + strings.Join(numbers(parts), ", ")}
		}
	}
	return nil
}

func numbers(parts map[int]*version) (out []string) {
	for n := range MaxParts + 1 {
		if parts[n] != nil {
			out = append(out, fmt.Sprint(n))
		}
	}
	return out
}
