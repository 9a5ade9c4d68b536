package site

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
)

const (
	maxUnderway = 8
	// abandoned is when a deployment that was not finished is taken off the list. It
	// decides nothing: who made it is refused then.
	abandoned = 24 * time.Hour
	// crowded is when the oldest one makes room for another, where maxUnderway are on the list.
	crowded  = time.Hour
	manifest = "manifest"
)

// Wanted is what a deployment is to be.
type Wanted struct {
	// Files have a Path, a Hash and a Size.
	Files     []File
	Redirects []Redirect
	Headers   []Headers
}

// Begun is a deployment under way.
type Begun struct {
	ID ident.ID
	// Missing are the files whose bytes are to be brought, each hash once.
	Missing []File
}

// Begin enters a deployment and says which files it needs.
func (s *Store) Begin(ctx context.Context, b *object.Bucket, w *Wanted) (*Begun, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	id := ident.New()
	b, err := s.change(ctx, b, func(t *object.Site) error {
		before := s.longAgo(abandoned)
		t.Underway = slices.DeleteFunc(t.Underway, func(u object.SiteUnderway) bool { return u.Begun < before || u.ID == id })
		if len(t.Underway) >= maxUnderway {
			if oldest := t.Underway[0]; oldest.Begun >= s.longAgo(crowded) {
				return errs.Newf(errs.Conflict, "%d deployments of this site are under way: wait for them, or until they were left for an hour", maxUnderway)
			}
			t.Underway = t.Underway[1:]
		}
		t.Underway = append(t.Underway, object.SiteUnderway{ID: id, Begun: s.now()})
		return nil
	})
	if err != nil {
		return nil, err
	}
	missing, err := s.plan(ctx, b, id, w)
	if err != nil {
		return nil, errors.Join(err, s.Abandon(ctx, b, id))
	}
	return &Begun{ID: id, Missing: missing}, nil
}

// plan stores the manifest of a deployment that b's record lists as under way: it counts on
// what is kept by that record. It returns what is to be brought, each hash once.
func (s *Store) plan(ctx context.Context, b *object.Bucket, id ident.ID, w *Wanted) (missing []File, err error) {
	had, err := s.kept(ctx, b)
	if err == nil {
		err = s.brought(ctx, b, id, had)
	}
	if err != nil {
		return nil, err
	}
	m := &Manifest{Files: slices.Clone(w.Files), Redirects: w.Redirects, Headers: w.Headers}
	for i := range m.Files {
		f := &m.Files[i]
		if h := had[f.Hash]; h != nil {
			f.From, f.Since, f.Size = h.From, h.Since, h.Size
			continue
		}
		f.From, f.Since = id, s.now()/1000
		had[f.Hash] = f
		missing = append(missing, *f)
	}
	raw, sum := m.encode()
	if len(raw) > MaxManifest {
		return nil, errs.Newf(errs.TooLarge, "the list of the deployment's files has more than %d bytes", MaxManifest)
	}
	return missing, s.store(ctx, b, manifestKey(id), bytes.NewReader(raw), int64(len(raw)), sum)
}

func manifestKey(id ident.ID) string { return Prefix + id.String() + "/" + manifest }

