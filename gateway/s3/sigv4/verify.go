package sigv4

import (
	"context"
	"net/http"
	"time"

	"rhizome/gateway/s3/s3err"
)

// MaxSkew is how far a request's time may lie from ours.
const MaxSkew = 15 * time.Minute

// MaxExpires is the longest life of a presigned URL.
const MaxExpires = 7 * 24 * time.Hour

// Verifier checks signatures. It is safe for concurrent use; it keeps a bounded number
// of derived signing keys.
type Verifier struct {
	region string
}

// New returns a Verifier. With a region, every other region in a scope is refused; with
// "", any is accepted.
func New(region string) *Verifier { return &Verifier{region: region} }

// Parse reads how r is signed and checks all that needs no secret: shape, algorithm,
// scope, time, and that all that must be signed is named. A request without any
// signature is Anonymous, no error. r must not change before Check.
func (v *Verifier) Parse(r *http.Request, now time.Time) (*Auth, error) {
	return nil, s3err.New(s3err.NotImplemented)
}

// Check checks a's signature with the secret of a.AccessKey. Anonymous passes.
func (v *Verifier) Check(a *Auth, secret string) error { return s3err.New(s3err.NotImplemented) }

// Lookup returns the secret of an access key, or an error, which Verify returns as it
// is; UnknownKey is the one for a key that does not exist.
type Lookup func(ctx context.Context, accessKey string) (secret string, err error)

// Verify is Parse, lookup and Check in one. lookup is not called for anonymous requests.
func (v *Verifier) Verify(r *http.Request, now time.Time, lookup Lookup) (*Auth, error) {
	return nil, s3err.New(s3err.NotImplemented)
}

// UnknownKey is the error for an access key that does not exist.
func UnknownKey(accessKey string) error {
	return s3err.New(s3err.InvalidAccessKeyId, s3err.Field{Name: "AWSAccessKeyId", Value: accessKey})
}

// ParseForm reads how a browser's POST is signed from its fields, by lower-case name.
// What is signed is the field "policy" as sent. Without any x-amz-* signing field the
// form is Anonymous.
func (v *Verifier) ParseForm(field func(name string) (string, bool), now time.Time) (*Auth, error) {
	return nil, s3err.New(s3err.NotImplemented)
}

// Hoist moves the x-amz-* parameters of a presigned query that stand for headers (all
// but those of the signature itself) into r.Header, as S3 does, unless the header is
// there already. Call it after Check.
func (a *Auth) Hoist(r *http.Request) {}
