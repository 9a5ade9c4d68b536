package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func remoteCommand() command {
	return command{
		use:   "remote",
		short: lang.M("Register other S3 stores to which buckets are replicated"),
		long: lang.M("A remote is another S3 store (a rhizome of somebody else, AWS, Garage) with an access key of it. Only you can use it.\n" +
			"rhizome bucket replicate then keeps a bucket there as it is here."),
		examples: []example{
			{lang.M("register a store; its secret is asked for"), "rhizome remote add offsite --endpoint https://s3.example.org --access-key GK123"},
			{lang.M("keep a bucket there"), "rhizome bucket replicate photos --to offsite/photos"},
		},
		sub: []command{remoteAdd(), remoteSet(), remoteList(), remoteCheck(), remoteDelete()},
	}
}

func remoteAdd() command {
	return command{
		use:   "add NAME",
		short: lang.M("Register another store"),
		long:  lang.M("The secret is asked for on the terminal, or read with --secret-stdin: an argument would be seen by every user of this computer. It is kept encrypted."),
		examples: []example{
			{lang.M("a store with a key of it"), "rhizome remote add offsite --endpoint https://s3.example.org --access-key GK123"},
			{lang.M("with the secret from a file, and no more than 2 MB a second"), "rhizome remote add offsite --endpoint https://s3.example.org --access-key GK123 --rate 2MB --secret-stdin < secret.txt"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			remoteFlags(f, "auto")
			f.text("rate", "", lang.M("`SIZE` that each node sends in a second at most; without it there is no limit"))
		},
		run: runRemoteAdd,
	}
}

// remoteFlags are those of add and set; style is the path style if none is given.
func remoteFlags(f *flagSet, style string) {
	f.text("endpoint", "", lang.M("`URL` of the other store"))
	f.text("access-key", "", lang.M("`ID` of an access key of the other store"))
	f.bool("secret-stdin", lang.M("read the secret from standard input"))
	f.text("region", "", lang.M("`NAME` of its region, if it must be told"))
	f.text("path-style", style, lang.M("`HOW` buckets are addressed: on (in the path), off (in the host's name), auto (as suits the endpoint)"))
}

func runRemoteAdd(ctx context.Context, c *call) error {
	style := map[string]string{"auto": "auto", "on": "path", "off": "host"}[c.text("path-style")]
	in := api.NewRemote{Name: c.args[0], Endpoint: c.text("endpoint"), Region: c.text("region"), Style: style, Key: c.text("access-key")}
	switch {
	case in.Endpoint == "":
		return usageError{errs.New(errs.Invalid, "say where the other store is: --endpoint URL")}
	case in.Key == "":
		return usageError{errs.New(errs.Invalid, "say which access key of the other store is used: --access-key ID")}
	case style == "":
		return usageError{errs.New(errs.Invalid, "--path-style is on, off or auto")}
	}
	if text := c.text("rate"); text != "" {
		rate, err := settings.ParseSize(text)
		if err != nil {
			return usageError{err}
		}
		in.Rate = rate
	}
	var err error
	if in.Secret, err = c.secret(); err != nil {
		return err
	}
	return changeRemote(ctx, c, in.Endpoint, func(n *client.Client, r *api.Remote) error {
		return n.Post(ctx, client.Path("remotes"), in, r)
	})
}

// secret reads the secret of another store's key, or asks for it.
func (c *call) secret() (string, error) {
	if !c.on("secret-stdin") {
		if !terminal(c.In) {
			return "", usageError{errs.New(errs.Invalid, "the secret access key is needed: give it over standard input with --secret-stdin, or run this on a terminal")}
		}
		return c.ask(c.Say.T("Secret access key"), true)
	}
	line, err := c.readLine(4096)
	if errors.Is(err, errStopped) {
		return "", err
	}
	if line == "" {
		return "", usageError{errs.Newf(errs.Invalid, "no secret came from standard input: %v", err)}
	}
	return line, nil
}

// changeRemote does what makes or changes a remote, and shows it.
func changeRemote(ctx context.Context, c *call, endpoint string, f func(*client.Client, *api.Remote) error) error {
	if strings.HasPrefix(endpoint, "http:") {
		fmt.Fprintln(c.Err, c.Say.T("The endpoint is plain HTTP: what is sent can be read and changed on the way. Use https unless the way is yours alone."))
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var r api.Remote
	if err := f(node, &r); err != nil {
		return err
	}
	return c.show(r, func() {
		c.printRemotes([]api.Remote{r})
		fmt.Fprintln(c.Err, c.Say.T("Whether its key is good there: rhizome remote check %s", r.Name))
	})
}

func remoteSet() command {
	return command{
		use:   "set NAME",
		short: lang.M("Change how another store is reached"),
		long: lang.M("What is not named stays; --region \"\" takes the region back. Without an option only the secret is changed; it is asked for, or read with --secret-stdin, also when --access-key is given. What waits to be sent goes on within 20 minutes, most of it at once.\n" +
			"The endpoint must lead to the same store: for another one, register another remote."),
		examples: []example{
			{lang.M("the key has another secret now"), "rhizome remote set offsite"},
			{lang.M("another key, with the secret from a file"), "rhizome remote set offsite --access-key GK456 --secret-stdin < secret.txt"},
			{lang.M("the store has another address; send less"), "rhizome remote set offsite --endpoint https://s3.example.net --rate 1MB"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			remoteFlags(f, "")
			f.text("rate", "", lang.M("`SIZE` that each node sends in a second at most; 0: no limit"))
		},
		run: runRemoteSet,
	}
}

func runRemoteSet(ctx context.Context, c *call) error {
	var in api.SetRemote
	for name, to := range map[string]**string{"endpoint": &in.Endpoint, "region": &in.Region, "access-key": &in.Key} {
		if text := c.text(name); text != "" || name == "region" && c.cmd.Flags().Changed(name) {
			*to = &text
		}
	}
	if how := c.text("path-style"); how != "" {
		style := map[string]string{"auto": "auto", "on": "path", "off": "host"}[how]
		if style == "" {
			return usageError{errs.New(errs.Invalid, "--path-style is on, off or auto")}
		}
		in.Style = &style
	}
	if text := c.text("rate"); text != "" {
		rate, err := settings.ParseSize(text)
		if err != nil {
			return usageError{err}
		}
		in.Rate = &rate
	}
	if in == (api.SetRemote{}) || in.Key != nil || c.on("secret-stdin") {
		secret, err := c.secret()
		if err != nil {
			return err
		}
		in.Secret = &secret
	}
	return changeRemote(ctx, c, c.text("endpoint"), func(n *client.Client, r *api.Remote) error {
		return n.Put(ctx, client.Path("remotes", c.args[0]), in, r)
	})
}

func (a *App) printRemotes(all []api.Remote) {
	var rows [][]string
	for _, r := range all {
		limit := ""
		if r.Rate > 0 {
			limit = a.Say.T("%s a second", a.Say.Bytes(r.Rate))
		}
		rows = append(rows, []string{r.Name, r.Endpoint, r.Key, limit, a.yesNo(r.Own), a.Say.Time(r.Created, a.Zone)})
	}
	a.table([]string{lang.M("Name"), lang.M("Endpoint"), lang.M("Access key"), lang.M("Limit"), lang.M("Yours"), lang.M("Made")}, rows)
}

func remoteList() command {
	return command{
		use:      "list",
		short:    lang.M("List the other stores"),
		examples: []example{{lang.M("list the other stores"), "rhizome remote list"}},
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var all []api.Remote
			if err := node.Get(ctx, client.Path("remotes"), &all); err != nil {
				return err
			}
			return c.show(all, func() { c.printRemotes(all) })
		},
	}
}

func remoteCheck() command {
	return command{
		use:   "check NAME [BUCKET]",
		short: lang.M("Ask another store whether its key is good"),
		long:  lang.M("Without a bucket the store lists those that the key sees. With one, it is listed, and an upload is begun in it and given up, which needs the right to write."),
		examples: []example{
			{lang.M("is the key known there?"), "rhizome remote check offsite"},
			{lang.M("may it write to a bucket?"), "rhizome remote check offsite photos"},
		},
		min: 1, max: 2,
		run: func(ctx context.Context, c *call) error {
			path := client.Path("remotes", c.args[0], "check")
			if len(c.args) > 1 {
				path = client.Query(path, "bucket", c.args[1])
			}
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var out api.RemoteCheck
			if err := node.Post(ctx, path, struct{}{}, &out); err != nil {
				return err
			}
			if !out.OK && !c.json {
				return errs.Newf(errs.Unavailable, "the check failed: %s", out.Reason)
			}
			return c.show(out, func() {
				fmt.Fprintln(c.Out, c.Say.T("All is well."))
				for _, b := range out.Buckets {
					fmt.Fprintln(c.Out, "  "+b)
				}
			})
		},
	}
}

func remoteDelete() command {
	return command{
		use: "delete NAME", aliases: []string{"remove"},
		short:    lang.M("Forget another store; what was sent to it stays there"),
		examples: []example{{lang.M("forget a store"), "rhizome remote delete offsite"}},
		min:      1, max: 1,
		flags: func(f *flagSet) { f.yes() },
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var all []api.Remote
			if err := node.Get(ctx, client.Path("remotes"), &all); err != nil {
				return err
			}
			if !slices.ContainsFunc(all, func(r api.Remote) bool { return r.Name == c.args[0] }) {
				return errs.New(errs.NotFound, "there is no remote of this name: rhizome remote list shows those there are, rhizome remote add makes one")
			}
			if err := c.confirm("Forget the remote %q and its key?", c.args[0]); err != nil {
				return err
			}
			if err := node.Delete(ctx, client.Path("remotes", c.args[0]), nil); err != nil {
				return err
			}
			return c.done("The remote %s is forgotten.", fmt.Sprintf("%q", c.args[0]))
		},
	}
}

func bucketReplicate() command {
	return command{
		use:   "replicate BUCKET",
		short: lang.M("Keep a bucket at another store as it is here"),
		long: lang.M("What is there already is copied first, then what changes, as it changes. The latest state of each object is kept; with --deletes, what is deleted here is deleted there.\n" +
			"Another call for the same destination replaces its rule, unless it has another --id. rhizome bucket replication shows how far it is."),
		examples: []example{
			{lang.M("a live copy of a bucket; deletions are not followed"), "rhizome bucket replicate photos --to offsite/photos"},
			{lang.M("a part of it, deletions too"), "rhizome bucket replicate photos --to offsite/photos --prefix 2026/ --deletes"},
			{lang.M("no more"), "rhizome bucket replicate photos --to offsite/photos --off"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("to", "", lang.M("`REMOTE/BUCKET` that keeps the copy"))
			f.text("prefix", "", lang.M("only objects whose key begins with this `TEXT`"))
			f.bool("deletes", lang.M("what is deleted here is deleted there too"))
			f.bool("new-only", lang.M("leave out what is in the bucket already"))
			f.text("id", "", lang.M("`NAME` of the rule; without it, the destination's"))
			f.bool("off", lang.M("take the rules of the destination away; what is there stays"))
		},
		run: func(ctx context.Context, c *call) error {
			in := api.Replicate{ID: c.text("id"), To: c.text("to"), Prefix: c.text("prefix"), Deletes: c.on("deletes"), New: c.on("new-only")}
			if in.To == "" {
				return usageError{errs.New(errs.Invalid, "say where to: --to REMOTE/BUCKET")}
			}
			if in.ID == "" {
				in.ID = in.To
			}
			path := client.Path("buckets", c.args[0], "replication")
			return onReplication(ctx, c, func(n *client.Client, all *[]api.Replication) error {
				if c.on("off") {
					return n.Delete(ctx, client.Query(path, "to", in.To), all)
				}
				return n.Put(ctx, path, in, all)
			})
		},
	}
}

func bucketReplication() command {
	return command{
		use:      "replication BUCKET",
		short:    lang.M("Show how far the copies of a bucket at other stores are"),
		examples: []example{{lang.M("what is not there yet, and since when"), "rhizome bucket replication photos"}},
		min:      1, max: 1,
		run: func(ctx context.Context, c *call) error {
			return onReplication(ctx, c, func(n *client.Client, all *[]api.Replication) error {
				return n.Get(ctx, client.Path("buckets", c.args[0], "replication"), all)
			})
		},
	}
}

func onReplication(ctx context.Context, c *call, f func(*client.Client, *[]api.Replication) error) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	all := []api.Replication{}
	if err := f(node, &all); err != nil {
		return err
	}
	return c.show(all, func() {
		if len(all) == 0 {
			fmt.Fprintln(c.Out, c.Say.T("The bucket is not replicated."))
		}
		for i := range all {
			if i > 0 {
				fmt.Fprintln(c.Out)
			}
			writeRows(c.Out, c.replicationRows(&all[i]))
		}
	})
}

// replicationRows say how a destination is.
func (a *App) replicationRows(r *api.Replication) [][]string {
	say := a.Say
	rows := [][]string{{say.T("To"), r.To}}
	for _, x := range r.Rules {
		what := say.T("every object")
		if x.Prefix != "" || len(x.Tags) > 0 {
			what = strings.Join(append([]string{x.Prefix + "*"}, x.Tags...), ", ")
		}
		if x.Deletes {
			what += ", " + say.T("deletions too")
		}
		if x.New {
			what += ", " + say.T("only what is new")
		}
		if x.Off {
			what += ", " + say.T("off")
		}
		rows = append(rows, []string{say.T("Rule %s", x.ID), what})
	}
	waits := say.T("nothing")
	if r.Objects > 0 {
		waits = say.N(r.Objects, "%s object", "%s objects") + ", " + say.Bytes(r.Bytes)
		if r.Oldest != nil {
			waits += ", " + say.T("since %s", say.Time(*r.Oldest, a.Zone))
		}
	}
	rows = append(rows, []string{say.T("Waiting"), waits})
	if f := r.First; !f.Done {
		text := say.T("%s of %s objects, %s of %s", say.Int(f.Objects), say.Int(f.OfObjects), say.Bytes(f.Bytes), say.Bytes(f.OfBytes))
		if f.BytesPerSec > 0 {
			text += ", " + say.T("%s a second", say.Bytes(int64(f.BytesPerSec)))
		}
		if f.SecondsLeft > 0 {
			text += ", " + say.T("about %s left", say.Duration(time.Duration(f.SecondsLeft*float64(time.Second))))
		}
		rows = append(rows, []string{say.T("First copy"), text})
	}
	if r.Error != "" {
		text := r.Error
		if r.Failed != nil {
			text = say.T("since %s", say.Time(*r.Failed, a.Zone)) + ": " + text
		}
		rows = append(rows, []string{say.T("Failing"), text})
	}
	if r.Refused > 0 {
		rows = append(rows, []string{say.T("Refused"), say.N(int64(r.Refused), "%s object", "%s objects") + ": " + r.Key + ": " + r.Why})
	}
	if r.Skipped > 0 {
		rows = append(rows, []string{say.T("Cannot be copied"), say.N(r.Skipped, "%s object", "%s objects") + ": " + strings.Join(r.SkippedKeys, ", ")})
	}
	return rows
}
