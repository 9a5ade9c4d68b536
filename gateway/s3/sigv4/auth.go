package sigv4

import (
	"net/http"
	"strings"
	"time"

	"rhizome/gateway/s3/s3err"
)

// Kind is where a request carries its signature.
type Kind uint8

// The kinds.
const (
	Anonymous Kind = iota // not signed
	Header                // in the Authorization header
	Query                 // in the query: a presigned URL
	Form                  // in the fields of a browser's POST
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	service    = "s3"
	terminal   = "aws4_request"
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"
)

// Limits on what a request may say about its signature.
const (
	maxAccessKey     = 128
	maxSignedHeaders = 128
)

// Scope is what a signing key is good for.
type Scope struct {
	Date    string // yyyymmdd
	Region  string
	Service string
}

// String returns the credential scope as it stands in a string to sign.
func (s Scope) String() string { return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminal }

// Auth is how a request says it is signed. Nothing in it is to be believed before Check.
type Auth struct {
	Kind      Kind
	AccessKey string
	Scope     Scope
	// Time is when it was signed, in UTC, to the second.
	Time time.Time
	// Expires is how long a presigned URL is good, from Time on.
	Expires time.Duration
	// Payload says how the body is covered; also set for anonymous requests.
	Payload Payload

	r         *http.Request
	hash      string // the last line of the canonical request
	stamp     string // Time as in x-amz-date
	signed    string // SignedHeaders as sent
	signature string
	policy    string       // of a Form: what is signed
	late      *s3err.Error // what is wrong with the time, nil for nothing
	key       [32]byte     // the signing key, after Check
}

// ContentSHA256 returns what the signature says of the body, as x-amz-content-sha256 has it, wherever
// it stood; of a form "", whose bytes no signature covers.
func (a *Auth) ContentSHA256() string { return a.hash }

// Chain is what the chunks of a streaming body are signed with. It is a secret.
type Chain struct {
	Key   [32]byte
	Time  string // as in x-amz-date
	Scope string
	Seed  string // the signature of the request
}

// Chain returns the chain that begins with a's signature. Call it after Check.
func (a *Auth) Chain() Chain {
	return Chain{Key: a.key, Time: a.stamp, Scope: a.Scope.String(), Seed: a.signature}
}

// Hoist moves the x-amz-* parameters of a presigned query that stand for headers (all
// but those of the signature itself) into r.Header, as S3 does, unless the header is
// there already. Call it after Check.
func (a *Auth) Hoist(r *http.Request) {
	if a.Kind != Query {
		return
	}
	for name, values := range r.URL.Query() {
		if len(name) < 6 || !strings.EqualFold(name[:6], "x-amz-") || isSigning(name) {
			continue
		}
		if key := http.CanonicalHeaderKey(name); r.Header[key] == nil {
			r.Header[key] = values
		}
	}
}

// isSigning reports whether a query parameter belongs to the signature.
func isSigning(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
		"X-Amz-Signedheaders", "X-Amz-Signature", "X-Amz-Security-Token":
		return true
	}
	return false
}
