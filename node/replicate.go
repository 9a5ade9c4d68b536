package node

import (
	"context"
	"time"

	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/gateway/admin"
	"rhizome/gateway/replicate"
	"rhizome/model/object"
	"rhizome/model/remote"
	"rhizome/net/rpc"
)

// openReplication makes what sends to other stores.
func (n *Node) openReplication() {
	n.remotes = remote.New(n.regs, n.keys.root, n.members.Clock())
	n.replicator.Store(replicate.New(replicate.Config{Objects: n.objects, Remotes: n.remotes, Node: n.keys.id(),
		Clock: n.members.Clock(), Logger: n.config.Logger, Awake: n.waking.wait}))
}

// dued is told of the rows of what other stores are due that this node takes.
func (n *Node) dued(_ register.Row, v *register.Value, _ bool) {
	if r := n.replicator.Load(); r != nil && v != nil {
		r.Wake()
	}
}

// replicate sends to other stores.
func (n *Node) replicate(ctx context.Context) error {
	return n.replicator.Load().Run(rpc.Behind(ctx))
}

// mayReplicate fails with errs.NotFound if there is no remote of that name, and with
// errs.Denied if it is another member's.
func (n *Node) mayReplicate(ctx context.Context, name string, member ident.ID) error {
	r, err := n.remotes.Remote(ctx, name)
	if err == nil && r.Owner != member {
		err = remote.ErrOthers
	}
	return err
}

// replication is what the admin server needs.
func (n *Node) replication() *admin.Replication {
	r := n.replicator.Load()
	return &admin.Replication{Remotes: n.remotes, Check: replicate.Check, Changed: r.Changed,
		Silent: func(long time.Duration) []string { return r.Silent(long) }}
}

// replicationCounts are the metrics of replication.
func (n *Node) replicationCounts() (waiting int64, c replicate.Counts) {
	waiting, err := n.replica.PendingCount(context.Background(), object.Dues)
	if err != nil {
		n.config.Logger.Warn("what is to be replicated could not be counted", "error", err)
	}
	return waiting, n.replicator.Load().Counts()
}