// check refuses what cannot be served, and sorts the files.
func (w *Wanted) check() error {
	if len(w.Files) > MaxFiles {
		return errs.Newf(errs.TooLarge, "a deployment has at most %d files", MaxFiles)
	}
	slices.SortFunc(w.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := range w.Files {
		if err := CheckPath(w.Files[i].Path); err != nil {
			return err
		}
		if i > 0 && w.Files[i].Path == w.Files[i-1].Path {
			return errs.Newf(errs.Invalid, "%q is there twice", w.Files[i].Path)
		}
	}
	return nil
}

// kept returns the files of all kept deployments, by hash.
func (s *Store) kept(ctx context.Context, b *object.Bucket) (map[Hash]*File, error) {
	out := map[Hash]*File{}
	for i := range b.Settings.Site.Kept {
		m, err := s.Manifest(ctx, b, &b.Settings.Site.Kept[i])
		if err != nil {
			return nil, err
		}
		for j := range m.Files {
			out[m.Files[j].Hash] = &m.Files[j]
		}
	}
	return out, nil
}

// brought adds the files that others under way brought so far, such as one that was stopped: they
// stand as long as this one is under way, too.
func (s *Store) brought(ctx context.Context, b *object.Bucket, id ident.ID, had map[Hash]*File) error {
	for _, u := range b.Settings.Site.Underway {
		if u.ID == id {
			continue
		}
		err := s.each(ctx, b, u.ID, func(h *object.Head) {
			hash, err := ParseHash(h.Key[strings.LastIndexByte(h.Key, '/')+1:])
			f := &File{Hash: hash, Size: h.Size, From: u.ID, Since: h.Modified.Unix()}
			if err == nil && had[hash] == nil && f.Vouched(h) {
				had[hash] = f
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f for what is stored of a deployment.
func (s *Store) each(ctx context.Context, b *object.Bucket, id ident.ID, f func(*object.Head)) error {
	l := object.List{Prefix: Prefix + id.String() + "/", Limit: object.MaxListEntries}
	for more := true; more; {
		p, err := s.Buckets.List(ctx, b, l)
		if err != nil {
			return err
		}
		for i := range p.Objects {
			f(&p.Objects[i])
		}
		l.After, more = p.Next, p.More
	}
	return nil
}

// Bring stores the bytes of one file of a deployment under way, which must have the hash.
func (s *Store) Bring(ctx context.Context, b *object.Bucket, id ident.ID, h Hash, body io.Reader, size int64) error {
	if b.Settings.Site == nil || !underway(b.Settings.Site, id) {
		return errNotUnderway
	}
	return s.store(ctx, b, fileKey(id, h), body, size, h)
}

var errNotUnderway = errs.New(errs.Conflict, "the deployment is not under way any more: begin again")

func underway(t *object.Site, id ident.ID) bool {
	return slices.ContainsFunc(t.Underway, func(u object.SiteUnderway) bool { return u.ID == id })
}

func (s *Store) store(ctx context.Context, b *object.Bucket, key string, body io.Reader, size int64, want Hash) error {
	sums := twoSums{md5.New(), sha256.New()}
	_, err := s.Buckets.Put(ctx, b, object.Put{Key: key, Attrs: object.Attrs{ContentType: "application/octet-stream"}, Body: object.Body{
		Reader: body, Size: size, Hash: sums,
		Finish: func() (object.Digest, error) {
			if [sha256.Size]byte(sums.sha.Sum(nil)) != want {
				return object.Digest{}, errs.New(errs.Invalid, "the file changed while it was deployed: deploy again")
			}
			return object.Digest{ETag: hex.EncodeToString(sums.md5.Sum(nil)), Checksum: object.Checksum{Algorithm: checksumName, Sum: want[:]}}, nil
		}}})
	return err
}

type twoSums struct{ md5, sha hash.Hash }

func (t twoSums) Write(b []byte) (int, error) {
	_, _ = t.md5.Write(b)
	return t.sha.Write(b)
}

// Finish makes a deployment the current one, if all its files were brought.
func (s *Store) Finish(ctx context.Context, b *object.Bucket, id ident.ID) (*object.Bucket, *object.SiteDeployment, error) {
	raw, err := s.readManifest(ctx, b, id)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(raw)
	m, err := decodeManifest(raw, sum[:])
	if err != nil {
		return nil, nil, err
	}
	if err := s.complete(ctx, b, id, m); err != nil {
		return nil, nil, err
	}
	d := object.SiteDeployment{ID: id, Manifest: sum[:], Made: s.now(), Files: len(m.Files)}
	for i := range m.Files {
		d.Bytes += m.Files[i].Size
	}
	out, err := s.change(ctx, b, func(t *object.Site) error {
		if !underway(t, id) {
			return errNotUnderway
		}
		t.Underway = slices.DeleteFunc(t.Underway, func(u object.SiteUnderway) bool { return u.ID == id })
		t.Kept = slices.Insert(t.Kept, 0, d)
		t.Kept = t.Kept[:min(len(t.Kept), keep(t))]
		t.Current = id
		return nil
	})
	return out, &d, err
}

// complete refuses a deployment whose files are not all there.
func (s *Store) complete(ctx context.Context, b *object.Bucket, id ident.ID, m *Manifest) error {
	there := map[string]int64{}
	if err := s.each(ctx, b, id, func(h *object.Head) { there[h.Key] = h.Size }); err != nil {
		return err
	}
	for i := range m.Files {
		f := &m.Files[i]
		if n, ok := there[f.Key()]; f.From == id && (!ok || n != f.Size) {
			return errs.Newf(errs.Conflict, "the file %q was not brought whole: deploy again", f.Path)
		}
	}
	return nil
}

func keep(t *object.Site) int {
	if t.Keep == 0 {
		return DefaultKeep
	}
	return t.Keep
}

// Abandon takes a deployment that will not be finished off the list.
func (s *Store) Abandon(ctx context.Context, b *object.Bucket, id ident.ID) error {
	_, err := s.change(ctx, b, func(t *object.Site) error {
		t.Underway = slices.DeleteFunc(t.Underway, func(u object.SiteUnderway) bool { return u.ID == id })
		return nil
	})
	return err
}

// Rollback serves another of the kept deployments: the one of that ID, the one that is kept
// behind the current one if it is zero, or the bucket's own objects.
func (s *Store) Rollback(ctx context.Context, b *object.Bucket, id ident.ID, plain bool) (*object.Bucket, error) {
	return s.change(ctx, b, func(t *object.Site) error {
		switch {
		case plain:
			t.Current = ident.ID{}
			return nil
		case id.IsZero():
			at := slices.IndexFunc(t.Kept, func(d object.SiteDeployment) bool { return d.ID == t.Current })
			if at+1 >= len(t.Kept) {
				return errs.New(errs.NotFound, "there is no earlier deployment; rhizome site deployments lists those that are kept, and rhizome site rollback --to ID shows one of them")
			}
			id = t.Kept[at+1].ID
		case deployment(t, id) == nil:
			return errs.Newf(errs.NotFound, "the site keeps no deployment %s", id)
		}
		t.Current = id
		return nil
	})
}

// Current returns the deployment that is served, nil if the bucket's objects are.
func Current(t *object.Site) *object.SiteDeployment {
	if t.Current.IsZero() {
		return nil
	}
	return deployment(t, t.Current)
}

// Manifest reads a deployment's manifest.
func (s *Store) Manifest(ctx context.Context, b *object.Bucket, d *object.SiteDeployment) (*Manifest, error) {
	raw, err := s.readManifest(ctx, b, d.ID)
	if err != nil {
		return nil, err
	}
	return decodeManifest(raw, d.Manifest)
}

func (s *Store) readManifest(ctx context.Context, b *object.Bucket, id ident.ID) ([]byte, error) {
	o, err := s.Buckets.Get(ctx, b, object.Get{Key: manifestKey(id)})
	if err != nil {
		return nil, errs.Newf(errs.KindOf(err), "the manifest of deployment %s: %w", id, err)
	}
	defer o.Body.Close()
	return io.ReadAll(io.LimitReader(o.Body, MaxManifest+1))
}
