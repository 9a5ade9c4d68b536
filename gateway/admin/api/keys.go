package api

import "time"

// Key is one S3 key. Secret is set only in answers that were asked for it.
type Key struct {
	ID            string    `json:"access_key_id"`
	Secret        string    `json:"secret_access_key,omitempty"`
	Name          string    `json:"name"`
	CreateBuckets bool      `json:"create_buckets"`
	Created       time.Time `json:"created"`
	// Expires is when the key ends to be good; absent: never.
	Expires *time.Time `json:"expires,omitempty"`
	// Rate is how many requests a second each node serves to it; absent: no limit.
	Rate int `json:"rate,omitempty"`
}

// ChangeKey is PUT /v1/keys/{id}; what is absent stays.
type ChangeKey struct {
	// Expires: never, if Never.
	Expires *time.Time `json:"expires,omitempty"`
	Never   bool       `json:"never,omitempty"`
	// Rate is in requests a second; 0: no limit.
	Rate *int `json:"rate,omitempty"`
}

// DeletedKey answers DELETE /v1/keys/{id}.
type DeletedKey struct {
	// Unused are the buckets that no key may use any more, by a name or the ID.
	Unused []string `json:"unused_buckets"`
}

// NewKey is POST /v1/keys. With ID and Secret it takes an existing pair.
type NewKey struct {
	Name            string `json:"name"`
	NoCreateBuckets bool   `json:"no_create_buckets,omitempty"`
	ID              string `json:"access_key_id,omitempty"`
	Secret          string `json:"secret_access_key,omitempty"`
	// Expires is when it ends to be good; absent: never.
	Expires *time.Time `json:"expires,omitempty"`
}

// Bucket is one bucket and who may do what with it.
type Bucket struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Names   []string  `json:"names"`
	// LocalNames are by key ID.
	LocalNames map[string][]string `json:"local_names,omitempty"`
	Objects    int64               `json:"objects"`
	Bytes      int64               `json:"bytes"`
	Quota      Quota               `json:"quota"`
	Grants     []Grant             `json:"grants"`
	Anonymous  Access              `json:"anonymous"`
	// Policy says that the bucket has a policy, which decides beside Grants and Anonymous.
	Policy *BucketPolicy `json:"policy,omitempty"`
	// Versioning is "on", "suspended", or empty if the bucket never had it.
	Versioning string `json:"versioning,omitempty"`
	// Lock is nil for a bucket without object lock.
	Lock      *BucketLock     `json:"lock,omitempty"`
	Lifecycle []LifecycleRule `json:"lifecycle,omitempty"`
	// Notify says which events webhooks are told of, Waiting what they were not told yet; nil:
	// nothing, or a list of buckets, which does not say it.
	Notify  []Notify `json:"notify,omitempty"`
	Waiting *Waiting `json:"waiting,omitempty"`
	// Logging says where requests are written down; nil: nowhere.
	Logging *Logging `json:"logging,omitempty"`
}

// BucketPolicy is what is to be known of a bucket's policy at a glance.
type BucketPolicy struct {
	// Public says that it opens the bucket to everybody.
	Public bool `json:"public"`
}

// Quota limits a bucket; 0 is no limit.
type Quota struct {
	Bytes   int64 `json:"bytes"`
	Objects int64 `json:"objects"`
}

// SetQuota is PUT /v1/buckets/{bucket}/quota; what is nil stays.
type SetQuota struct {
	Bytes   *int64 `json:"bytes,omitempty"`
	Objects *int64 `json:"objects,omitempty"`
}

// Access is what somebody may do with a bucket.
type Access struct {
	Read  bool `json:"read"`
	Write bool `json:"write"`
	Owner bool `json:"owner"`
}

// Grant is one key's Access.
type Grant struct {
	Key  string `json:"access_key_id"`
	Name string `json:"name"`
	// Deleted: there is no such key any more.
	Deleted bool `json:"deleted,omitempty"`
	Access
}

// SetAccess is POST /v1/buckets/{bucket}/access: what is true in Access is given
// (Allow) or taken away.
type SetAccess struct {
	Key       string `json:"access_key_id,omitempty"`
	Anonymous bool   `json:"anonymous,omitempty"`
	Allow     bool   `json:"allow"`
	// Sure lets anybody write, which is refused without.
	Sure bool `json:"sure,omitempty"`
	Access
}

// NewBucket is POST /v1/buckets.
type NewBucket struct {
	Name string `json:"name"`
	// Key owns the bucket: an ID or a name; empty is the first key.
	Key string `json:"key,omitempty"`
	// Local makes the name local to Key.
	Local bool `json:"local,omitempty"`
}

// Alias is POST /v1/buckets/{bucket}/aliases, and DELETE with the same body's fields
// in the query.
type Alias struct {
	Name string `json:"name"`
	// Key makes the name local to that key.
	Key string `json:"key,omitempty"`
}
