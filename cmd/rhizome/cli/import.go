package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/importer"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// importWorkers is how many objects are copied at a time.
const importWorkers = 8

func importCommand() command {
	return command{
		use:   "import s3://BUCKET",
		short: lang.M("Copy a bucket from Garage, MinIO, AWS or another S3 store"),
		long: lang.M("Objects keep their metadata and ETags. A broken import is gone on with by running it again: what was copied is not copied twice. At the end everything is compared, object by object.\n" +
			"What differs here is replaced by what the other store has, even if it is newer here; what the other store deleted stays here.\n" +
			"The other store's key pair is read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or asked for on the terminal."),
		examples: []example{
			{lang.M("from a Garage at home"), "rhizome import s3://photos --endpoint http://192.168.1.10:3900"},
			{lang.M("only what lies in one folder"), "rhizome import s3://photos --prefix 2026/ --endpoint http://192.168.1.10:3900"},
			{lang.M("from AWS, under another name"), "rhizome import s3://my-bucket --endpoint https://s3.eu-west-3.amazonaws.com --as photos"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("endpoint", "", lang.M("`URL` of the other store"))
			f.text("region", "", lang.M("`NAME` of its region, if it must be told"))
			f.text("prefix", "", lang.M("copy only keys that begin with `TEXT`, such as a folder: 2026/"))
			f.text("as", "", lang.M("`NAME` of the bucket here; without it, the same"))
			f.text("key", "", lang.M("`KEY` that owns the bucket if it is made; without it the oldest one that is yours"))
		},
		run: runImport,
	}
}

func runImport(ctx context.Context, c *call) error {
	name := strings.TrimSuffix(strings.TrimPrefix(c.args[0], "s3://"), "/")
	if bucket, _, folder := strings.Cut(name, "/"); folder && bucket != "" && strings.HasPrefix(c.args[0], "s3://") {
		return usageError{errs.Newf(errs.Invalid, "%q is a folder of a bucket: write it as s3://%s --prefix %s", c.args[0], bucket, folderOf(name))}
	}
	if name == "" || strings.Contains(name, "/") {
		return usageError{errs.Newf(errs.Invalid, "%q is no bucket: write it as s3://BUCKET", c.args[0])}
	}
	if c.text("endpoint") == "" {
		return usageError{errs.New(errs.Invalid, "say where the other store is: --endpoint URL")}
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	id, secret, err := c.pair()
	if err != nil {
		return err
	}
	from, err := importer.NewS3(importer.Place{
		Endpoint: c.text("endpoint"), Region: c.text("region"), Bucket: name,
		ID: id, Secret: secret, Token: c.Getenv("AWS_SESSION_TOKEN"), Prefix: c.text("prefix"),
	})
	if err != nil {
		return err
	}
	as := c.text("as")
	if as == "" {
		as = name
	}
	if err := look(ctx, from); err != nil {
		return err
	}
	if err := ensureBucket(ctx, node, as, c.text("key")); err != nil {
		return err
	}
	return c.copyBucket(ctx, from, &rhizomeBucket{node, as, c.text("prefix")})
}

// folderOf is what stands behind the bucket, as a prefix.
func folderOf(name string) string {
	_, folder, _ := strings.Cut(name, "/")
	return shellQuote(folder + "/")
}

// look lists the beginning of the source, so that one that is not there or may not be
// read makes no bucket here.
func look(ctx context.Context, from importer.Source) error {
	for _, err := range from.Objects(ctx) {
		return interrupted(ctx, err)
	}
	return interrupted(ctx, nil)
}

// interrupted says that a person stopped it, if so, in place of err.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errs.New(errs.Unavailable, "the import was interrupted")
	}
	return err
}

func ensureBucket(ctx context.Context, node *client.Client, name, key string) error {
	err := node.Get(ctx, client.Path("buckets", name), nil)
	if !errors.Is(err, errs.NotFound) {
		return err
	}
	return node.Post(ctx, client.Path("buckets"), api.NewBucket{Name: name, Key: key}, nil)
}

// imported is what `import --json` prints.
type imported struct {
	Bucket  string   `json:"bucket"`
	Objects int64    `json:"objects"` // of the source
	Bytes   int64    `json:"bytes"`
	Copied  int64    `json:"copied"`  // objects copied by this run
	Differs []string `json:"differs"` // keys that differ after all, at most 1,000
	Whole   bool     `json:"whole"`   // nothing differs
}

func (c *call) copyBucket(ctx context.Context, from importer.Source, to *rhizomeBucket) error {
	bar := newBar(c.App)
	err := importer.Run(ctx, from, to, importWorkers, bar)
	bar.stop()
	if err != nil {
		switch err = interrupted(ctx, err); errs.KindOf(err) {
		case errs.Denied, errs.NotFound, errs.Invalid, errs.TooLarge:
			return err // again would not help
		}
		if !c.json {
			fmt.Fprintln(c.Err, c.Say.T("Run the same command again to go on."))
		}
		return err
	}
	out := imported{Bucket: to.name, Copied: bar.copied.Load(), Differs: []string{}}
	err = importer.Compare(ctx, from, to, func(o importer.Object, same bool) error {
		out.Objects++
		out.Bytes += o.Size
		if !same && len(out.Differs) < 1000 {
			out.Differs = append(out.Differs, o.Key)
		}
		return nil
	})
	if err != nil {
		return interrupted(ctx, err)
	}
	out.Whole = len(out.Differs) == 0
	err = c.show(out, func() {
		fmt.Fprintln(c.Out, c.Say.T("%s, %s in %s; %s copied now.", c.Say.N(out.Objects, "%s object", "%s objects"),
			c.Say.Bytes(out.Bytes), out.Bucket, c.Say.N(out.Copied, "%s object", "%s objects")))
		if out.Whole {
			fmt.Fprintln(c.Out, c.Say.T("Checked: every object is here with its size and ETag."))
		}
		for _, key := range out.Differs {
			fmt.Fprintln(c.Out, c.Say.T("differs: %s", key))
		}
	})
	if err == nil && !out.Whole {
		return errs.New(errs.Conflict, "some objects differ, because they changed meanwhile: run the import again")
	}
	return err
}

// rhizomeBucket is the importer's target.
type rhizomeBucket struct {
	node         *client.Client
	name, prefix string
}

func (t *rhizomeBucket) Put(ctx context.Context, key string, in api.PutObject, body io.Reader) error {
	_, err := t.node.PutObject(ctx, t.name, key, in, body)
	return err
}

func (t *rhizomeBucket) Objects(ctx context.Context) iter.Seq2[importer.Object, error] {
	return func(yield func(importer.Object, error) bool) {
		stop := errors.New("enough")
		err := t.node.Objects(ctx, t.name, t.prefix, func(o api.Object) error {
			if !yield(importer.Object{Key: o.Key, ETag: o.ETag, Size: o.Size}, nil) {
				return stop
			}
			return nil
		})
		if err != nil && err != stop {
			yield(importer.Object{}, err)
		}
	}
}
