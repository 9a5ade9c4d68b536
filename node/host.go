package node

import (
	"context"
	"slices"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

// Facts implements admin.Host.
func (n *Node) Facts() admin.Facts {
	member := n.member
	if operator := n.operator(); !operator.IsZero() {
		member = operator // it may be another since the start
	}
	return admin.Facts{
		Version: n.config.Version, Node: n.keys.id(), Rhizome: n.members.Layout().Lineage, Home: n.home(),
		Data: n.folder.path, Layout: n.members.Layout().Version, Member: member, Started: n.started, S3: n.endpoint, Web: n.Web(), Settings: n.settings(),
	}
}

// Secrets implements admin.Host.
func (n *Node) Secrets() (nodeSeed, rootKey []byte) { return n.keys.seed[:], n.keys.root[:] }

// Locate implements admin.Locator.
func (n *Node) Locate(ctx context.Context, b *object.Bucket, key string) ([]api.Piece, error) {
	placed, err := n.objects.Locate(ctx, b, key)
	if err != nil {
		return nil, err
	}
	out := make([]api.Piece, 0, len(placed))
	for _, p := range placed {
		w := n.piece(&p)
		if !w.Healthy && (w.Node != "" || len(w.Copies) == 0) { // what others lack they note
			n.met(p.Extent)
		}
		out = append(out, w)
	}
	return out, nil
}

func (n *Node) piece(p *object.Placed) api.Piece {
	s := p.Status
	w := api.Piece{Extent: p.Extent.String(), Offset: p.Offset, Size: p.Length, Stored: s.Stored, Copies: []api.Copy{}}
	healthy := 0
	for _, h := range s.Holders {
		c := n.copyRecord(&h)
		w.Copies = append(w.Copies, c)
		if h.Whole() {
			healthy++
		}
		if c.This {
			w.Node, w.Disk, w.File, w.Reason, w.Err = c.Node, h.Place.Disk.String(), c.File, c.Reason, c.Err
			w.Healthy = h.Whole()
		}
	}
	if w.Node == "" {
		w.Healthy = healthy > 0
	}
	if !w.Healthy && w.Reason == "" && w.Err == nil {
		w.Reason = reasonMissing
		if slices.ContainsFunc(w.Copies, func(c api.Copy) bool { return c.State == api.CopySilent }) {
			w.Reason = reasonSilent
		}
	}
	return w
}

// copyRecord is how an extent is on one node.
func (n *Node) copyRecord(h *extent.HolderStatus) api.Copy {
	c := api.Copy{Node: h.Node.String(), This: h.Node == n.keys.id(), State: api.CopyWhole}
	switch {
	case h.Err != nil && errs.KindOf(h.Err) == errs.Unavailable:
		c.State, c.Err = api.CopySilent, h.Err
	case h.Err != nil:
		c.State, c.Err = api.CopyDamaged, h.Err
	case h.Missing:
		c.State, c.Reason = api.CopyMissing, reasonMissing
	case len(h.Damaged) > 0:
		c.State, c.Err = api.CopyDamaged, errs.Newf(errs.Corrupt, "%d damaged frames", len(h.Damaged))
	}
	if h.Err == nil && !h.Missing {
		c.File = h.Place.Dir + "/" + h.Place.File
	}
	return c
}
