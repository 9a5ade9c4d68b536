package register

import (
	"context"

	"rhizome/cluster/register/core"
)

// Peer is a replica as a coordinator reaches it: a Replica of this process or a link
// to one elsewhere. An error means that no answer came; what was asked may have been
// done all the same. Methods are safe for concurrent use and end when ctx does.
type Peer interface {
	Prepare(ctx context.Context, version uint64, row Row, b Ballot) (core.Answer, error)
	Accept(ctx context.Context, version uint64, row Row, r core.Record) (core.Answer, error)
	Read(ctx context.Context, version uint64, row Row) (core.Answer, error)
	Scan(ctx context.Context, version uint64, s Sweep) (core.Section, error)
	Fence(ctx context.Context, version uint64, t Table, part string, epoch uint64) error
	Weight(ctx context.Context, version uint64, t Table, part string) (count, bytes int64, err error)
	Settle(ctx context.Context, version uint64, row Row, digest uint64) error
	Confirm(ctx context.Context, version uint64, row Row, tombstone Ballot) (core.Confirmation, error)
}

// Sweep is the part of a Scan that one replica answers.
type Sweep struct {
	Table     Table
	Parts     []string // in byte order, without repeats
	Prefix    string
	After     string
	Limit     int
	Delimiter string
	Fence     uint64
	// Alone asks for live rows only, and one item for a whole group: this replica is
	// the only one of all Parts.
	Alone bool
}

var _ Peer = (*Replica)(nil)
