package cli

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func siteCommand() command {
	return command{
		use:   "site",
		short: lang.M("Make web sites of buckets and deploy them"),
		long: lang.M("A site is a bucket that visitors see on the web address. SITE is one of its names, or its bucket's name.\n" +
			"It shows what is in the bucket, or, once a folder was deployed, that folder alone."),
		examples: []example{
			{lang.M("make a site"), "rhizome site create blog.example.org"},
			{lang.M("put a folder online"), "rhizome site deploy public/ --site blog.example.org"},
		},
		sub: []command{
			siteCreate(), siteDeploy(), siteRollback(), siteList(), siteInfo(), siteDeployments(), siteSet(), siteName(), siteStats(), siteDelete(),
		},
	}
}

// onSite runs f on the node and shows the site that it answers with.
func onSite(ctx context.Context, c *call, f func(*client.Client, *api.Site) error) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var s api.Site
	if err := f(node, &s); err != nil {
		return err
	}
	return c.show(s, func() { c.printSite(s) })
}

// completeSites are the names of the sites.
func completeSites(ctx context.Context, node *client.Client) (out []string, err error) {
	var all []api.Site
	err = node.Get(ctx, client.Path("sites"), &all)
	for _, s := range all {
		out = append(out, siteTitle(s))
	}
	return out, err
}

// siteTitle is what a site is called.
func siteTitle(s api.Site) string {
	for _, n := range s.Names {
		if n.To == "" {
			return n.Name
		}
	}
	return s.Bucket
}

func togetherFlags(f *flagSet) {
	f.bool("both", lang.M("www.NAME and the bare name both serve the site; without it one leads on to the other"))
	f.bool("alone", lang.M("take this name alone, without www.NAME or the bare one"))
}

func (c *call) together() (string, error) {
	switch both, alone := c.on("both"), c.on("alone"); {
	case both && alone:
		return "", usageError{errs.New(errs.Invalid, "--both and --alone exclude each other")}
	case both:
		return api.TogetherBoth, nil
	case alone:
		return api.TogetherAlone, nil
	}
	return api.TogetherRedirect, nil
}

