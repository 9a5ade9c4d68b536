package api

import "time"

// Logging says where a bucket's requests are written down, and how that goes on the node that
// is asked.
type Logging struct {
	To     string `json:"to"`
	Prefix string `json:"prefix,omitempty"`
	// Partitioned is "event" or "delivery" if names of log objects have the day in them.
	Partitioned string `json:"partitioned,omitempty"`
	// Written and Dropped are lines since the node was started, Waiting bytes of lines.
	Written int64 `json:"written"`
	Dropped int64 `json:"dropped"`
	Waiting int64 `json:"waiting_bytes"`
	// Reason is why nothing can be written, Since since when.
	Reason string     `json:"reason,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
}

// SetLogging is PUT /v1/buckets/{bucket}/logging; with Off nothing is written any more. The
// answer is the bucket.
type SetLogging struct {
	Off         bool   `json:"off,omitempty"`
	To          string `json:"to,omitempty"`
	Prefix      string `json:"prefix,omitempty"`
	Partitioned string `json:"partitioned,omitempty"`
}
