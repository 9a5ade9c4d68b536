package node

import (
	"context"

	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

// Repair implements admin.Host.
func (n *Node) Repair(ctx context.Context) (api.Repair, error) {
	out := api.Repair{Scrub: n.scrubber.wire()}
	var err error
	for _, t := range []register.Table{object.Buckets, object.Objects, object.Uploads, object.Parts} {
		c, err := n.replica.PendingCount(ctx, t)
		if err != nil {
			return out, err
		}
		out.Pending += c
	}
	if out.Orphans, err = n.replica.PendingCount(ctx, extent.Extents); err != nil {
		return out, err
	}
	out.Lost, err = n.lost(ctx)
	return out, err
}

// Scrub implements admin.Host.
func (n *Node) Scrub(context.Context) error {
	n.scrubber.start()
	return nil
}

// sweep compares rows and bytes once after the start, and notes what is missing.
func (n *Node) sweep(ctx context.Context) error {
	rep, err := n.extents.Sweep(ctx, func(id ident.ID) {
		n.config.Logger.Error("the bytes of an extent are missing", "extent", id)
		if err := n.damage.note(id, damage{"its bytes are missing", n.config.Clock.Now().UnixMilli()}); err != nil {
			n.config.Logger.Error("a damage could not be noted", "extent", id, "error", err)
		}
	})
	if err != nil && ctx.Err() == nil {
		n.config.Logger.Warn("comparing rows and bytes did not end", "error", err)
	}
	n.config.Logger.Debug("rows and bytes compared", "extents", rep.Extents, "removed", rep.Deleted, "lost", rep.Lost)
	return nil
}
