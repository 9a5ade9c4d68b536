package node

import (
	"context"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/gateway/s3"
	"rhizome/model/accesslog"
	"rhizome/model/inventory"
	"rhizome/model/object"
	"rhizome/net/rpc"
)

// logsDir holds the lines about requests that are not in a bucket yet.
const logsDir = "logs"

// openLogs builds what writes down the requests of buckets.
func (n *Node) openLogs() {
	n.logs = accesslog.New(accesslog.Config{FS: vfs.Default, Dir: n.folder.at(logsDir), Objects: n.objects, Rights: n.deliveries,
		Region: n.config.region(), Clock: n.members.Clock(), Agreed: n.agreed, Logger: n.config.Logger})
}

// deliveries is S3's word on who may write reports.
func (n *Node) deliveries() accesslog.Rights {
	if front := n.front.Load(); front != nil {
		if d, ok := (*front).(s3.Deliveries); ok {
			return d
		}
	}
	return nobodyMay{}
}

// nobodyMay answers before there is anybody to ask.
type nobodyMay struct{}

func (nobodyMay) MayDeliver(context.Context, string, *object.Bucket, *object.Bucket, object.Destination, string) error {
	return errs.New(errs.Unavailable, "the node is not up yet")
}

func (nobodyMay) OwnerID(context.Context, *object.Bucket) (string, error) {
	return "", errs.New(errs.Unavailable, "the node is not up yet")
}

// openInventories builds what writes lists of buckets.
func (n *Node) openInventories() {
	n.inventories = inventory.New(inventory.Config{Registers: n.regs, Objects: n.objects, Rights: n.deliveries, Rank: n.objects.Rank, Rest: n.pace().prompt, Awake: n.waking.wait,
		Clock: n.members.Clock(), Logger: n.config.Logger})
	before := n.objects.Gone
	n.objects.Gone = func(ctx context.Context, id ident.ID, s object.Settings) error {
		for _, c := range s.Inventory {
			if err := n.inventories.Forget(ctx, id, c.ID); err != nil {
				return err
			}
		}
		return before(ctx, id, s)
	}
}

func (n *Node) writeInventories(ctx context.Context) error { return n.inventories.Run(rpc.Behind(ctx)) }

func (n *Node) writeLogs(ctx context.Context) error { return n.logs.Run(rpc.Behind(ctx)) }

// ruled is told what lifecycle rules do to objects of buckets whose requests are written down.
func (n *Node) ruled(b *object.Bucket, did object.Did, v *object.VersionHead) {
	if n.logs == nil {
		return
	}
	name := [...]string{object.DidExpire: "S3.EXPIRE.OBJECT", object.DidMark: "S3.CREATE.DELETEMARKER", object.DidAbort: "S3.DELETE.UPLOAD"}[did]
	r := &accesslog.Record{Bucket: b.Name(), Time: n.members.Clock().Now(), Requester: "AmazonS3", Operation: name, Key: v.Key, Size: -1, Took: -1, Turn: -1}
	if did == object.DidExpire {
		if r.Version = v.VersionID; !v.Marker {
			r.Size = v.Size
		}
	}
	n.logs.Note(b, r)
}
