package cli

import (
	"context"
	"fmt"
	"os"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/client"
	"rhizome/node"
)

func rebuildCommand() command {
	return command{
		use:   "rebuild",
		short: lang.M("Make the rows anew from snapshots and stored bytes, when the row store is damaged"),
		long: lang.M("Only when rhizome up says that the row store is damaged or gone; the node must be stopped. The damaged rows are kept aside. What could not be saved is named, object by object.\n" +
			"The disks that the damaged rows name are found by themselves. When the data folder is lost, restore the recovery kit first, then name every disk with --disk: each holds a copy of the bucket keys, and one of them the last snapshots of the rows."),
		examples: []example{
			{lang.M("mend a damaged row store"), "rhizome repair rebuild"},
			{lang.M("come back when the data folder is lost and two disks are left"), "rhizome repair rebuild --disk /mnt/disk2/rhizome --disk /mnt/disk3/rhizome"},
			{lang.M("and read every stored byte"), "rhizome repair rebuild --verify"},
		},
		settings: true,
		flags: func(f *flagSet) {
			f.yes()
			f.StringArray("disk", nil, f.a.Say.T("`DIR` of a disk of this node that the damaged rows may not name; may be given several times"))
			f.bool("verify", lang.M("read and check every stored byte too, which takes long"))
			f.bool("alone", lang.M("go on without the other nodes of the rhizome, which are lost for good"))
		},
		run: func(ctx context.Context, c *call) error {
			vs, err := c.values(c.flag)
			if err != nil {
				return err
			}
			disks, err := c.paths("disk")
			if err != nil {
				return err
			}
			for _, d := range disks {
				if info, err := os.Stat(d); err != nil || !info.IsDir() {
					return usageError{errs.Newf(errs.Invalid, "there is no folder %s, which --disk names", d)}
				}
			}
			if running, err := c.node(); err == nil && !c.yes {
				err = running.Get(ctx, client.Path("status"), nil)
				running.Close()
				if err == nil {
					return errs.New(errs.Conflict, "the node is running: stop it before its rows are made anew")
				}
			}
			if err := c.confirm("Make the rows of %s anew from snapshots and stored bytes?", vs.Text(settings.Data)); err != nil {
				return err
			}
			ownFiles()
			r, err := node.Rebuild(ctx, c.nodeConfig(vs), disks, c.on("verify"), c.on("alone"))
			if err != nil {
				return err
			}
			return c.show(r, func() { fmt.Fprint(c.Out, r.Text(c.Say)) })
		},
	}
}
