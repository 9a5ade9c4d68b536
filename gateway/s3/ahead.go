package s3

import (
	"context"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object"
)

// guess is what this node knew last of what a request is about. What it leads to is
// begun side by side with reading what is true; see object.Ahead.
type guess struct {
	ahead  *object.Ahead // nil: nothing is begun
	key    *account.Key  // nil: unknown, or anonymous
	bucket *object.Bucket
	upload *object.Upload // of a part, if assumed
	signed bool           // the signature is right by key
	// assumed: the operation runs on the guess, until confirm.
	assumed, confirmed bool
}

// foresee begins what the request needs, as far as its head tells, and reports whether
// the caller may have it by what was known last. Before that is so, no more is begun than
// finding it out takes.
// What a replica may be is known for sure, so that nothing is begun for one.
func (q *request) foresee() bool {
	if q.g.ahead == nil || q.saysReplica() || q.route.Need == open || q.route.Need == form {
		return false
	}
	a, err := q.signature()
	if err != nil {
		return false // as authorize will say
	}
	g := &q.guess
	if q.ctx, g.ahead = q.g.ahead.Ahead(q.ctx); g.ahead == nil {
		return false
	}
	if a.Kind != sigv4.Anonymous {
		g.key = g.ahead.Key(a.AccessKey)
	}
	if q.scope != service && q.route.Need != signed {
		g.bucket = g.ahead.Bucket(q.bucketName)
	}
	if !q.likely(a) {
		return false
	}
	if q.route.foresee != nil {
		q.route.foresee(q, *g)
	}
	return true
}

// likely checks the signature and the route's need by the guess.
func (q *request) likely(a *sigv4.Auth) bool {
	g := &q.guess
	if a.Kind != sigv4.Anonymous {
		if g.key == nil || q.g.verifier.Check(a, g.key.Secret) != nil {
			return false
		}
		g.signed = true
	}
	if a.Kind == sigv4.Query {
		a.Hoist(q.r) // signed by this key, or refused in the end
		r, err := q.g.routes.find(q.scope, q.r, q.query)
		if err != nil {
			return false
		}
		q.route = r
	}
	if q.route.Need == signed {
		return g.key != nil
	}
	return g.bucket != nil && q.permitted(g.bucket, g.key, q.route) == nil
}

// assume carries the operation out as if the guess were true. Its answer, if only an
// error, is given when it was: see confirm.
func (q *request) assume() error {
	if q.guess.key != nil {
		if err := q.admit(q.guess.key); err != nil && translated(err) == s3err.SlowDown {
			return err // before the body is read; what else it may be, confirm finds
		}
	}
	q.guess.assumed = true
	q.who, q.bucket = q.guess.key, q.guess.bucket
	err := q.perform()
	if err == nil || q.guess.confirmed || q.status != 0 {
		return err
	}
	b, denied := q.confirm(q.ctx)
	switch {
	case denied != nil:
		return denied
	case b != q.guess.bucket || q.who != q.guess.key:
		return errs.Newf(errs.Unavailable, "the bucket or the key was changed meanwhile; try again: %v", err)
	}
	return err
}

// confirm finds out whether the caller may do what is under way, as authorize does for
// others, and returns the bucket as it is.
func (q *request) confirm(context.Context) (*object.Bucket, error) {
	if err := q.authorize(); err != nil {
		return nil, err
	}
	q.guess.confirmed = true
	return q.bucket, q.keysAllowed(q.bucket)
}

func foreseeObject(q *request, g guess) {
	g.ahead.Version(g.bucket, q.key, q.query.get("versionId"))
}

func foreseeDelete(q *request, g guess) {
	if v := q.query.get("versionId"); v != "" {
		g.ahead.Version(g.bucket, q.key, v)
	}
	g.ahead.Change(g.bucket, q.key)
}

func foreseePut(q *request, g guess) {
	g.ahead.Room(g.bucket, q.key, ident.ID{}, 0)
	if q.r.Header["If-Match"] != nil || q.r.Header["If-None-Match"] != nil {
		g.ahead.Object(g.bucket, q.key)
	}
}

func foreseeBuckets(_ *request, g guess) { g.ahead.Buckets() }

func foreseeList(q *request, g guess) {
	l, err := q.listing("max-keys")
	if err != nil {
		return
	}
	after, err := q.listAfter()
	if err != nil {
		return
	}
	g.ahead.List(g.bucket, object.List{Prefix: l.prefix, Delimiter: l.delimiter, After: after, Limit: l.limit})
	q.foreseeOwner(g)
}

// listAfter is where a listing of objects goes on, whichever it is.
func (q *request) listAfter() (string, error) {
	switch q.route.Action {
	case "ListObjects":
		return q.query.get("marker"), nil
	}
	after, err := decodeToken(q.query, "continuation-token")
	if err == nil && after == "" {
		after = q.query.get("start-after")
	}
	return after, err
}

// foreseeOwner is for answers that name the bucket's owner.
func (q *request) foreseeOwner(g guess) {
	if g.key != nil && g.bucket.Grants[g.key.ID].Owner {
		return
	}
	if id := firstOwner(g.bucket); id != "" {
		g.ahead.Owner(id)
	}
}

func foreseeUploads(q *request, g guess) {
	from, _, err := q.uploadsFrom()
	if err != nil {
		return
	}
	g.ahead.ListUploads(g.bucket, from)
	q.foreseeOwner(g)
}

func foreseePart(q *request, g guess) {
	id, number, err := q.partOf()
	if err != nil {
		return
	}
	q.guess.upload = g.ahead.Upload(g.bucket, q.key, id)
	g.ahead.Room(g.bucket, q.key, id, number)
}

func foreseeParts(q *request, g guess) {
	id, err := q.uploadID()
	if err != nil {
		return
	}
	for range 2 { // of this gateway and of the service
		g.ahead.Upload(g.bucket, q.key, id)
	}
	l, err := q.listing("max-parts")
	after, err2 := q.partMarker()
	if err == nil && err2 == nil && l.limit > 0 {
		g.ahead.Parts(id, after, l.limit)
	}
	q.foreseeOwner(g)
}

func foreseeComplete(q *request, g guess) {
	id, err := q.uploadID()
	if err != nil {
		return
	}
	for range 2 { // as above
		g.ahead.Upload(g.bucket, q.key, id)
	}
	g.ahead.Parts(id, 0, 0)
	foreseePut(q, g)
}

func foreseeAbort(q *request, g guess) {
	if id, err := q.uploadID(); err == nil {
		g.ahead.ChangeUpload(g.bucket, q.key, id)
	}
}

func foreseeCopy(q *request, g guess) {
	foreseePut(q, g)
	name, key, version, err := parseSource(q.r.Header.Get(copySource))
	if err != nil {
		return
	}
	b := g.ahead.Bucket(name)
	if b == nil {
		return
	}
	there := &existing{b: b, at: object.Get{Key: key, Version: version}}
	if q.decide(b, g.key, reads, there, q.r.Header, versioned(version, "s3:GetObject", "s3:GetObjectVersion")) == nil {
		g.ahead.Version(b, key, version)
	}
}

func foreseeCopyPart(q *request, g guess) {
	foreseeCopy(q, g)
	if id, number, err := q.partOf(); err == nil {
		g.ahead.Upload(g.bucket, q.key, id) // as above
		g.ahead.Upload(g.bucket, q.key, id)
		g.ahead.Room(g.bucket, q.key, id, number)
	}
}
