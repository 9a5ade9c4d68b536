// Package api holds what the admin server and its clients say to each other: JSON
// over HTTP on a socket that only the owner of the data folder can open.
//
// Paths begin with /v1; within v1 fields are only added. Sizes are bytes, times
// RFC 3339 in UTC. A failure is an Error with an HTTP status of 400 and more. The
// language of its message follows the request's Accept-Language. What --json prints
// are these records as they are. An Err is what a Reason is made of, in the language
// that was asked for; it is not sent.
package api

import "time"

// Error is the body of every failure.
type Error struct {
	Kind    string `json:"kind"` // a kind of package errs, as it writes itself
	Message string `json:"message"`
}

// Status is GET /v1/status.
type Status struct {
	Version string    `json:"version"`
	Node    string    `json:"node"`
	Rhizome string    `json:"rhizome"` // the lineage
	Home    string    `json:"home"`
	Data    string    `json:"data"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	S3      Endpoint  `json:"s3"`
	// Web is where web sites are served; nil: nowhere.
	Web    *Endpoint `json:"web,omitempty"`
	Layout uint64    `json:"layout"`
	// Counted is false if not enough homes answer: Buckets, Objects, Bytes and Keys are
	// not known then, nor all of Repair.
	Counted bool   `json:"counted"`
	Buckets int    `json:"buckets"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
	Keys    int    `json:"keys"`
	Disks   []Disk `json:"disks"`
	Repair  Repair `json:"repair"`
	Health  Health `json:"health"`
	// Homes are all homes of the rhizome, Mending the nodes with something left to do.
	Homes   []Home    `json:"homes"`
	Mending []Mending `json:"mending"`
}

// Metrics is GET /v1/metrics: everything in the text format of Prometheus.
type Metrics struct {
	Text string `json:"text"`
}

// Endpoint is where a service listens.
type Endpoint struct {
	Address string   `json:"address"`
	URL     string   `json:"url"`
	Domains []string `json:"domains,omitempty"`
	Region  string   `json:"region"`
	TLS     bool     `json:"tls"`
}

// Health sums up how the node is: "good", or "risk" with the reasons, in the
// language that was asked for.
type Health struct {
	State   string   `json:"state"`
	Reasons []string `json:"reasons,omitempty"`
	// Hints are what would make the rhizome safer though nothing is wrong; no alarm tells
	// of them.
	Hints []string `json:"hints,omitempty"`
}

// The states of Health.
const (
	Good = "good"
	Risk = "risk"
)

// Reason is one thing that is at risk: Kind is one of the kinds below, About what it is
// about (a home, a node, a disk), so that the same reason is known again, and Text says it
// in words, with times that change.
type Reason struct {
	Kind  string `json:"kind"`
	About string `json:"about,omitempty"`
	Text  string `json:"text"`
}

// The kinds of a Reason.
const (
	RiskUnreadable = "unreadable" // data that nobody who is up keeps
	RiskStopped    = "stopped"    // writes have stopped, and maybe reads
	RiskFragile    = "fragile"    // they stop after one more loss
	RiskLone       = "lone"       // data in a single home
	RiskAway       = "away"       // a home, or nodes of it
	RiskApart      = "apart"      // a node that belongs to another history
	RiskOlder      = "older"      // a node with an old copy of its data folder
	RiskRefused    = "refused"    // others say that this node is no member
	RiskClock      = "clock"
	RiskDisk       = "disk"
	RiskDamage     = "damage"
	RiskFull       = "full"
	RiskRows       = "rows" // the rows are to be made anew once more
	RiskSnapshot   = "snapshot"
	RiskKit        = "kit"     // the recovery kits are of no use
	RiskWebhook    = "webhook" // it cannot be told of events
	RiskRemote     = "remote"  // nothing can be replicated to it
)

// RiskKinds returns all kinds of a Reason.
func RiskKinds() []string {
	return []string{RiskUnreadable, RiskStopped, RiskFragile, RiskLone, RiskAway, RiskApart, RiskOlder, RiskRefused, RiskClock, RiskDisk, RiskDamage, RiskFull, RiskRows, RiskSnapshot, RiskKit, RiskWebhook, RiskRemote}
}

// Disk is one of a node's disks.
type Disk struct {
	ID       string `json:"id"`
	Path     string `json:"path"`
	State    string `json:"state"` // "ok", "draining", "full", "lost"
	Used     int64  `json:"used"`  // bytes occupied and set aside
	Live     int64  `json:"live"`  // what extents need of it
	Free     int64  `json:"free"`
	Size     int64  `json:"size"` // of the file system
	Capacity int64  `json:"capacity"`
	Reason   string `json:"reason,omitempty"`
	Err      error  `json:"-"`
}

