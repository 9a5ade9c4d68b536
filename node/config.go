// Package node builds everything that one running rhizome consists of, on one data
// folder, runs it, and takes it down again. It is the only place where floors are
// wired together.
//
// # The data folder
//
// Mode 0700, its owner's alone:
//
//	lock            held by the running process
//	pid             the number of that process
//	node.key        the node's Ed25519 seed, hexadecimal, 0600
//	root.key        the key that seals bucket keys and secrets, hexadecimal, 0600
//	joining         the invitation of a join under way, 0600
//	first-key.txt   the first S3 key, if it was not shown on a terminal, 0600
//	keyring         every bucket's sealed key and the layout a second time; on every disk too
//	rows/           the row store; see package repair for what a rebuild leaves beside it
//	snapshots/      copies of the rows, if no other disk has them
//	disk/           the first disk's extents
//	admin.sock      the admin socket, 0600, while the node runs
//	NAME.new        a file that is being written
//
// A folder that is there already is taken if it is a data folder or empty, and closed to
// others then. Any other is refused and left as it is.
//
// # Life
//
// Open takes the lock, makes what is missing, opens the stores, listens, and makes the
// first member and key; nothing is served yet. It can be stopped, and ends by itself
// when the row store gives up. A first start that is cut short is repeated until the
// first key was told. Run serves until its context ends or a service fails: it stops to
// listen, lets requests under way finish for up to 7 seconds, stops the background
// work and closes the stores, unless a request that was cut off still works on them.
// Killing the process at any moment is safe.
//
// # Upkeep
//
// Once a day: a snapshot of the rows, then rows and bytes are compared; beside it the
// check of all stored bytes reads its share, slowly while there are requests. A whole
// check that a person asks for begins at once. None of the three waits for another.
package node

import (
	"log/slog"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/net/rpc"
)

// Config says how a node is to be. All fields are needed unless they say otherwise.
type Config struct {
	// Data is the data folder, an absolute path.
	Data string
	// S3 is the address to listen on; port 0 picks a free one.
	S3 string
	// Web is the address on which web sites are served; "": nowhere. If WebSet is false
	// nobody chose it, and a free port is taken in place of one that is in use. WebDomains are
	// those under which BUCKET.domain is the site of a bucket.
	Web        string
	WebSet     bool
	WebDomains []string
	// Domains are those of virtual-host addressing; may be empty.
	Domains []string
	// TLSCert and TLSKey are PEM files; both empty: no TLS.
	TLSCert, TLSKey string
	// Region, if set, is the only one accepted in signatures.
	Region string
	// Capacity limits what lies on the disks, in bytes; 0: no limit.
	Capacity int64
	// Home names the place that can fail as a whole. It counts when the node is made or joins, and
	// as long as it is the only one. If Homeless is true nobody chose it: a node that has a home
	// keeps it, and one that has none joins nobody, because copies are kept in different homes, so that two computers must
	// not share the name that each has when nothing is said.
	Home     string
	Homeless bool
	// Join, if set, is an invitation: a data folder that has no node yet joins its rhizome
	// instead of making one of its own. It is a secret and never logged. A node that has
	// joined already ignores it.
	Join string
	// Peer is the address on which the other nodes are listened for, host:port; port 0
	// picks a free one. If PeerSet is false nobody chose it, and a free port is taken in
	// place of one that is in use.
	Peer    string
	PeerSet bool
	// Public are addresses under which other homes reach this node though it does not see them
	// itself, as behind a router that forwards a port: HOST or HOST:PORT, a name or an IP
	// address; without a port that of Peer. They are told before all others.
	Public []string
	// Witness makes the node a witness when it joins: it votes and keeps rows, and no
	// object's bytes. Gateway makes it keep nothing. Both together are errs.Invalid. They
	// are ignored by a node that has a place in the layout.
	Witness, Gateway bool
	// Links makes the links to other nodes; nil: real ones.
	Links func(seed ident.Secret, g rpc.Guard) (Transport, error)
	// Scrub is the time in which every stored byte is read again once; Uploads the age
	// at which an abandoned upload is given up.
	Scrub, Uploads time.Duration
	// Orphans is the age at which what a crash left behind is looked at; 0: the default.
	Orphans time.Duration
	// Metrics is the address on which metrics are served over HTTP; "": nowhere.
	Metrics string
	// RiskWebhook is an http or https address, RiskCommand a line for the shell, that are
	// told when something comes to be at risk; "": none. The address may be a secret.
	RiskWebhook, RiskCommand string
	// Say is the language in which they are told.
	Say lang.Printer
	// Closing is how long closing the stores may take at the end; 0: 2 seconds.
	Closing time.Duration
	// Member and KeyName name the first member and the first key.
	Member, KeyName string
	// Idle, if set, is told when the node becomes idle or busy again.
	Idle func(idle bool)
	// CacheSized, if set, is told in bytes how large the row store's cache may be, each time
	// that changes: it grows with the store from 32 MiB on.
	CacheSized func(bytes int64)
	// Settings are what people asked for, to be shown to them; without secrets. May be empty.
	Settings api.Settings
	Version  string
	Clock    clock.Clock
	Logger   *slog.Logger
}

// DefaultRegion is reported when any region is accepted.
const DefaultRegion = "us-east-1"

// closing is how long closing the stores may take when the node stops. What is not
// closed by then is as after a kill: safe, and read again at the next start.
func (c Config) closing() time.Duration {
	if c.Closing == 0 {
		return 2 * time.Second
	}
	return c.Closing
}

// Region is what signatures name, or may if any is accepted.
func (n *Node) Region() string { return n.config.region() }

// region is what signatures name and GetBucketLocation answers.
func (c Config) region() string {
	if c.Region == "" {
		return DefaultRegion
	}
	return c.Region
}
