package cli

import (
	"context"
	"fmt"

	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/node"
)

func rebuildCommand() command {
	return command{
		use:   "rebuild",
		short: lang.M("Make the rows anew from snapshots and stored bytes, when the row store is damaged"),
		long:  lang.M("Only when rhizome up says that the row store is damaged; the node must be stopped. The damaged rows are kept aside. What could not be saved is named, object by object."),
		examples: []example{
			{lang.M("mend a damaged row store"), "rhizome repair rebuild"},
			{lang.M("and read every stored byte"), "rhizome repair rebuild --verify"},
		},
		settings: true,
		flags: func(f *flagSet) {
			f.yes()
			f.bool("verify", lang.M("read and check every stored byte too, which takes long"))
		},
		run: func(ctx context.Context, c *call) error {
			vs, err := c.values(c.flag)
			if err != nil {
				return err
			}
			if err := c.confirm("Make the rows of %s anew from snapshots and stored bytes?", vs.Text(settings.Data)); err != nil {
				return err
			}
			ownFiles()
			r, err := node.Rebuild(ctx, c.nodeConfig(vs), c.on("verify"))
			if err != nil {
				return err
			}
			return c.show(r, func() { fmt.Fprint(c.Out, r.Text(c.Say)) })
		},
	}
}
