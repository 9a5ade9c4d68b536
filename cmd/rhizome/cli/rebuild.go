package cli

import (
	"context"
	"fmt"

	"rhizome/base/lang"
	"rhizome/node"
)

func rebuildCommand() command {
	return command{
		use:   "rebuild",
		short: lang.M("Make the rows anew from snapshots and stored bytes, when the row store is damaged"),
		long:  lang.M("Only when rhizome up says that the row store is damaged; the node must be stopped. The damaged rows are kept aside. What could not be saved is named, object by object."),
		examples: []example{
			{lang.M("mend a damaged row store"), "rhizome repair rebuild"},
		},
		settings: true,
		flags:    func(f *flagSet) { f.yes() },
		run: func(ctx context.Context, c *call) error {
			vs, err := c.values(c.flag)
			if err != nil {
				return err
			}
			if err := c.confirm("Make the rows of %s anew from snapshots and stored bytes?", vs.Text("data")); err != nil {
				return err
			}
			r, err := node.Rebuild(ctx, c.nodeConfig(vs))
			if err != nil {
				return err
			}
			return c.show(r, func() {
				fmt.Fprintln(c.Out, c.Say.N(r.Rows, "%s row is back.", "%s rows are back."))
				fmt.Fprintln(c.Out, c.Say.T("The damaged rows are kept in %s.", r.Aside))
				if len(r.Lost) == 0 {
					fmt.Fprintln(c.Out, c.Say.T("Nothing was lost."))
					return
				}
				c.printDamage(r.Lost)
			})
		},
	}
}
