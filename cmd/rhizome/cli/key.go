package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func keyCommand() command {
	return command{
		use:      "key",
		short:    lang.M("Make, show and delete S3 keys"),
		long:     lang.M("An S3 key is a pair of an access key ID and a secret access key; a program needs both to use S3.\nGive each computer or program its own, so that one can be taken away alone."),
		examples: []example{{lang.M("make a key for a laptop"), "rhizome key create laptop"}},
		sub:      []command{keyCreate(), keyImport(), keyList(), keyShow(), keyExpire(), keyLimit(), keyDelete()},
	}
}

func keyCreate() command {
	return command{
		use:   "create NAME",
		short: lang.M("Make a key"),
		examples: []example{
			{lang.M("make a key for a laptop"), "rhizome key create laptop"},
			{lang.M("one that may not make buckets, for a script"), "rhizome key create backup --no-create-bucket --json"},
			{lang.M("one that is good for a month"), "rhizome key create guest --expires 30d"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.bool("no-create-bucket", lang.M("the key may not make buckets"))
			f.text("expires", "", lang.M("`TIME` after which the key is refused, such as 12h or 30d; without it, it never expires"))
		},
		run: func(ctx context.Context, c *call) error {
			in := api.NewKey{Name: c.args[0], NoCreateBuckets: c.on("no-create-bucket")}
			if text := c.text("expires"); text != "" {
				end, err := c.after(text)
				if err != nil {
					return err
				}
				in.Expires = &end
			}
			return newKey(ctx, c, in)
		},
	}
}

func keyImport() command {
	return command{
		use:   "import NAME",
		short: lang.M("Take over an existing pair, so that programs need not change"),
		long:  lang.M("The pair is read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or asked for on the terminal: an argument would be seen by every user of this computer."),
		examples: []example{
			{lang.M("type the pair in"), "rhizome key import website"},
			{lang.M("take the pair from a file of variables"), "( . ./old.env; export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; rhizome key import website )"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) { f.bool("no-create-bucket", lang.M("the key may not make buckets")) },
		run: func(ctx context.Context, c *call) error {
			id, secret, err := c.pair()
			if err != nil {
				return err
			}
			c.sayWhence()
			return newKey(ctx, c, api.NewKey{Name: c.args[0], NoCreateBuckets: c.on("no-create-bucket"), ID: id, Secret: secret})
		},
	}
}

func newKey(ctx context.Context, c *call, in api.NewKey) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var k api.Key
	if err := node.Post(ctx, client.Path("keys"), in, &k); err != nil {
		return err
	}
	return c.show(k, func() { c.printKey(k) })
}

// printKey shows a key. People ask for a secret by making a key or with --secret,
// and may send it where they like.
func (a *App) printKey(k api.Key) {
	say := a.Say
	rows := [][]string{
		{say.T("Name"), k.Name},
		{say.T("Access key ID"), k.ID},
	}
	if k.Secret != "" {
		rows = append(rows, []string{say.T("Secret access key"), k.Secret})
	}
	rows = append(rows, []string{say.T("May make buckets"), a.yesNo(k.CreateBuckets)}, []string{say.T("Made"), say.Time(k.Created, a.Zone)},
		[]string{say.T("Expires"), a.keyEnd(k)})
	if k.Rate > 0 {
		rows = append(rows, []string{say.T("Most requests"), say.T("%d a second on each node", k.Rate)})
	}
	writeRows(a.Out, rows)
}

func keyList() command {
	return command{
		use:      "list",
		short:    lang.M("List the keys, without their secrets"),
		examples: []example{{lang.M("list the keys"), "rhizome key list"}},
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var keys []api.Key
			if err := node.Get(ctx, client.Path("keys"), &keys); err != nil {
				return err
			}
			return c.show(keys, func() {
				var rows [][]string
				for _, k := range keys {
					rows = append(rows, []string{k.Name, k.ID, c.yesNo(k.CreateBuckets), c.Say.Time(k.Created, c.Zone), c.keyEnd(k)})
				}
				c.table([]string{lang.M("Name"), lang.M("Access key ID"), lang.M("May make buckets"), lang.M("Made"), lang.M("Expires")}, rows)
			})
		},
	}
}

