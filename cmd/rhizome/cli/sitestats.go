package cli

import (
	"context"
	"fmt"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func siteDeployments() command {
	return command{
		use:      "deployments [SITE]",
		short:    lang.M("List the deployments that a site keeps"),
		examples: []example{{lang.M("list them"), "rhizome site deployments example.org"}},
		max:      1, complete: completeSites,
		flags: siteFlag,
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var s api.Site
			if err := c.getSite(ctx, node, "", &s); err != nil {
				return err
			}
			return c.show(s.Deployments, func() {
				var rows [][]string
				for _, d := range s.Deployments {
					rows = append(rows, []string{d.ID[:12], c.Say.Time(d.Made, c.Zone), c.Say.Int(int64(d.Files)), c.Say.Bytes(d.Bytes), c.yesNo(d.Current)})
				}
				c.table([]string{"ID", "Made", "Files", "Size", "Shown"}, rows)
			})
		},
	}
}

// siteFlag is --site where the site may stand behind the command too.
func siteFlag(f *flagSet) {
	f.text("site", "", lang.M("the `SITE` it is about; without it the only one there is"))
}

// siteNamed is the site that the first argument or --site names, "" if none does.
func (c *call) siteNamed() (string, error) {
	name := c.text("site")
	if len(c.args) > 0 {
		if name != "" && name != c.args[0] {
			return "", usageError{errs.New(errs.Invalid, "say which site: its name behind the command, or --site, not both")}
		}
		name = c.args[0]
	}
	return name, nil
}

// getSite reads something of the site that the first argument or --site names, or of the only one.
func (c *call) getSite(ctx context.Context, node *client.Client, what string, out any) error {
	name, err := c.siteNamed()
	if err != nil {
		return err
	}
	if name == "" {
		var all []api.Site
		if err := node.Get(ctx, client.Path("sites"), &all); err != nil {
			return err
		}
		if len(all) != 1 {
			return usageError{errs.New(errs.Invalid, "say which site it is about")}
		}
		name = siteTitle(all[0])
	}
	path := []string{"sites", name}
	if what != "" {
		path = append(path, what)
	}
	return node.Get(ctx, client.Path(path...), out)
}

func siteStats() command {
	return command{
		use:      "stats [SITE]",
		short:    lang.M("Show how often a site was visited, by day"),
		long:     lang.M("Answers and bytes are counted, programs among the visitors too, and nothing about who they are. Days are those of UTC."),
		examples: []example{{lang.M("visits by day"), "rhizome site stats example.org"}},
		max:      1, complete: completeSites,
		flags: siteFlag,
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			days := []api.SiteDay{}
			if err := c.getSite(ctx, node, "stats", &days); err != nil {
				return err
			}
			return c.show(days, func() {
				var rows [][]string
				for _, d := range days {
					rows = append(rows, []string{d.Day, c.Say.Int(d.Hits), c.Say.Int(d.Missing), c.Say.Bytes(d.Bytes)})
				}
				c.table([]string{"Day", "Answers", "Not found", "Bytes"}, rows)
				if len(rows) == 0 {
					fmt.Fprintln(c.Err, c.Say.T("Nobody came yet."))
				}
			})
		},
	}
}
