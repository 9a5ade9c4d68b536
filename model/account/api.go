package account

import (
	"time"

	"rhizome/base/ident"
)

// Key is one S3 key pair and what it may do beyond single buckets. What it may do
// with a bucket stands in the bucket's row.
type Key struct {
	// ID is the access key ID: 3 to 128 of [A-Za-z0-9_-]; keys made here are "RZ"
	// and 24 hexadecimal digits.
	ID string
	// Name is for people, at most 128 bytes.
	Name string
	// Secret is the secret access key; 8 to 128 printable ASCII bytes.
	Secret string
	// CreateBuckets allows making buckets.
	CreateBuckets bool
	Created       time.Time
	// Expires is when the key ends to be good; zero: never. Who knows the secret is told so.
	Expires time.Time
	// Rate is how many requests a second each node serves to the key; 0: as many as come.
	Rate int
	// Member owns the key.
	Member ident.ID
	// Buckets holds names local to this key: name -> bucket ID.
	Buckets map[string]ident.ID
}

// Member is a person with an account.
type Member struct {
	ID      ident.ID
	Name    string
	Created time.Time
	Admin   bool
}