func siteCreate() command {
	return command{
		use:   "create NAME",
		short: lang.M("Make a site of a bucket"),
		long:  lang.M("Without --bucket, it is the bucket that is called as the site, which is made if need be. www.NAME is taken too if it is free."),
		examples: []example{
			{lang.M("a site in a bucket of its own"), "rhizome site create example.org"},
			{lang.M("what is in a bucket already"), "rhizome site create photos.example.org --bucket photos --listing"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("bucket", "", lang.M("the `BUCKET` that becomes the site"))
			f.text("key", "", lang.M("`KEY` that owns the bucket if it is made; without it the oldest of yours, if possible one without end and limit"))
			togetherFlags(f)
			setFlags(f)
		},
		run: func(ctx context.Context, c *call) error {
			together, err := c.together()
			if err != nil {
				return err
			}
			set, err := c.setOf()
			if err != nil {
				return err
			}
			in := api.NewSite{Name: strings.ToLower(c.args[0]), Bucket: c.text("bucket"), Key: c.text("key"), Together: together, SetSite: set}
			return onSite(ctx, c, func(n *client.Client, s *api.Site) error { return n.Post(ctx, client.Path("sites"), in, s) })
		},
	}
}

func siteSet() command {
	return command{
		use:   "set [SITE]",
		short: lang.M("Change what a site is like"),
		examples: []example{
			{lang.M("another page for what is not there"), "rhizome site set example.org --error 404.html"},
			{lang.M("a password, which is asked for or read from the standard input"), "rhizome site set example.org --password"},
			{lang.M("go on when the other homes cannot be reached"), "rhizome site set example.org --stale-ok"},
			{lang.M("take an option back"), "rhizome site set example.org --listing=false"},
		},
		max: 1, complete: completeSites,
		flags: func(f *flagSet) { siteFlag(f); setFlags(f) },
		run: func(ctx context.Context, c *call) error {
			set, err := c.setOf()
			if err != nil {
				return err
			}
			if set == (api.SetSite{}) {
				return usageError{errs.New(errs.Invalid, "say what is to be changed: rhizome site set --help lists it")}
			}
			return onSite(ctx, c, func(n *client.Client, s *api.Site) error {
				site, err := c.siteNamed()
				if err == nil && site == "" {
					site, err = c.theSite(ctx, n)
				}
				if err != nil {
					return err
				}
				return n.Put(ctx, client.Path("sites", site), set, s)
			})
		},
	}
}

func setFlags(f *flagSet) {
	f.text("index", "", lang.M("what is shown for a folder, a `FILE` name; index.html at first"))
	f.text("error", "", lang.M("the `KEY` of the page for what is not there; 404.html of a deployment at first"))
	f.bool("listing", lang.M("show what is in folders without index"))
	f.bool("stale-ok", lang.M("show what this home has when the other homes cannot be reached"))
	f.bool("precompressed", lang.M("use x.br, x.zst and x.gz beside x; a deployment always does"))
	f.bool("password", lang.M("ask visitors for a password, which is asked for or read from the standard input"))
	f.bool("no-password", lang.M("ask for no password any more"))
	f.text("keep", "", lang.M("how many deployments are kept, a `NUMBER`; 5 at first"))
}

func (c *call) setOf() (s api.SetSite, err error) {
	flags := c.cmd.Flags()
	for name, to := range map[string]**bool{"listing": &s.Listing, "stale-ok": &s.Stale, "precompressed": &s.Neighbours} {
		if flags.Changed(name) {
			on := c.on(name)
			*to = &on
		}
	}
	for name, to := range map[string]**string{"index": &s.Index, "error": &s.Error} {
		if flags.Changed(name) {
			text := c.text(name)
			*to = &text
		}
	}
	if flags.Changed("keep") {
		n, err := strconv.Atoi(c.text("keep"))
		if err != nil || n < 1 {
			return s, usageError{errs.Newf(errs.Invalid, "%q is no number of deployments", c.text("keep"))}
		}
		s.Keep = &n
	}
	switch none := ""; {
	case c.on("no-password"):
		s.Password = &none
	case c.on("password"):
		p, err := c.password()
		if err != nil {
			return s, err
		}
		s.Password = &p
	}
	return s, nil
}

// password asks for a password, or reads it from the standard input.
func (c *call) password() (p string, err error) {
	if terminal(c.In) {
		p, err = c.askTwice(c.Say.T("Password for visitors"))
	} else {
		p, err = c.readLine(4096)
	}
	if err == nil && p == "" {
		err = errs.New(errs.Invalid, "the password is empty; --no-password takes it away")
	}
	return p, err
}

func siteName() command {
	return command{
		use:      "name",
		short:    lang.M("Give a site names and take them away"),
		long:     lang.M("A name belongs to the site that took it first. That visitors find it under the name is for the DNS to say."),
		examples: []example{{lang.M("another name for a site"), "rhizome site name add example.net --site example.org"}},
		sub: []command{
			nameCommand("add NAME", lang.M("Give a site another name"), lang.M("another name for a site"), "rhizome site name add example.net --site example.org", (*call).theSite,
				func(ctx context.Context, c *call, n *client.Client, site string, s *api.Site) error {
					together, err := c.together()
					if err != nil {
						return err
					}
					return n.Post(ctx, client.Path("sites", site, "names"), api.NewSiteName{Name: strings.ToLower(c.args[0]), Together: together}, s)
				}, togetherFlags),
			nameCommand("remove NAME", lang.M("Take a name away from a site"), lang.M("take a name away"), "rhizome site name remove example.net", (*call).siteOfName,
				func(ctx context.Context, c *call, n *client.Client, site string, s *api.Site) error {
					return n.Delete(ctx, client.Query(client.Path("sites", site, "names"), "name", strings.ToLower(c.args[0])), s)
				}, nil),
			nameCommand("move NAME", lang.M("Give a name of one site to another, which only the owner of the first may"), lang.M("give a name to another site"), "rhizome site name move example.net --site new.example.org", (*call).theSite,
				func(ctx context.Context, c *call, n *client.Client, site string, s *api.Site) error {
					return n.Post(ctx, client.Path("sites", site, "names"), api.NewSiteName{Name: strings.ToLower(c.args[0]), Move: true}, s)
				}, nil),
		},
	}
}

// siteOfName is the site that --site names, or the only one to which the name in question belongs.
func (c *call) siteOfName(context.Context, *client.Client) (string, error) {
	return cmp.Or(c.text("site"), strings.ToLower(c.args[0])), nil
}

func nameCommand(use, short, what, line string, find func(*call, context.Context, *client.Client) (string, error), run func(context.Context, *call, *client.Client, string, *api.Site) error, flags func(*flagSet)) command {
	return command{
		use: use, short: short, examples: []example{{what, line}}, min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("site", "", lang.M("the `SITE` it is about; without it the only one there is"))
			if flags != nil {
				flags(f)
			}
		},
		run: func(ctx context.Context, c *call) error {
			return onSite(ctx, c, func(n *client.Client, s *api.Site) error {
				site, err := find(c, ctx, n)
				if err != nil {
					return err
				}
				return run(ctx, c, n, site, s)
			})
		},
	}
}

