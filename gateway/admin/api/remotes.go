package api

import "time"

// Remote is GET /v1/remotes/{name}: another S3 store to which buckets may be replicated. GET
// /v1/remotes has all. The secret is never shown.
type Remote struct {
	Name     string    `json:"name"`
	Endpoint string    `json:"endpoint"`
	Region   string    `json:"region,omitempty"`
	Style    string    `json:"style"` // auto, path or host
	Key      string    `json:"key"`
	Rate     int64     `json:"rate,omitempty"` // bytes a second that each node sends at most; 0: no limit
	Owner    string    `json:"owner"`
	Own      bool      `json:"own"` // it is of the member who runs the node
	Created  time.Time `json:"created"`
}

// NewRemote is POST /v1/remotes.
type NewRemote struct {
	Name     string `json:"name"`
	Endpoint string `json:"endpoint"`
	Region   string `json:"region,omitempty"`
	Style    string `json:"style,omitempty"`
	Key      string `json:"key"`
	Secret   string `json:"secret"`
	Rate     int64  `json:"rate,omitempty"`
}

// SetRemote is PUT /v1/remotes/{name}: what is nil stays as it is.
type SetRemote struct {
	Endpoint *string `json:"endpoint,omitempty"`
	Region   *string `json:"region,omitempty"`
	Style    *string `json:"style,omitempty"`
	Key      *string `json:"key,omitempty"`
	Secret   *string `json:"secret,omitempty"`
	Rate     *int64  `json:"rate,omitempty"`
}

// RemoteCheck is what POST /v1/remotes/{name}/check?bucket= answers: the buckets that the key sees, or
// whether it may list and write the one.
type RemoteCheck struct {
	OK      bool     `json:"ok"`
	Buckets []string `json:"buckets,omitempty"`
	// Reason says what does not work; empty: all does.
	Reason string `json:"reason,omitempty"`
}

// Replicate is PUT /v1/buckets/{bucket}/replication: a rule, in place of one with the same ID.
// DELETE takes those away that ?to= names, or all.
type Replicate struct {
	ID      string `json:"id"`
	To      string `json:"to"` // REMOTE/BUCKET
	Prefix  string `json:"prefix,omitempty"`
	Deletes bool   `json:"deletes,omitempty"`
	// New: what was there before is not copied.
	New bool `json:"new,omitempty"`
	Off bool `json:"off,omitempty"`
	// Tags are those that an object must have, as S3's configuration said.
	Tags []string `json:"tags,omitempty"`
}

// Replication is an element of GET /v1/buckets/{bucket}/replication: how one destination is.
type Replication struct {
	To    string      `json:"to"`
	Rules []Replicate `json:"rules"`
	// Objects and Bytes are not there as they are here, the first since Oldest.
	Objects int64      `json:"objectsWaiting"`
	Bytes   int64      `json:"bytesWaiting"`
	Oldest  *time.Time `json:"oldest,omitempty"`
	// Lag is for how long the oldest waits, in seconds.
	Lag float64 `json:"lagSeconds"`
	// Refused objects are not taken there, of which Key is one; Why says why.
	Refused int    `json:"refused,omitempty"`
	Key     string `json:"refusedKey,omitempty"`
	Why     string `json:"refusedWhy,omitempty"`
	// First is about going through the bucket; it is over if Done.
	First FirstCopy `json:"firstCopy"`
	// Error is why nothing can be sent, since Failed; empty: nothing is wrong.
	Error  string     `json:"error,omitempty"`
	Failed *time.Time `json:"failedSince,omitempty"`
	// Skipped objects cannot be copied, for only clients have their keys; SkippedKeys are some of
	// them.
	Skipped     int64    `json:"skipped,omitempty"`
	SkippedKeys []string `json:"skippedKeys,omitempty"`
}

// FirstCopy says how far the copy of what was there before is. Left is how many seconds it will
// still take, 0 if that cannot be told.
type FirstCopy struct {
	Done         bool    `json:"done"`
	Objects      int64   `json:"objects"`
	OfObjects    int64   `json:"ofObjects"`
	Bytes        int64   `json:"bytes"`
	OfBytes      int64   `json:"ofBytes"`
	SecondsLeft  float64 `json:"secondsLeft,omitempty"`
	BytesPerSec  float64 `json:"bytesPerSecond,omitempty"`
	ObjectPerSec float64 `json:"objectsPerSecond,omitempty"`
}
