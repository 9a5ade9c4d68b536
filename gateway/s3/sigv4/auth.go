package sigv4

import (
	"net/http"
	"time"
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

// Scope is what a signing key is good for.
type Scope struct {
	Date    string // yyyymmdd
	Region  string
	Service string
}

// String returns the credential scope as it stands in a string to sign.
func (s Scope) String() string { return s.Date + "/" + s.Region + "/" + s.Service + "/aws4_request" }

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
	signed    string   // SignedHeaders as sent
	headers   []string // signed, split
	signature string
	key       [32]byte // the signing key, after Check
}

// Chain is what the chunks of a streaming body are signed with. It is a secret.
type Chain struct {
	Key   [32]byte
	Time  string // as in x-amz-date
	Scope string
	Seed  string // the signature of the request
}

// Chain returns the chain that begins with a's signature. Call it after Check.
func (a *Auth) Chain() Chain {
	return Chain{Key: a.key, Time: a.Time.Format(timeFormat), Scope: a.Scope.String(), Seed: a.signature}
}

const timeFormat = "20060102T150405Z"