// theSite is the site that --site names, or the only one there is.
func (c *call) theSite(ctx context.Context, n *client.Client) (string, error) {
	if s := c.text("site"); s != "" {
		return s, nil
	}
	var all []api.Site
	if err := n.Get(ctx, client.Path("sites"), &all); err != nil {
		return "", err
	}
	switch len(all) {
	case 0:
		return "", errs.New(errs.NotFound, "there is no site: make one with rhizome site create NAME")
	case 1:
		return siteTitle(all[0]), nil
	}
	return "", usageError{errs.New(errs.Invalid, "there are several sites: say which with --site")}
}

func siteRollback() command {
	return command{
		use:   "rollback [ID]",
		short: lang.M("Show an earlier deployment of a site again"),
		long:  lang.M("Without an ID it is the one before; an ID is the beginning of one that rhizome site deployments shows. --to plain shows the objects of the bucket instead."),
		examples: []example{
			{lang.M("the one before"), "rhizome site rollback --site example.org"},
			{lang.M("what is in the bucket itself"), "rhizome site rollback --to plain --site example.org"},
		},
		max: 1,
		flags: func(f *flagSet) {
			f.text("site", "", lang.M("the `SITE` it is about; without it the only one there is"))
			f.text("to", "", lang.M("the `DEPLOYMENT` to show, or plain"))
		},
		run: func(ctx context.Context, c *call) error {
			in := api.Rollback{ID: c.text("to")}
			if len(c.args) == 1 {
				in.ID = c.args[0]
			}
			if in.ID == "plain" {
				in = api.Rollback{Plain: true}
			}
			return onSite(ctx, c, func(n *client.Client, s *api.Site) error {
				site, err := c.theSite(ctx, n)
				if err != nil {
					return err
				}
				return n.Post(ctx, client.Path("sites", site, "rollback"), in, s)
			})
		},
	}
}

func siteInfo() command {
	return command{
		use:      "info [SITE]",
		short:    lang.M("Show one site"),
		examples: []example{{lang.M("show a site"), "rhizome site info example.org"}},
		max:      1, complete: completeSites,
		flags: siteFlag,
		run: func(ctx context.Context, c *call) error {
			return onSite(ctx, c, func(n *client.Client, s *api.Site) error { return c.getSite(ctx, n, "", s) })
		},
	}
}

