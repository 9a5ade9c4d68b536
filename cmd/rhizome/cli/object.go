package cli

import (
	"context"
	"fmt"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func objectCommand() command {
	return command{
		use:      "object",
		short:    lang.M("Look into objects, and bring back what they were"),
		examples: []example{{lang.M("where its bytes lie, and whether they are whole"), "rhizome object stat photos/2026/garden.jpg"}},
		sub: []command{{
			use:      "stat BUCKET/KEY",
			short:    lang.M("Show where an object's bytes lie; each is read and checked"),
			examples: []example{{lang.M("where its bytes lie, and whether they are whole"), "rhizome object stat photos/2026/garden.jpg"}},
			min:      1, max: 1,
			run: objectStat,
		}, objectVersions(), objectUndelete(), objectRestore(), objectLock(),
			objectHold("hold", true, lang.M("Put a legal hold on a version: nobody deletes it until that is taken off"), lang.M("keep it without end")),
			objectHold("unhold", false, lang.M("Take the legal hold off a version"), lang.M("let it be deleted again"))},
	}
}

// onNode runs f on the node and shows what it answers with.
func onNode[T any](c *call, f func(n *client.Client, out *T) error, show func(T)) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var out T
	if err := f(node, &out); err != nil {
		return err
	}
	return c.show(out, func() { show(out) })
}

// onKey is onNode for the object that the first argument names.
func onKey[T any](c *call, f func(n *client.Client, bucket, key string, out *T) error, show func(T)) error {
	bucket, key, err := bucketKey(c.args[0])
	if err != nil {
		return err
	}
	return onNode(c, func(n *client.Client, out *T) error { return f(n, bucket, key, out) }, show)
}

// bucketKey cuts BUCKET/KEY.
func bucketKey(arg string) (bucket, key string, err error) {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(arg, "s3://"), "/")
	if !ok || bucket == "" || key == "" {
		return "", "", usageError{errs.Newf(errs.Invalid, "%q is no object: write it as BUCKET/KEY", arg)}
	}
	return bucket, key, nil
}

func objectStat(ctx context.Context, c *call) error {
	bucket, key, err := bucketKey(c.args[0])
	if err != nil {
		return err
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var s api.Stat
	if err := node.Get(ctx, client.Query(client.Path("buckets", bucket, "object"), "key", key), &s); err != nil {
		return err
	}
	return c.show(s, func() { c.printStat(s) })
}

func (a *App) printStat(s api.Stat) {
	say := a.Say
	rows := [][]string{
		{say.T("Object"), s.Bucket + "/" + s.Key},
		{say.T("Size"), say.T("%s (%s bytes)", say.Bytes(s.Size), say.Int(s.Size))},
		{say.T("Changed"), say.Time(s.Modified, a.Zone)},
		{"ETag", s.ETag},
	}
	if s.ContentType != "" {
		rows = append(rows, []string{say.T("Type"), s.ContentType})
	}
	if text := a.lockText(s.Lock); text != "" {
		rows = append(rows, []string{say.T("Object lock"), text})
	}
	for i, t := range s.Tags {
		first := ""
		if i == 0 {
			first = say.T("Tags")
		}
		rows = append(rows, []string{first, t.Key + "=" + t.Value})
	}
	if s.Inline {
		rows = append(rows, []string{say.T("Lies"), say.T("in the object's row")})
	}
	writeRows(a.Out, rows)
	if len(s.Pieces) > 0 {
		a.printPieces(s.Pieces)
	}
}

// printPieces shows of each piece who keeps it, and how it is there.
func (a *App) printPieces(pieces []api.Piece) {
	var rows [][]string
	here := false
	for _, p := range pieces {
		first := []string{p.Extent, a.Say.Bytes(p.Size)}
		if len(p.Copies) == 0 {
			rows = append(rows, append(first, "", "", a.paint(a.Out, red, p.Reason)))
		}
		for _, c := range p.Copies {
			name := c.Name
			if c.This {
				here, name = true, a.Say.T("%s (here)", name)
			}
			rows = append(rows, append(first, name, c.File, a.copyState(c)))
			first = []string{"", ""}
		}
	}
	fmt.Fprintln(a.Out)
	a.table([]string{lang.M("Piece"), lang.M("Size"), lang.M("Home"), lang.M("Lies"), lang.M("Health")}, rows)
	if !here {
		fmt.Fprintln(a.Out, a.Say.T("Nothing of it lies on this node."))
	}
}

func (a *App) copyState(c api.Copy) string {
	switch c.State {
	case api.CopyWhole:
		return a.paint(a.Out, green, a.Say.T("whole"))
	case api.CopyMissing:
		return a.paint(a.Out, red, a.Say.T("not there"))
	case api.CopySilent:
		return a.paint(a.Out, red, a.Say.T("no answer: not known"))
	}
	return a.paint(a.Out, red, a.Say.T("damaged: %s", c.Reason))
}
