package object

import (
	"strings"

	"rhizome/base/ident"
)

// OwnPrefix is where rhizome keeps what belongs to a bucket, such as the deployments of its web
// site. Through S3 only the bucket's owner writes there.
const OwnPrefix = ".rhizome/"

// spares reports whether a key is of the bucket's site rather than of its people: what goes through
// a whole bucket, rules and Restore, passes over it.
func (s *Settings) spares(key string) bool { return s.Site != nil && strings.HasPrefix(key, OwnPrefix) }

// Site makes a bucket a web site. Package site owns it, keeps its rules and says what each
// of its fields means; it stands here because it is in the bucket's row.
type Site struct {
	// Hosts are the names that lead here.
	Hosts []SiteHost `cbor:"1,keyasint,omitempty"`
	// Index is what is served for a folder, the last part of a key; Error the key of
	// what is served with an error's status, "" for none.
	Index string `cbor:"2,keyasint,omitempty"`
	Error string `cbor:"3,keyasint,omitempty"`
	// RedirectAll sends every visitor elsewhere; then all else counts for nothing.
	RedirectAll *SiteTarget `cbor:"4,keyasint,omitempty"`
	// Rules are S3's routing rules; the first that fits counts.
	Rules []SiteRule `cbor:"5,keyasint,omitempty"`
	// Listing shows what is in folders without index, Stale serves what this home has
	// when no majority answers, Neighbours looks for x.br, x.zst and x.gz beside x.
	Listing    bool `cbor:"6,keyasint,omitempty"`
	Stale      bool `cbor:"7,keyasint,omitempty"`
	Neighbours bool `cbor:"8,keyasint,omitempty"`
	// Password is what a visitor's password is held against, "" for none.
	Password string `cbor:"9,keyasint,omitempty"`
	// Current is the deployment that is served, the zero ID for the bucket's own objects.
	Current ident.ID `cbor:"10,keyasint,omitzero"`
	// Kept are the deployments that can be served, the newest first; Keep says how many
	// at most.
	Kept []SiteDeployment `cbor:"11,keyasint,omitempty"`
	Keep int              `cbor:"12,keyasint,omitempty"`
	// Underway are the deployments that are being made.
	Underway []SiteUnderway `cbor:"13,keyasint,omitempty"`
	// Before is what was served before Current, until Switched (Unix milliseconds). A node of an
	// older release may lose both, and nothing but what visitors are helped by for some minutes.
	Before   ident.ID `cbor:"14,keyasint,omitzero"`
	Switched int64    `cbor:"15,keyasint,omitempty"`
}

// SiteHost is a name that leads to a site; if To is set, it only leads on to that one.
type SiteHost struct {
	Name string `cbor:"1,keyasint"`
	To   string `cbor:"2,keyasint,omitempty"`
}

// SiteTarget is where a redirect leads. What is empty is as it was asked for.
type SiteTarget struct {
	Host     string `cbor:"1,keyasint,omitempty"`
	Protocol string `cbor:"2,keyasint,omitempty"` // http or https
	Status   int    `cbor:"3,keyasint,omitempty"` // 0: 301
	// Key replaces the key, Prefix the beginning of it that the rule names.
	Key    *string `cbor:"4,keyasint,omitempty"`
	Prefix *string `cbor:"5,keyasint,omitempty"`
}

// SiteRule redirects what begins with Prefix, if Status is set only what would be
// answered with that error.
type SiteRule struct {
	Prefix string     `cbor:"1,keyasint,omitempty"`
	Status int        `cbor:"2,keyasint,omitempty"`
	To     SiteTarget `cbor:"3,keyasint"`
}

// SiteDeployment is a set of files that is served as a whole.
type SiteDeployment struct {
	ID ident.ID `cbor:"1,keyasint"`
	// Manifest is the SHA-256 of its manifest.
	Manifest []byte `cbor:"2,keyasint"`
	Made     int64  `cbor:"3,keyasint"` // Unix milliseconds
	Files    int    `cbor:"4,keyasint"`
	Bytes    int64  `cbor:"5,keyasint"`
}

// SiteUnderway is a deployment that somebody makes.
type SiteUnderway struct {
	ID ident.ID `cbor:"1,keyasint"`
	// Begun is in Unix milliseconds; of all deployments of a site no two are begun in one second.
	Begun int64 `cbor:"2,keyasint"`
}