func siteDelete() command {
	return command{
		use: "delete SITE", aliases: []string{"remove"},
		short:    lang.M("Make a site a bucket again; its deployments are deleted, the bucket's own objects stay"),
		examples: []example{{lang.M("take a site off the web"), "rhizome site delete example.org"}},
		min:      1, max: 1, complete: completeSites,
		flags: func(f *flagSet) { f.yes() },
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			if err := node.Get(ctx, client.Path("sites", c.args[0]), nil); err != nil {
				return err
			}
			if err := c.confirm("Delete the site %q with its names and deployments?", c.args[0]); err != nil {
				return err
			}
			if err := node.Delete(ctx, client.Path("sites", c.args[0]), nil); err != nil {
				return err
			}
			return c.done("The site is no more. What was in the bucket itself is there.")
		},
	}
}

func siteList() command {
	return command{
		use:      "list",
		short:    lang.M("List the sites"),
		examples: []example{{lang.M("list the sites"), "rhizome site list"}},
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			all := []api.Site{}
			if err := node.Get(ctx, client.Path("sites"), &all); err != nil {
				return err
			}
			return c.show(all, func() {
				var rows [][]string
				for _, s := range all {
					rows = append(rows, []string{siteTitle(s), s.Bucket, c.shows(s), strings.Join(s.URLs, " ")})
				}
				c.table([]string{"Site", "Bucket", "Shows", "Addresses"}, rows)
			})
		},
	}
}

// shows says what visitors of a site see.
func (a *App) shows(s api.Site) string {
	if s.RedirectTo != "" {
		return a.Say.T("leads on to %s", s.RedirectTo)
	}
	for _, d := range s.Deployments {
		if d.Current {
			return a.Say.T("deployment %s of %s", d.ID[:8], a.Say.Time(d.Made, a.Zone))
		}
	}
	return a.Say.T("the bucket's objects")
}

func (a *App) printSite(s api.Site) {
	say := a.Say
	rows := [][]string{{say.T("Bucket"), s.Bucket}}
	if s.Owner != "" {
		rows = append(rows, []string{say.T("It belongs to"), say.T("the key %q", s.Owner)})
	}
	for i, n := range s.Names {
		title, text := "", n.Name
		if i == 0 {
			title = say.T("Names")
		}
		if n.To != "" {
			text = say.T("%s, which leads on to %s", n.Name, n.To)
		}
		rows = append(rows, []string{title, text})
	}
	for i, u := range s.URLs {
		title := ""
		if i == 0 {
			title = say.T("Addresses")
		}
		rows = append(rows, []string{title, u})
	}
	if u := tryAddress(s); u != "" {
		rows = append(rows, []string{say.T("On this computer"), say.T("%s, before the DNS leads here", u)})
	}
	rows = append(rows, []string{say.T("Shows"), a.shows(s)}, []string{say.T("Index"), s.Index}, []string{say.T("Error page"), s.Error},
		[]string{say.T("Password"), a.yesNo(s.Password)}, []string{say.T("Folders are listed"), a.yesNo(s.Listing)},
		[]string{say.T("Goes on alone"), a.yesNo(s.Stale)}, []string{say.T("Deployments"), say.T("%d kept, of %d at most", len(s.Deployments), s.Keep)})
	writeRows(a.Out, rows)
}

// tryAddress is where this computer's browsers see a site whatever the DNS says; "" if nowhere.
func tryAddress(s api.Site) string {
	for _, text := range s.URLs {
		u, err := url.Parse(text)
		if err == nil && u.Scheme == "http" && strings.Contains(u.Hostname(), ".") && net.ParseIP(u.Hostname()) == nil && !strings.HasSuffix(u.Hostname(), ".localhost") {
			u.Host = net.JoinHostPort(u.Hostname()+".localhost", cmp.Or(u.Port(), "80"))
			return u.String()
		}
	}
	return ""
}
