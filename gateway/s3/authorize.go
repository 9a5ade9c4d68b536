package s3

import (
	"errors"
	"net/http"

	"rhizome/base/errs"
	"rhizome/gateway/s3/chunked"
	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object"
)

// authorize finds out who asks, looks the bucket up and checks the route's need.
func (q *request) authorize() error {
	if q.route.Need == open {
		return nil
	}
	if err := q.authenticate(); err != nil {
		return err
	}
	switch q.route.Need {
	case signed:
		if q.who == nil {
			return s3err.New(s3err.AccessDenied)
		}
		return nil
	case form:
		return nil
	}
	return q.enter()
}

func (q *request) authenticate() error {
	a, err := q.signature()
	if err != nil || a.Kind == sigv4.Anonymous {
		return err
	}
	if q.who, err = q.verify(a); err != nil {
		return err
	}
	if err := q.emptyAsSaid(a); err != nil {
		return err
	}
	if a.Kind == sigv4.Query { // what comes out of the query may choose the operation
		a.Hoist(q.r)
		q.route, err = q.g.routes.find(q.scope, q.r, q.query)
	}
	return err
}

// emptyAsSaid refuses a write without a body whose hash is said to be another one: nothing
// has to be read to see it.
func (q *request) emptyAsSaid(a *sigv4.Auth) error {
	if q.r.ContentLength != 0 || q.r.Method != http.MethodPut && q.r.Method != http.MethodPost || a.Payload.Mode != sigv4.Hashed {
		return nil
	}
	return chunked.CheckEmpty(a.Payload.SHA)
}

// signature reads how the request is signed, once: asked again it says the same.
func (q *request) signature() (*sigv4.Auth, error) {
	if q.auth == nil && q.unsigned == nil {
		a, err := q.g.verifier.Parse(q.r, q.g.clock.Now())
		if err != nil {
			q.unsigned = err
		} else {
			q.auth = a
		}
	}
	return q.auth, q.unsigned
}

// verify looks the key of a signature up and checks the signature with it.
func (q *request) verify(a *sigv4.Auth) (*account.Key, error) {
	k, err := q.g.keys(q.ctx, a.AccessKey)
	switch {
	case errors.Is(err, errs.NotFound):
		return nil, sigv4.UnknownKey(a.AccessKey)
	case err != nil:
		return nil, err
	}
	if k != q.guess.key || !q.guess.signed { // else it is the very record that the signature was checked with
		if err := q.g.verifier.Check(a, k.Secret); err != nil {
			return nil, err
		}
	}
	if err := q.admit(k); err != nil {
		return nil, err
	}
	return k, nil
}

// admit refuses a key whose time is over, and the requests of one that makes too many. A
// request is counted once.
func (q *request) admit(k *account.Key) error {
	now := q.g.clock.Now()
	if !k.Expires.IsZero() && !now.Before(k.Expires) {
		return s3err.New(s3err.ExpiredToken)
	}
	if k.Rate == 0 || q.admitted {
		return nil
	}
	q.admitted = true
	if !q.g.rates.take(k.ID, k.Rate, now) {
		return s3err.New(s3err.SlowDown)
	}
	return nil
}

// enter looks the request's bucket up and checks the route's need on it.
func (q *request) enter() error {
	b, err := q.lookup(q.bucketName)
	if err != nil {
		return err
	}
	q.bucket = b
	if err := q.permitted(b, q.who, q.route); err != nil {
		return err
	}
	q.sayBucket()
	return q.checkOwner("X-Amz-Expected-Bucket-Owner", b)
}

// lookup returns a bucket by name as the caller sees it.
func (q *request) lookup(name string) (*object.Bucket, error) {
	b, err := q.g.objects.Bucket(q.ctx, name, q.who)
	if errors.Is(err, object.ErrNoSuchBucket) || errors.Is(err, object.ErrBucketName) {
		return nil, s3err.New(s3err.NoSuchBucket, s3err.Field{Name: "BucketName", Value: name})
	}
	return b, err
}

// checkOwner holds a bucket's owner against the one that the client expects.
func (q *request) checkOwner(header string, b *object.Bucket) error {
	want := q.r.Header.Get(header)
	if want == "" {
		return nil
	}
	owner, err := q.owner(b)
	if err == nil && owner != want {
		err = s3err.New(s3err.AccessDenied)
	}
	return err
}

// owner returns the ID of the member who owns b: the one of the caller if the
// caller's key owns it, else of the owning key that sorts first.
func (q *request) owner(b *object.Bucket) (string, error) {
	if q.who != nil && b.Grants[q.who.ID].Owner {
		return memberID(q.who), nil
	}
	first := firstOwner(b)
	if first == "" {
		return b.ID.String(), nil
	}
	k, err := q.g.keys(q.ctx, first)
	switch {
	case errors.Is(err, errs.NotFound):
		return b.ID.String(), nil
	case err != nil:
		return "", err
	}
	return memberID(k), nil
}

func firstOwner(b *object.Bucket) (first string) {
	for id, a := range b.Grants {
		if a.Owner && (first == "" || id < first) {
			first = id
		}
	}
	return first
}

func memberID(k *account.Key) string { return k.Member.String() }
