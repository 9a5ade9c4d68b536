package node

import (
	"context"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

// Repair implements admin.Host.
func (n *Node) Repair(ctx context.Context) (api.Repair, error) {
	out := api.Repair{Scrub: n.scrubbing(), Snapshot: n.lastSnapshot(), Lifecycle: n.swept()}
	for _, d := range n.disks.Disks() {
		if d.Uncompared {
			out.Uncompared = append(out.Uncompared, d.Dir)
		}
	}
	out.Doubtful = n.disks.Doubtful()
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
	out.Overdue = min(out.Orphans, int64(n.extents.Progress().Undecided))
	out.Lost, err = n.lost(ctx)
	if err != nil {
		return out, err
	}
	rows, err := n.lostRows(ctx)
	out.Lost = append(out.Lost, rows...)
	return out, err
}

// swept is what was done for lifecycle rules; nil if nothing was.
func (n *Node) swept() *api.Lifecycle {
	s := n.objects.Sweeping()
	if s.Swept == (object.Swept{}) && s.Left == 0 && s.Failed == nil {
		return nil
	}
	out := &api.Lifecycle{Expired: s.Expired, Removed: s.Removed, Aborted: s.Aborted, Locked: s.Locked, Left: s.Left, Err: s.Failed}
	if !s.Last.IsZero() {
		out.Last = &s.Last
	}
	return out
}

func (n *Node) scrubbing() api.Scrub {
	s := n.scrubber.Status()
	out := api.Scrub{Running: s.Running, Checked: s.Done}
	if s.Total > 0 && s.Done > 0 {
		out.Done = float64(s.Done) / float64(s.Total)
	}
	if !s.Finished.IsZero() {
		out.Finished = &s.Finished
	}
	return out
}

func (n *Node) lastSnapshot() api.Snapshot {
	s := n.snapshots.State()
	out := api.Snapshot{Err: s.Failed}
	if !s.Last.IsZero() {
		out.Last = &s.Last
	}
	return out
}

// AcceptLoss implements admin.Host.
func (n *Node) AcceptLoss(context.Context) error {
	if !n.disks.Doubtful() {
		return errs.New(errs.Conflict, "no home was lost since the last time: there is nothing to give up")
	}
	if err := n.disks.Doubt(false); err != nil {
		return err
	}
	n.extents.Relaid()
	return nil
}

// Scrub implements admin.Host.
func (n *Node) Scrub(context.Context) error {
	select {
	case n.wanted <- struct{}{}:
	default: // asked for already
	}
	return nil
}
