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
		t.Underway = append(t.Underway, object.SiteUnderway{ID: id, Begun: max(s.now(), 1000*(lastSecond(t)+1))})
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

// lastSecond is the last second in which a deployment was begun that is or was served, or may be.
func lastSecond(t *object.Site) (last int64) {
	for _, u := range t.Underway {
		last = max(last, u.Begun/1000)
	}
	for _, d := range t.Kept { // none was made before it was begun
		last = max(last, d.Made/1000)
	}
	return last
}

// plan stores the manifest of a deployment that b's record lists as under way: it counts on
// what is kept or under way by that record, and is still there. It returns what is to be brought,
// each hash once.
func (s *Store) plan(ctx context.Context, b *object.Bucket, id ident.ID, w *Wanted) (missing []File, err error) {
	there, err := s.there(ctx, b)
	if err != nil {
		return nil, err
	}
	had, dates, err := s.kept(ctx, b, there)
	if err != nil {
		return nil, err
	}
	t := b.Settings.Site
	now := t.Underway[slices.IndexFunc(t.Underway, func(u object.SiteUnderway) bool { return u.ID == id })].Begun / 1000
	brought(t, id, there, had)
	m := &Manifest{Files: slices.Clone(w.Files), Redirects: w.Redirects, Headers: w.Headers}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Since = dates[content{f.Path, f.Hash}]; f.Since == 0 {
			f.Since = now
		}
		if h := had[f.Hash]; h != nil {
			f.From, f.Size = h.From, h.Size
			continue
		}
		f.From = id
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

// there returns what is stored of all deployments, by key.
func (s *Store) there(ctx context.Context, b *object.Bucket) (map[string]*object.Head, error) {
	out := map[string]*object.Head{}
	l := object.List{Prefix: Prefix, Limit: object.MaxListEntries}
	for more := true; more; {
		p, err := s.Buckets.List(ctx, b, l)
		if err != nil {
			return nil, err
		}
		for i := range p.Objects {
			out[p.Objects[i].Key] = &p.Objects[i]
		}
		l.After, more = p.Next, p.More
	}
	return out, nil
}

// content is what a path had once.
type content struct {
	path string
	hash Hash
}

// kept returns the files of all kept deployments, by hash, as far as they are there, for whoever
// owns the bucket may delete them; and since when paths have what they have in these deployments.
func (s *Store) kept(ctx context.Context, b *object.Bucket, there map[string]*object.Head) (map[Hash]*File, map[content]int64, error) {
	out, dates := map[Hash]*File{}, map[content]int64{}
	for i := range b.Settings.Site.Kept {
		m, err := s.Manifest(ctx, b, &b.Settings.Site.Kept[i])
		if lost(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for j := range m.Files {
			f := &m.Files[j]
			dates[content{f.Path, f.Hash}] = f.Since
			if h := there[f.Key()]; h != nil && f.Vouched(h) {
				out[f.Hash] = f
			}
		}
	}
	return out, dates, nil
}

// lost reports whether a manifest is gone or spoilt, so that nobody can show its deployment.
func lost(err error) bool {
	return errs.KindOf(err) == errs.NotFound || errs.KindOf(err) == errs.Corrupt
}

// brought adds the files that others under way brought so far, such as one that was stopped: they
// stand as long as this one is under way, too.
func brought(t *object.Site, id ident.ID, there map[string]*object.Head, had map[Hash]*File) {
	for key, h := range there {
		from, name, _ := strings.Cut(strings.TrimPrefix(key, Prefix), "/")
		u, err := ident.Parse(from)
		if err != nil || u == id || !underway(t, u) {
			continue
		}
		hash, err := ParseHash(name)
		f := &File{Hash: hash, Size: h.Size, From: u}
		if err == nil && had[hash] == nil && f.Vouched(h) {
			had[hash] = f
		}
	}
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
	if err := s.complete(ctx, b, m); err != nil {
		return nil, nil, err
	}
	gone, err := s.gone(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	d := object.SiteDeployment{ID: id, Manifest: sum[:], Files: len(m.Files)}
	for i := range m.Files {
		d.Bytes += m.Files[i].Size
	}
	out, err := s.change(ctx, b, func(t *object.Site) error {
		if !underway(t, id) {
			return errNotUnderway
		}
		d.Made = max(s.now(), 1000*lastSecond(t))
		t.Underway = slices.DeleteFunc(t.Underway, func(u object.SiteUnderway) bool { return u.ID == id })
		t.Kept = slices.DeleteFunc(t.Kept, func(k object.SiteDeployment) bool { return gone[k.ID] })
		t.Kept = slices.Insert(t.Kept, 0, d)
		t.Kept = t.Kept[:min(len(t.Kept), keep(t))]
		s.show(t, id)
		return nil
	})
	return out, &d, err
}

// complete refuses a deployment whose files are not all there, whoever brought them.
func (s *Store) complete(ctx context.Context, b *object.Bucket, m *Manifest) error {
	there, err := s.there(ctx, b)
	if err != nil {
		return err
	}
	for i := range m.Files {
		f := &m.Files[i]
		if h := there[f.Key()]; h == nil || !f.Vouched(h) {
			return errs.Newf(errs.Conflict, "the file %q was not brought whole: deploy again", f.Path)
		}
	}
	return nil
}

// gone returns the kept deployments that nobody can show any more.
func (s *Store) gone(ctx context.Context, b *object.Bucket) (map[ident.ID]bool, error) {
	b, err := s.asNow(ctx, b)
	if err != nil {
		return nil, err
	}
	out := map[ident.ID]bool{}
	for i := range b.Settings.Site.Kept {
		d := &b.Settings.Site.Kept[i]
		if _, err := s.Manifest(ctx, b, d); lost(err) {
			out[d.ID] = true
		} else if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// asNow reads the bucket of a site anew.
func (s *Store) asNow(ctx context.Context, b *object.Bucket) (*object.Bucket, error) {
	b, err := s.Buckets.BucketByID(ctx, b.ID)
	if err == nil && b.Settings.Site == nil {
		err = ErrNoSite
	}
	return b, err
}

// show makes a deployment the current one, the zero ID: the bucket's own objects.
func (s *Store) show(t *object.Site, id ident.ID) {
	if t.Current != id {
		t.Before, t.Switched, t.Current = t.Current, s.now(), id
	}
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
// behind the current one if it is zero, or the bucket's own objects. Where these are served
// already, it is the one that was before them, or else the newest.
func (s *Store) Rollback(ctx context.Context, b *object.Bucket, id ident.ID, plain bool) (*object.Bucket, error) {
	b, err := s.asNow(ctx, b)
	if err != nil {
		return nil, err
	}
	switch t := b.Settings.Site; {
	case plain:
		id = ident.ID{}
	case id.IsZero() && t.Current.IsZero() && deployment(t, t.Before) != nil:
		id = t.Before
	case id.IsZero():
		at := slices.IndexFunc(t.Kept, func(d object.SiteDeployment) bool { return d.ID == t.Current })
		if at+1 >= len(t.Kept) {
			return nil, errs.New(errs.NotFound, "there is no earlier deployment; rhizome site deployments lists those that are kept, and rhizome site rollback --to ID shows one of them")
		}
		id = t.Kept[at+1].ID
	}
	if d := deployment(b.Settings.Site, id); d != nil {
		if _, err := s.Manifest(ctx, b, d); err != nil { // visitors would see nothing else
			return nil, err
		}
	}
	return s.change(ctx, b, func(t *object.Site) error {
		if !plain && deployment(t, id) == nil {
			return errs.Newf(errs.NotFound, "the site keeps no deployment %s", id)
		}
		s.show(t, id)
		return nil
	})
}

// helped is how long after a switch visitors who opened a page before it get what it is made of.
const helped = 10 * time.Minute

// Before returns the deployment that was served until a short while ago, nil if there is none.
func (s *Store) Before(t *object.Site) *object.SiteDeployment {
	if t.Before.IsZero() || s.now()-t.Switched > helped.Milliseconds() {
		return nil
	}
	return deployment(t, t.Before)
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
		if errs.KindOf(err) == errs.NotFound {
			return nil, errs.Newf(errs.NotFound, "what deployment %s is was deleted under %s in the bucket; deploy the site again: %w", id, Prefix, err)
		}
		return nil, errs.Newf(errs.KindOf(err), "the manifest of deployment %s: %w", id, err)
	}
	defer o.Body.Close()
	return io.ReadAll(io.LimitReader(o.Body, MaxManifest+1))
}
