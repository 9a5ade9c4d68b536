package node

import (
	"context"

	"rhizome/base/errs"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

// Facts implements admin.Host.
func (n *Node) Facts() admin.Facts {
	return admin.Facts{
		Version: n.config.Version, Node: n.keys.id(), Rhizome: n.members.Layout().Lineage, Home: n.home(),
		Data: n.folder.path, Layout: n.members.Layout().Version, Member: n.member, Started: n.started, S3: n.endpoint,
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
		s := p.Status
		w := api.Piece{
			Extent: p.Extent.String(), Offset: p.Offset, Size: p.Length, Stored: s.Stored,
			Node: n.keys.id().String(), Disk: s.Place.Disk.String(), Healthy: !s.Missing && len(s.Damaged) == 0,
		}
		switch {
		case s.Missing:
			w.Reason = reasonMissing
		case len(s.Damaged) > 0:
			w.Err = errs.Newf(errs.Corrupt, "%d damaged frames", len(s.Damaged))
		}
		if !w.Healthy {
			n.met(p.Extent)
		}
		if !s.Missing {
			w.File = s.Place.Dir + "/" + s.Place.File
		}
		out = append(out, w)
	}
	return out, nil
}
