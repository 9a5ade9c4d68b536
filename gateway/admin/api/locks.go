package api

import "time"

// The modes of a retention.
const (
	Governance = "governance" // who may bypass it may end it
	Compliance = "compliance" // nobody may
)

// BucketLock is a bucket's object lock: On, and the retention that versions get which are
// given none, if any.
type BucketLock struct {
	On    bool   `json:"on"`
	Mode  string `json:"mode,omitempty"`
	Days  int    `json:"days,omitempty"`
	Years int    `json:"years,omitempty"`
}

// SetLock is PUT /v1/buckets/{bucket}/lock; the answer is the bucket. Without Sure it is
// turned on for no bucket that does not have it, for it stays on, and nothing is kept in the mode
// compliance.
type SetLock struct {
	Mode  string `json:"mode,omitempty"`
	Days  int    `json:"days,omitempty"`
	Years int    `json:"years,omitempty"`
	Sure  bool   `json:"sure,omitempty"`
}

// Lock is a version's; nil: it has none.
type Lock struct {
	Mode  string     `json:"mode,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	Hold  bool       `json:"hold,omitempty"`
}

// SetRetention is PUT /v1/buckets/{bucket}/retention; the answer is the Lock.
type SetRetention struct {
	Key string `json:"key"`
	// Version is empty for the current one.
	Version string    `json:"version,omitempty"`
	Mode    string    `json:"mode"`
	Until   time.Time `json:"until"`
	// Bypass ends a retention in the mode governance.
	Bypass bool `json:"bypass,omitempty"`
	// Sure is needed for the mode compliance, which nobody ends.
	Sure bool `json:"sure,omitempty"`
}

// SetHold is PUT /v1/buckets/{bucket}/hold; the answer is the Lock.
type SetHold struct {
	Key     string `json:"key"`
	Version string `json:"version,omitempty"`
	On      bool   `json:"on"`
}
