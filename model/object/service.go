package object

import (
	"context"

	"rhizome/base/ident"
	"rhizome/model/account"
)

// Service is what gateways use; *Store implements it. All methods are safe for
// concurrent use and are linearizable per key. A success is durable. Methods that
// take a *Bucket check that the bucket is still as it was looked up, where that
// matters; none of them authorises: the gateway does, with Bucket.May.
type Service interface {
	// CreateBucket makes a bucket owned by key k under a global name (or, with local,
	// one local to k). It fails with ErrBucketName, ErrBucketExists or ErrBucketOwned.
	CreateBucket(ctx context.Context, name string, k *account.Key, local bool) (*Bucket, error)
	// CreateLocked is CreateBucket of one that has versioning and object lock.
	CreateLocked(ctx context.Context, name string, k *account.Key, local bool) (*Bucket, error)
	// Bucket looks a name up: k's local names first, then the global ones.
	Bucket(ctx context.Context, name string, k *account.Key) (*Bucket, error)
	// Buckets returns the buckets that k may do something with, by name as k sees it.
	Buckets(ctx context.Context, k *account.Key) ([]NamedBucket, error)
	// DeleteBucket fails with ErrBucketNotEmpty while there is an object. Uploads under
	// way are aborted.
	DeleteBucket(ctx context.Context, b *Bucket) error
	// ChangeAccess changes what a key, or anybody if key is empty, may do with a bucket.
	ChangeAccess(ctx context.Context, bucket ident.ID, key string, change func(Access) Access) (*Bucket, error)
	// ChangeSettings changes what gateways keep about a bucket, durably. change may be
	// called several times and has no other effects; it refuses by returning an error. Of
	// two changes at once neither is lost.
	ChangeSettings(ctx context.Context, b *Bucket, change func(*Settings) error) (*Bucket, error)
	// Usage counts every version. It is exact when nothing is under way.
	Usage(ctx context.Context, b *Bucket) (Usage, error)

	Put(ctx context.Context, b *Bucket, p Put) (*Head, error)
	Get(ctx context.Context, b *Bucket, g Get) (*Object, error)
	// Stat is Get without the bytes.
	Stat(ctx context.Context, b *Bucket, g Get) (*Object, error)
	// Parts returns the parts of an object with Number > after, at most limit.
	Parts(ctx context.Context, b *Bucket, key, version string, after, limit int) ([]Part, bool, error)
	// Delete removes an object. A missing one is no error without conditions; with
	// IfMatch it is ErrNoSuchKey. In a bucket with versioning it makes a delete marker.
	Delete(ctx context.Context, b *Bucket, key string, cond Conditions) (*Deleted, error)
	// DeleteVersion removes one version for good. A missing one is no error, a locked one
	// ErrLocked.
	DeleteVersion(ctx context.Context, b *Bucket, key, version string, cond Conditions) (*Deleted, error)
	// ListVersions lists versions and delete markers: see Versions.
	ListVersions(ctx context.Context, b *Bucket, l ListVersions) (*ListedVersions, error)
	// SetVersioning turns versioning on, or suspends it.
	SetVersioning(ctx context.Context, b *Bucket, v Versioning) (*Bucket, error)
	// SetTags replaces the tags of a version, or of the current one if version is empty. It
	// makes no other version, and changes neither ETag nor Modified.
	SetTags(ctx context.Context, b *Bucket, key, version string, tags []Tag) (*Head, error)
	// SetLock turns a bucket's object lock on, or changes its default retention.
	SetLock(ctx context.Context, b *Bucket, l BucketLock) (*Bucket, error)
	// SetRetention sets the retention of a version, or of the current one if version is
	// empty; SetHold its legal hold. Both fail with ErrLocked, ErrNoLock or ErrLockPast.
	SetRetention(ctx context.Context, b *Bucket, key, version string, l Lock, bypass bool) (*Head, error)
	SetHold(ctx context.Context, b *Bucket, key, version string, on bool) (*Head, error)
	// Copy makes an object of another's bytes, by reference where it can.
	Copy(ctx context.Context, b *Bucket, c Copy) (*Head, error)
	List(ctx context.Context, b *Bucket, l List) (*Listed, error)

	CreateUpload(ctx context.Context, b *Bucket, n NewUpload) (*Upload, error)
	// Upload looks an upload up by key and ID.
	Upload(ctx context.Context, b *Bucket, key string, id ident.ID) (*Upload, error)
	PutPart(ctx context.Context, b *Bucket, key string, upload ident.ID, number int, body Body) (*Part, error)
	CopyPart(ctx context.Context, b *Bucket, key string, upload ident.ID, number int, c Copy) (*Part, error)
	ListParts(ctx context.Context, b *Bucket, key string, upload ident.ID, after, limit int) ([]Part, bool, error)
	ListUploads(ctx context.Context, b *Bucket, l ListUploads) (*ListedUploads, error)
	// Complete may be repeated: it answers as the first time while the object stands.
	Complete(ctx context.Context, b *Bucket, c Complete) (*Head, error)
	Abort(ctx context.Context, b *Bucket, key string, upload ident.ID) error
}

// NamedBucket is a bucket with the name that a key sees it under.
type NamedBucket struct {
	Name   string
	Bucket *Bucket
}