// The states of a Disk.
const (
	DiskOK       = "ok"
	DiskDraining = "draining"
	DiskFull     = "full"
	DiskLost     = "lost"
)

// Settings is GET /v1/settings: those that a node was started with, and the configuration file
// that it looked for, "" if none.
type Settings struct {
	File string    `json:"file,omitempty"`
	List []Setting `json:"settings"`
}

// Setting is one setting. Value is a string or a list of them, with stars for a secret; From is
// flag, environment, file or default, and Where names the option, the variable or the file's line;
// or FromLayout, and Where names the command by which it was changed since.
type Setting struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
	From  string `json:"from"`
	Where string `json:"where"`
}

// FromLayout is Setting.From of what was changed for the node that runs, and holds over restarts.
const FromLayout = "layout"

// AddDisk is POST /v1/disks. Sure takes a folder that is not there, or that is on the
// same file system as what the node has already, without which those are refused.
type AddDisk struct {
	Path string `json:"path"`
	Sure bool   `json:"sure,omitempty"`
}

// Repair is GET /v1/repair: what was found damaged and what is being mended.
type Repair struct {
	Scrub   Scrub    `json:"scrub"`
	Pending int64    `json:"pending"` // rows with work left to do
	Orphans int64    `json:"orphans"` // extents to look at, whether an object uses them
	Lost    []Damage `json:"lost"`    // damage that cannot be mended here
	// Overdue are those of Orphans that were looked at, and nothing could be said of; the
	// others are no work, for most are in use.
	Overdue int64 `json:"overdue"`
	// Uncompared are the folders of disks that were away when the rows were made anew:
	// nothing of them is deleted for want of a row until that is done once more.
	Uncompared []string `json:"uncompared_disks,omitempty"`
	// Doubtful: nodes were lost for good by a recovery of the layout. Nothing is deleted
	// here for want of a row until the rows were made anew, or POST /v1/repair/accept-loss
	// gives up what only lost nodes knew.
	Doubtful bool `json:"doubtful,omitempty"`
	// Snapshot tells of the last copy of the rows.
	Snapshot Snapshot `json:"snapshot"`
	// Lifecycle is nil if there was nothing to be done for lifecycle rules.
	Lifecycle *Lifecycle `json:"lifecycle,omitempty"`
}

// Snapshot says when the newest snapshot of the rows was taken, and why the last
// attempt failed, if it did.
type Snapshot struct {
	Last   *time.Time `json:"last,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Err    error      `json:"-"`
}

// Scrub says how far the check of all stored bytes is.
type Scrub struct {
	Running  bool       `json:"running"`
	Done     float64    `json:"done"` // part of this pass, 0 to 1
	Checked  int64      `json:"checked_bytes"`
	Finished *time.Time `json:"finished,omitempty"` // end of the last whole pass
}

// Damage is one damaged piece and what it belonged to.
type Damage struct {
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key,omitempty"`
	// Version is the ID of an object's version, if it is not the present one.
	Version string `json:"version,omitempty"`
	Extent  string `json:"extent,omitempty"`
	Disk    string `json:"disk,omitempty"`
	Reason  string `json:"reason"`
	Err     error  `json:"-"`
}

// Share is POST /v1/share; Shared its answer.
type Share struct {
	Bucket  string `json:"bucket"`
	Object  string `json:"object"`
	Seconds int64  `json:"seconds"` // 1 to 604,800
}

// Shared is a link that anybody may follow until it expires.
type Shared struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"` // the key's end, if that comes first
	// Refused: the bucket's policy denies the link, as far as that can be known before.
	Refused bool `json:"refused,omitempty"`
}

// MaxShare is the longest life of a link, in seconds: SigV4 allows seven days.
const MaxShare = 7 * 24 * 3600

// Kit is GET /v1/recovery-kit. It is a secret as a whole. Who has written it durably says
// so with POST /v1/recovery-kit/written.
type Kit struct {
	Format  int       `json:"rhizome_recovery_kit"` // 1
	Made    time.Time `json:"made"`
	Rhizome string    `json:"rhizome"`
	Node    string    `json:"node"`
	Home    string    `json:"home"`
	NodeKey string    `json:"node_key"` // hexadecimal Ed25519 seed
	RootKey string    `json:"root_key"` // hexadecimal, 32 bytes
	S3      Endpoint  `json:"s3"`
	Data    string    `json:"data"`
	Disks   []string  `json:"disks"`
	Keys    []Key     `json:"keys"` // with their secrets
	Buckets []string  `json:"buckets"`
}