func keyShow() command {
	return command{
		use:   "show KEY",
		short: lang.M("Show one key, by its ID or name"),
		examples: []example{
			{lang.M("show a key"), "rhizome key show laptop"},
			{lang.M("show its secret too"), "rhizome key show laptop --secret"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) { f.bool("secret", lang.M("show the secret too")) },
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			path := client.Path("keys", c.args[0])
			if c.on("secret") {
				path = client.Query(path, "secret", "true")
			}
			var k api.Key
			if err := node.Get(ctx, path, &k); err != nil {
				return err
			}
			return c.show(k, func() { c.printKey(k) })
		},
	}
}

func keyDelete() command {
	return command{
		use: "delete KEY", aliases: []string{"remove"},
		short:    lang.M("Delete a key; programs that use it are refused from now on"),
		examples: []example{{lang.M("delete a key"), "rhizome key delete laptop"}},
		min:      1, max: 1,
		flags: func(f *flagSet) { f.yes() },
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var k api.Key
			if err := node.Get(ctx, client.Path("keys", c.args[0]), &k); err != nil {
				return err
			}
			var buckets []api.Bucket
			if err := node.Get(ctx, client.Path("buckets"), &buckets); err != nil {
				return err
			}
			if alone := c.ownedAlone(buckets, k.ID); alone != "" {
				err = c.confirm(lang.M("Delete the key %q (%s)? No other key owns what it owns: %s."), k.Name, k.ID, alone)
			} else {
				err = c.confirm("Delete the key %q (%s)?", k.Name, k.ID)
			}
			if err != nil {
				return err
			}
			var gone api.DeletedKey
			if err := node.Delete(ctx, client.Path("keys", k.ID), &gone); err != nil {
				return err
			}
			return c.show(gone, func() {
				fmt.Fprintln(c.Out, c.Say.T("The key %q is deleted.", k.Name))
				c.leftKeyFile(k.ID)
				for _, b := range gone.Unused {
					fmt.Fprintln(c.Out, c.Say.T("No key may use the bucket %s any more: allow one with rhizome bucket allow %s --key KEY --read --write --owner", b, shellQuote(b)))
				}
			})
		},
	}
}

// leftKeyFile says that the file of the first start holds a key which is no more.
func (c *call) leftKeyFile(id string) {
	vs, err := c.values(c.flag)
	if err != nil {
		return
	}
	path := filepath.Join(vs.Text(settings.Data), "first-key.txt")
	if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "AWS_ACCESS_KEY_ID="+id+"\n") {
		fmt.Fprintln(c.Err, c.Say.T("The file %s holds nothing but that key: it may be deleted too.", path))
	}
}

// ownedAlone names the buckets that no other key owns.
func (a *App) ownedAlone(buckets []api.Bucket, key string) string {
	var names []string
	for _, b := range buckets {
		mine, others := false, false
		for _, g := range b.Grants {
			mine = mine || g.Key == key && g.Owner
			others = others || g.Key != key && g.Owner && !g.Deleted
		}
		if mine && !others {
			names = append(names, a.names(b))
		}
	}
	return strings.Join(names, ", ")
}

// sayWhence says which variables a pair is taken from: they may be set for another store.
func (c *call) sayWhence() {
	var set []string
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if c.Getenv(name) != "" {
			set = append(set, name)
		}
	}
	if len(set) > 0 && !c.json {
		fmt.Fprintln(c.Err, c.Say.T("The pair is taken from the variables %s; it is asked for if they are not set.", strings.Join(set, ", ")))
	}
}

// pair takes a key pair from the environment or the terminal.
func (c *call) pair() (id, secret string, err error) {
	id, secret = c.Getenv("AWS_ACCESS_KEY_ID"), c.Getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" {
		if id, err = c.ask(c.Say.T("Access key ID"), false); err != nil {
			return "", "", err
		}
	}
	if secret == "" {
		if secret, err = c.ask(c.Say.T("Secret access key"), true); err != nil {
			return "", "", err
		}
	}
	if id == "" || secret == "" {
		return "", "", errs.New(errs.Invalid, "both an access key ID and a secret access key are needed")
	}
	return id, secret, nil
}
