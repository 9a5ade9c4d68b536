package api

import "time"

// LifecycleRule is a rule that has objects of a bucket go by themselves, as far as it is
// shown here; S3's calls know all of it. Days that are 0 are not asked for.
type LifecycleRule struct {
	ID     string `json:"id"`
	Off    bool   `json:"off,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// Narrowed: it asks for tags or sizes too.
	Narrowed bool `json:"narrowed,omitempty"`
	// Expire is after how many days a current version goes, Date from when on; Noncurrent a
	// noncurrent one, but for the Keep newest; Abort an upload that is not completed.
	Expire     int        `json:"expire_days,omitempty"`
	Date       *time.Time `json:"date,omitempty"`
	Noncurrent int        `json:"noncurrent_days,omitempty"`
	Keep       int        `json:"keep,omitempty"`
	Abort      int        `json:"abort_days,omitempty"`
	// Markers: delete markers go when nothing else is left of a key.
	Markers bool `json:"markers,omitempty"`
}

// SetLifecycle is PUT /v1/buckets/{bucket}/lifecycle: the rule for the prefix is made or
// replaced, others stay; with Off all rules are taken away, with Text it says what they all are,
// as the aws CLI writes them (JSON). GET answers with that as a Document. The answer is the bucket. Without
// Sure nothing changes that has all objects of a bucket go, or takes away what was not made here.
type SetLifecycle struct {
	Sure       bool   `json:"sure,omitempty"`
	Text       string `json:"text,omitempty"`
	Off        bool   `json:"off,omitempty"`
	Prefix     string `json:"prefix,omitempty"`
	Expire     int    `json:"expire_days,omitempty"`
	Noncurrent int    `json:"noncurrent_days,omitempty"`
	Keep       int    `json:"keep,omitempty"`
	Abort      int    `json:"abort_days,omitempty"`
}

// Lifecycle is what a node did for the rules since it was started.
type Lifecycle struct {
	Expired int64 `json:"expired"` // current versions
	Removed int64 `json:"removed"` // noncurrent versions and delete markers
	Aborted int64 `json:"aborted"` // uploads
	Locked  int64 `json:"locked"`  // what a lock kept
	// Last is when it had done all that was due; Left is how many parts of buckets are left
	// of what is due now.
	Last   *time.Time `json:"last,omitempty"`
	Left   int        `json:"left"`
	Reason string     `json:"reason,omitempty"` // why it failed somewhere; it is tried again the next day
	Err    error      `json:"-"`
}
