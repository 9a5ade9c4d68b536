// Package node builds everything that one running rhizome consists of, on one data
// folder, runs it, and takes it down again. It is the only place where floors are
// wired together.
//
// # The data folder
//
// Mode 0700, its owner's alone:
//
//	lock          held by the running process
//	pid           the number of that process
//	node.key      the node's Ed25519 seed, hexadecimal, 0600
//	root.key      the key that seals bucket keys and secrets, hexadecimal, 0600
//	bucket-keys/  every bucket's sealed key a second time, one file each
//	rows/         the row store
//	disk/         the first disk's extents
//	admin.sock    the admin socket, 0600, while the node runs
//
// # Life
//
// Open takes the lock, makes what is missing, opens the stores and listens; nothing
// is served yet. Run serves until its context ends or a service fails: it stops to
// listen, lets requests under way finish for up to 8 seconds, stops the background
// work and closes the stores. Killing the process at any moment is safe.
package node

import (
	"log/slog"
	"time"

	"rhizome/base/clock"
)

// Config says how a node is to be. All fields are needed unless they say otherwise.
type Config struct {
	// Data is the data folder, an absolute path.
	Data string
	// S3 is the address to listen on; port 0 picks a free one.
	S3 string
	// Domains are those of virtual-host addressing; may be empty.
	Domains []string
	// TLSCert and TLSKey are PEM files; both empty: no TLS.
	TLSCert, TLSKey string
	// Region, if set, is the only one accepted in signatures.
	Region string
	// Capacity limits what lies on the disks, in bytes; 0: no limit.
	Capacity int64
	// Home names the place that can fail as a whole.
	Home string
	// Scrub is the time in which every stored byte is read again once; Uploads the age
	// at which an abandoned upload is given up.
	Scrub, Uploads time.Duration
	// Member and KeyName name the first member and the first key.
	Member, KeyName string
	Version         string
	Clock           clock.Clock
	Logger          *slog.Logger
}

// DefaultRegion is reported when any region is accepted.
const DefaultRegion = "us-east-1"

// region is what signatures name and GetBucketLocation answers.
func (c Config) region() string {
	if c.Region == "" {
		return DefaultRegion
	}
	return c.Region
}
