package api

import "time"

// Versioning says whether what is replaced or deleted is kept.
const (
	VersioningOn        = "on"
	VersioningSuspended = "suspended"
)

// SetVersioning is PUT /v1/buckets/{bucket}/versioning.
type SetVersioning struct {
	Versioning string `json:"versioning"`
}

// Version is one version of an object, or a delete marker.
type Version struct {
	Object
	ID     string `json:"id"`
	Latest bool   `json:"latest,omitempty"`
	Marker bool   `json:"marker,omitempty"`
	Lock   *Lock  `json:"lock,omitempty"`
}

// Versions is GET /v1/buckets/{bucket}/versions?key=&after=: the versions of one object, the
// newest first.
type Versions struct {
	Versions []Version `json:"versions"`
	More     bool      `json:"more"`
	Next     string    `json:"next,omitempty"`
}

// Undelete is POST /v1/buckets/{bucket}/undelete; the answer is the object, or Restored for
// all under a prefix. An empty key with Prefix is the whole bucket.
type Undelete struct {
	Key    string `json:"key"`
	Prefix bool   `json:"prefix,omitempty"`
	Dry    bool   `json:"dry,omitempty"`   // with Prefix, as the two below: say what it would do, and do nothing
	After  string `json:"after,omitempty"` // Limit is how many objects are looked at, after After; 0: all
	Limit  int    `json:"limit,omitempty"`
}

// Restore is POST /v1/buckets/{bucket}/restore: an object, or all under a prefix, become what
// they were at a time, which is not to come. An empty key with Prefix is the whole bucket.
type Restore struct {
	Key    string    `json:"key"`
	Prefix bool      `json:"prefix,omitempty"`
	At     time.Time `json:"at"`
	// Dry: say what it would do, and do nothing.
	Dry bool `json:"dry,omitempty"`
	// Limit is how many objects are looked at, after After; 0: all.
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Restored is the answer: how many objects were brought back, how many deleted because they
// were not there then, and how many are what they were.
type Restored struct {
	Brought int `json:"brought"`
	Deleted int `json:"deleted"`
	Same    int `json:"same"`
	// Next is what to go on After, if the Limit left some.
	Next string `json:"next,omitempty"`
}
