package object

import (
	"context"

	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/account"
)

// Foreseer is a Service that can begin what a request needs before it is known whether
// the caller may have it, so that round trips to other homes overlap.
type Foreseer interface {
	// Ahead begins nothing yet. The context is the request's from here on. A nil *Ahead
	// says that it is of no use: there are no other homes.
	Ahead(ctx context.Context) (context.Context, *Ahead)
}

// Ahead begins to read, and to ask for promises, on a guess of what a request needs.
// The guess rests on what this node knew last; what the request decides rests on what
// it then reads, which began after it did. So a wrong guess costs time alone. A nil
// *Ahead begins nothing and knows nothing. Close ends it.
type Ahead struct {
	s    *Store
	regs *register.Ahead
	key  *account.Key
}

// Ahead implements Foreseer.
func (s *Store) Ahead(ctx context.Context) (context.Context, *Ahead) {
	ctx, a := s.ahead(ctx)
	if a == nil {
		return ctx, nil
	}
	return ctx, &Ahead{s: s, regs: a}
}

func (s *Store) ahead(ctx context.Context) (context.Context, *register.Ahead) {
	if b, ok := s.Registers.(register.Beginner); ok {
		return b.Ahead(ctx)
	}
	return ctx, nil
}

// Close gives up what nobody took. Nothing of the request runs any more.
func (a *Ahead) Close() {
	if a != nil {
		a.regs.Close()
	}
}

// Key begins to read the caller's key, and returns it as it was last, nil if unknown.
func (a *Ahead) Key(id string) *account.Key {
	k, row := a.s.Accounts.Known(id)
	a.regs.Read(row)
	a.key = k
	return k
}

// Owner begins to read a key that is not the caller's.
func (a *Ahead) Owner(id string) {
	_, row := a.s.Accounts.Known(id)
	a.regs.Read(row)
}

// Bucket begins to look a name up, as the caller's key sees it, and returns the bucket
// as it was last, nil if unknown.
func (a *Ahead) Bucket(name string) *Bucket {
	id, known := ident.ID{}, false
	if a.key != nil {
		id, known = a.key.Buckets[name]
	}
	if !known {
		if CheckBucketName(name) != nil {
			return nil
		}
		a.regs.Read(aliasRow(name))
		id, known = a.s.aliases.Last(name)
	}
	if !known {
		return nil
	}
	a.regs.Read(bucketRow(id))
	b, _ := a.s.decoded.Last(id)
	return b
}

// Rows begins to read rows of other tables that lead to a bucket.
func (a *Ahead) Rows(rows ...register.Row) { a.regs.Read(rows...) }

// BucketByID begins to read a bucket, and returns it as it was last, nil if unknown.
func (a *Ahead) BucketByID(id ident.ID) *Bucket {
	a.regs.Read(bucketRow(id))
	b, _ := a.s.decoded.Last(id)
	return b
}

// Object begins to read an object's row.
func (a *Ahead) Object(b *Bucket, key string) { a.regs.Read(b.objectRow(key)) }

// Change begins to ask for the promises of a change of an object's row that comes as
// soon as it is allowed. Others on this node wait for it until then.
func (a *Ahead) Change(b *Bucket, key string) { a.regs.Prepare(b.objectRow(key), register.Ballot{}) }

// List, ListUploads and Buckets begin a listing.
func (a *Ahead) List(b *Bucket, l List) {
	if l.Limit > 0 {
		a.regs.Scan(b.scan(l))
	}
}

// ListUploads: see List.
func (a *Ahead) ListUploads(b *Bucket, l ListUploads) {
	if l.Limit > 0 {
		a.regs.Scan(b.scanUploads(l))
	}
}

// Buckets: see List.
func (a *Ahead) Buckets() { a.regs.Scan(scanBuckets()) }

// Upload begins to read an upload, and returns it as it was last, nil if unknown.
func (a *Ahead) Upload(b *Bucket, key string, id ident.ID) *Upload {
	a.regs.Read(b.uploadAddress(key, id).row())
	r, ok := a.s.uploads.Last(id)
	if !ok {
		return nil
	}
	return r.upload(key)
}

// ChangeUpload is Change of an upload.
func (a *Ahead) ChangeUpload(b *Bucket, key string, id ident.ID) {
	a.regs.Prepare(b.uploadAddress(key, id).row(), register.Ballot{})
}

// Parts begins to list the parts of an upload; limit 0: as completing does.
func (a *Ahead) Parts(id ident.ID, after, limit int) {
	if limit == 0 {
		a.regs.Scan(scanAllParts(id, 0))
		return
	}
	a.regs.Scan(scanParts(id, after, limit))
}

// Room begins to read what a quota of the bucket is held against when an object is
// written; part, if not 0, is the part of the upload that is.
func (a *Ahead) Room(b *Bucket, key string, upload ident.ID, part int) {
	if b.Quota == (Quota{}) {
		return
	}
	a.regs.Weigh(Objects, b.parts()...)
	a.Object(b, key)
	if part != 0 {
		a.regs.Weigh(Parts, upload.Key())
		a.regs.Read(partRow(upload, part))
	}
}

// Version begins to read a version of an object, and the object's row.
func (a *Ahead) Version(b *Bucket, key, version string) {
	a.Object(b, key)
	if w, err := parseVersion(version); err == nil && w.number != 0 {
		a.regs.Read(versionRow(b.objectRow(key), w.number))
	}
}

// ListVersions: see List.
func (a *Ahead) ListVersions(b *Bucket, l ListVersions) {
	if l.Limit > 0 {
		l.Limit = min(l.Limit, MaxListEntries) + 1
		a.regs.Scan(b.scanTops(l))
	}
}
