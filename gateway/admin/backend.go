package admin

import (
	"context"
	"time"

	"rhizome/base/ident"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Keys is what the admin server needs of the accounts.
type Keys interface {
	// Keys returns every key, by name.
	Keys(ctx context.Context) ([]*account.Key, error)
	// Key returns errs.NotFound for an unknown ID.
	Key(ctx context.Context, id string) (*account.Key, error)
	// CreateKey makes a key with a fresh ID and secret.
	CreateKey(ctx context.Context, name string, member ident.ID, createBuckets bool) (*account.Key, error)
	// ImportKey takes an existing pair; errs.Exists if the ID is taken.
	ImportKey(ctx context.Context, k account.Key) (*account.Key, error)
	// Expire sets when a key ends to be good, SetRate how many requests a second it may make.
	Expire(ctx context.Context, id string, at time.Time) (*account.Key, error)
	SetRate(ctx context.Context, id string, perSecond int) (*account.Key, error)
	DeleteKey(ctx context.Context, id string) error
}

// Buckets is what the admin server needs of the buckets.
type Buckets interface {
	CreateBucket(ctx context.Context, name string, k *account.Key, local bool) (*object.Bucket, error)
	// AllBuckets returns every bucket, in the order of their IDs.
	AllBuckets(ctx context.Context) ([]*object.Bucket, error)
	DeleteBucket(ctx context.Context, b *object.Bucket) error
	Usage(ctx context.Context, b *object.Bucket) (object.Usage, error)
	// Alias gives the bucket another name: global, or local to k.
	Alias(ctx context.Context, b *object.Bucket, name string, k *account.Key) (*object.Bucket, error)
	// Unalias takes a name away; the last one stays.
	Unalias(ctx context.Context, b *object.Bucket, name string, k *account.Key) (*object.Bucket, error)
	// ChangeAccess changes what a key may do, or anybody if key is empty, and ChangeQuota
	// the quota: of two changes at once neither is lost.
	ChangeAccess(ctx context.Context, bucket ident.ID, key string, change func(object.Access) object.Access) (*object.Bucket, error)
	ChangeQuota(ctx context.Context, bucket ident.ID, change func(object.Quota) object.Quota) (*object.Bucket, error)
	// ChangeSettings changes what gateways keep with a bucket; change may refuse.
	ChangeSettings(ctx context.Context, b *object.Bucket, change func(*object.Settings) error) (*object.Bucket, error)
	SetVersioning(ctx context.Context, b *object.Bucket, v object.Versioning) (*object.Bucket, error)
	SetLock(ctx context.Context, b *object.Bucket, l object.BucketLock) (*object.Bucket, error)
}

// Documents reads and writes what S3 keeps with a bucket in a language of its own. What is
// not understood is errs.Invalid.
type Documents interface {
	// Policy reads a policy for the bucket called name; public says that it opens the
	// bucket to everybody.
	Policy(ctx context.Context, name string, text []byte) (p *object.Policy, public bool, err error)
	// CORS reads a CORS configuration, and CORSText writes one.
	CORS(text []byte) ([]object.CORSRule, error)
	CORSText(rules []object.CORSRule) []byte
	// Lifecycle reads lifecycle rules in JSON, and LifecycleText writes them.
	Lifecycle(text []byte) ([]object.LifecycleRule, error)
	LifecycleText(rules []object.LifecycleRule) []byte
}

// Objects is what the admin server needs of the objects; see object.Service.
type Objects interface {
	Put(ctx context.Context, b *object.Bucket, p object.Put) (*object.Head, error)
	Stat(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error)
	List(ctx context.Context, b *object.Bucket, l object.List) (*object.Listed, error)
	CreateUpload(ctx context.Context, b *object.Bucket, n object.NewUpload) (*object.Upload, error)
	PutPart(ctx context.Context, b *object.Bucket, key string, upload ident.ID, number int, body object.Body) (*object.Part, error)
	Complete(ctx context.Context, b *object.Bucket, c object.Complete) (*object.Head, error)
	Abort(ctx context.Context, b *object.Bucket, key string, upload ident.ID) error
}

// Versions is what an Objects may have beside, to go back in time and to lock versions.
type Versions interface {
	ListVersions(ctx context.Context, b *object.Bucket, l object.ListVersions) (*object.ListedVersions, error)
	SetRetention(ctx context.Context, b *object.Bucket, key, version string, l object.Lock, bypass bool) (*object.Head, error)
	SetHold(ctx context.Context, b *object.Bucket, key, version string, on bool) (*object.Head, error)
	Undelete(ctx context.Context, b *object.Bucket, key string) (h *object.Head, was bool, err error)
	UndeletePage(ctx context.Context, b *object.Bucket, r object.RestorePage) (done *object.Restored, next string, err error)
	RestorePage(ctx context.Context, b *object.Bucket, r object.RestorePage) (done *object.Restored, next string, err error)
}

// Locator says where an object's bytes lie and checks them.
type Locator interface {
	// Locate reads every stored byte of the object. No pieces means that the bytes lie
	// in the object's row.
	Locate(ctx context.Context, b *object.Bucket, key string) ([]api.Piece, error)
}

// Host is what the admin server needs of the node and its disks.
type Host interface {
	Facts() Facts
	Disks(ctx context.Context) ([]api.Disk, error)
	AddDisk(ctx context.Context, path string) (api.Disk, error)
	// CheckDisk refuses a folder that is probably not meant as a disk.
	CheckDisk(path string) error
	// DrainDisk starts to move a disk's bytes to the others, or ends that.
	DrainDisk(ctx context.Context, id string, on bool) error
	// RemoveDisk forgets a disk that holds nothing any more; with force, one that is lost.
	RemoveDisk(ctx context.Context, id string, force bool) error
	Repair(ctx context.Context) (api.Repair, error)
	// Scrub starts a pass over all stored bytes at once, at full speed.
	Scrub(ctx context.Context) error
	// AcceptLoss lets go of what only lost nodes knew: see api.Repair.Doubtful.
	AcceptLoss(ctx context.Context) error
	// Secrets returns the node key's seed and the root key.
	Secrets() (nodeSeed, rootKey []byte)
	// KitOld reports whether the recovery kits that exist are of no use any more;
	// KitMade notes that a new one was written, and has the rows copied.
	KitOld() bool
	KitMade(ctx context.Context) error
}

// Facts about a node that do not change while it runs.
type Facts struct {
	Version string
	Node    ident.NodeID
	Rhizome ident.ID
	Home    string
	Data    string
	Layout  uint64
	// Member owns the keys that are made here.
	Member  ident.ID
	Started time.Time
	S3      api.Endpoint
	Web     *api.Endpoint // nil: sites are served nowhere
	// Settings are those of this start, without secrets.
	Settings api.Settings
}

// Cluster is what the admin server needs of the node to speak of the other nodes and
// homes. Nodes are named by their whole IDs here: the server has found them. Fields
// that the api says are the server's (Short, Name, Text, Reason) are left empty.
type Cluster interface {
	// Invite makes an invitation; only here its Text is set.
	Invite(ctx context.Context, n api.NewInvitation) (api.Invitation, error)
	// Invitations returns all, the newest first.
	Invitations(ctx context.Context) ([]api.Invitation, error)
	// RevokeInvitation ends one; errs.NotFound for an unknown ID.
	RevokeInvitation(ctx context.Context, id string) error

	// Nodes returns the nodes of the present layout as this one sees them, without asking
	// them: it answers at once.
	Nodes(ctx context.Context) ([]api.Node, error)

	// AddAddress notes where a node may be found, and tries whether it answers there.
	AddAddress(ctx context.Context, a api.NodeAddress) (api.NodeAnswers, error)

	Layout(ctx context.Context) (api.Layout, error)
	// History returns the layouts that this node knows, the newest first.
	History(ctx context.Context) ([]api.LayoutVersion, error)
	// Preview says what a change would do. A change that cannot be made is a Plan that
	// says so in Refused; one that makes no sense is errs.Invalid. With a Base that is
	// neither 0 nor the present version it fails with errs.Conflict.
	Preview(ctx context.Context, c api.LayoutChange) (api.Plan, error)
	// Change makes the change and returns once the new layout is chosen. It fails with
	// errs.Conflict if another was chosen since Base, with errs.Unavailable if no majority
	// answers.
	Change(ctx context.Context, c api.LayoutChange) (api.Layout, error)

	// PreviewRecover says what going on without the nodes gone would lose; Recover does it.
	PreviewRecover(ctx context.Context, r api.Recover) (api.RecoverPlan, error)
	Recover(ctx context.Context, r api.Recover) (api.Layout, error)

	// Limits and SetLimits are this node's alone. SetLimits is durable when it returns.
	Limits(ctx context.Context) (api.Limits, error)
	SetLimits(ctx context.Context, l api.Limits) error
}
