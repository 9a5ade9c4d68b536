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
		}, objectVersions(), objectUndelete(), objectRestore()},
	}
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
	if s.Inline {
		rows = append(rows, []string{say.T("Lies"), say.T("in the object's row")})
	}
	writeRows(a.Out, rows)
	if len(s.Pieces) > 0 {
		var pieces [][]string
		for _, p := range s.Pieces {
			health := a.paint(a.Out, green, say.T("whole"))
			if !p.Healthy {
				health = a.paint(a.Out, red, say.T("damaged: %s", p.Reason))
			}
			pieces = append(pieces, []string{p.Extent, say.Bytes(p.Size), p.File, health})
		}
		fmt.Fprintln(a.Out)
		a.table([]string{lang.M("Piece"), lang.M("Size"), lang.M("Lies"), lang.M("Health")}, pieces)
	}
}
