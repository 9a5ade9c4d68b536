package object

import (
	"context"
	"errors"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// What happened to an object, or why.
const (
	// LostRow: its row is lost and nothing but its name is left.
	LostRow = "row-lost"
	// LostInline: its bytes stood in its row and are lost.
	LostInline = "inline-bytes-lost"
	// LostList: the list of where its bytes are is lost.
	LostList = "list-lost"
	// LostBytes: some of its bytes are not on this node's disks.
	LostBytes = "bytes-missing"
	// DamagedBytes: some of its bytes are not those that were written.
	DamagedBytes = "bytes-damaged"
	// LostExtents: its row is lost, and not all of its bytes are left to make it anew.
	LostExtents = "row-lost-bytes-incomplete"
	// LostUpload: its row is lost; parts of an upload of it are there, as an upload under
	// way, and whether they are all and were put together is not known.
	LostUpload = "row-lost-parts-left"
	// KeptBytes: bytes of it that nothing uses are kept.
	KeptBytes = "bytes-kept"
	// LostKey: the key of its bucket is lost.
	LostKey = "bucket-key-lost"

	// FromBytes: its row was lost and made anew from what its bytes say of themselves.
	FromBytes = "from-bytes"
	// HeldAnew: a version's row was lost and made anew, with a legal hold: one that was set
	// after it was written would be lost else.
	HeldAnew = "made-anew-held"
	// NoPlace: a version of it that was replaced before the bucket kept versions has no place
	// among the others; its bytes are kept.
	NoPlace = "no-place"
	// FromParts: its row was lost and made anew from the parts of its upload.
	FromParts = "from-parts"
	// MendedList: its list of bytes was lost and made anew.
	MendedList = "list-mended"

	// MaybeOld: a newer version of it may be lost.
	MaybeOld = "maybe-old"
	// NewSettings: the bucket's row was lost and made anew without its settings.
	NewSettings = "bucket-settings-lost"
	// OldSettings: the bucket's row is as a snapshot had it.
	OldSettings = "bucket-settings-maybe-old"
)

// Finding says what is the matter with one object, or with one bucket if Key is empty.
type Finding struct {
	What   string `json:"what"`
	Bucket string `json:"bucket"`
	Key    string `json:"key,omitempty"`
	// Version is the ID of the version that is meant, if it is not the present one.
	Version string `json:"version,omitempty"`
	// Part is the number of the part of an upload that is meant, 0 if none.
	Part int `json:"part,omitempty"`
	// Detail is for who looks closer.
	Detail string `json:"detail,omitempty"`
}

// namer names rows as people know them: bucket and key.
type namer struct {
	s     *Store
	names map[ident.ID]string
}

// bucket returns a bucket's name, its ID if it has none.
func (n *namer) bucket(ctx context.Context, id ident.ID) string {
	if name, ok := n.names[id]; ok {
		return name
	}
	name := id.String()
	if v, _, err := n.s.Registers.Read(ctx, bucketRow(id)); err == nil && v != nil {
		if r, err := decodeRow[bucketRecord](v); err == nil {
			name = r.name(name)
		}
	}
	if n.names == nil {
		n.names = map[ident.ID]string{}
	}
	n.names[id] = name
	return name
}

func (r *bucketRecord) name(otherwise string) string {
	if len(r.Names) > 0 {
		return r.Names[0]
	}
	var local []string
	for _, names := range r.LocalNames {
		local = append(local, names...)
	}
	if len(local) == 0 {
		return otherwise
	}
	return slices.Min(local)
}

// row names what a row is about. Parts are named by the upload they belong to, for
// which the whole table has to be read.
func (n *namer) row(ctx context.Context, row register.Row) Finding {
	if top, ok := objectOf(row); ok && row.Table == Versions {
		row = top
	}
	if row.Table == Objects || row.Table == Uploads {
		if len(row.Part) < len(ident.ID{}) {
			return Finding{Key: row.Sort}
		}
		key := row.Sort
		if row.Table == Uploads {
			key, _, _ = splitUpload(row.Sort)
		}
		return Finding{Bucket: n.bucket(ctx, ident.ID([]byte(row.Part[:16]))), Key: key}
	}
	if row.Table != Parts {
		return Finding{}
	}
	f := Finding{Part: partNumber(row)}
	err := n.s.Local.Rows(ctx, Uploads, func(u register.Row, _ *register.Value) error {
		if _, id, ok := splitUpload(u.Sort); ok && id.Key() == row.Part {
			named := n.row(ctx, u)
			f.Bucket, f.Key = named.Bucket, named.Key
			return errNothing
		}
		return nil
	})
	if err != nil && !errors.Is(err, errNothing) {
		n.s.Logger.Debug("an upload's name could not be found", "error", err)
	}
	return f
}

func partNumber(row register.Row) int {
	if len(row.Sort) != 2 {
		return 0
	}
	return int(row.Sort[0])<<8 | int(row.Sort[1])
}

// UsersOf names the objects that use an extent, each once; nothing if none does. It
// serves to say what damage to the extent means.
func (s *Store) UsersOf(ctx context.Context, extent ident.ID) ([]Finding, error) {
	refs, err := s.Extents.Refs(ctx, extent)
	if errors.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := &namer{s: s}
	var out []Finding
	add := func(f Finding) {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for _, ref := range refs {
		if ref.Row.Table != Parts {
			f, err := s.user(ctx, n, ref.Row)
			if err != nil {
				return nil, err
			}
			add(f)
			continue
		}
		// A part is somebody's once its upload is complete.
		users, err := s.uploadUsers(ctx, n, ref.Row)
		if err != nil {
			return nil, err
		}
		for _, f := range users {
			add(f)
		}
	}
	return out, nil
}

// user names what uses an extent, and its version if that has a row of its own and is not the
// present one.
func (s *Store) user(ctx context.Context, n *namer, row register.Row) (Finding, error) {
	f := n.row(ctx, row)
	top, ok := objectOf(row)
	if row.Table != Versions || !ok {
		return f, nil
	}
	was, err := s.versionIn(ctx, row)
	if err != nil || was == nil {
		return f, err
	}
	switch now, err := s.versionIn(ctx, top); {
	case err != nil:
		return f, err
	case now == nil || now.ID != was.ID:
		f.Version = was.name()
	}
	return f, nil
}

// versionIn returns the version that stands in a row; nil if none does.
func (s *Store) versionIn(ctx context.Context, row register.Row) (*version, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil || v == nil {
		return nil, err
	}
	sl, err := decodeRow[slot](v)
	if err != nil {
		return nil, err
	}
	return sl.Version, nil
}

// uploadUsers names the objects that hold an upload's part, or the upload itself.
func (s *Store) uploadUsers(ctx context.Context, n *namer, part register.Row) (out []Finding, err error) {
	id, err := ident.FromKey(part.Part)
	if err != nil {
		return nil, nil
	}
	found := errors.New("found")
	err = s.Local.Rows(ctx, Uploads, func(u register.Row, v *register.Value) error {
		if _, its, ok := splitUpload(u.Sort); !ok || its != id {
			return nil
		}
		r, err := decodeRow[uploadRecord](v)
		if err != nil {
			return err
		}
		for i := range r.Refs {
			f, err := s.user(ctx, n, r.Refs[i].ref().Row)
			if err != nil {
				return err
			}
			f.Part = partNumber(part)
			out = append(out, f)
		}
		if len(r.Refs) == 0 {
			f := n.row(ctx, u)
			f.Part = partNumber(part)
			out = append(out, f)
		}
		return found
	})
	if errors.Is(err, found) {
		err = nil
	}
	return out, err
}

// Survey compares the bytes on this node's disks with the rows that use them: see
// extent.Store.Survey.
func (s *Store) Survey(ctx context.Context) (extent.Survey, error) {
	return s.Extents.Survey(ctx, uses)
}

// Name names what a row of this package is about.
func (s *Store) Name(ctx context.Context, row register.Row) Finding {
	n := &namer{s: s}
	return n.row(ctx, row)
}
