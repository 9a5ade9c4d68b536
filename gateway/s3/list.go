package s3

import (
	"net/http"
	"strconv"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// listing is what the listings of objects and uploads have in common.
type listing struct {
	prefix, delimiter string
	limit             int
	url               bool // encoding-type=url
}

func (q *request) listing(limitName string) (listing, error) {
	l := listing{prefix: q.query.get("prefix"), delimiter: q.query.get("delimiter")}
	var err error
	if l.limit, err = q.limit(limitName); err != nil {
		return l, err
	}
	switch e := q.query.get("encoding-type"); e {
	case "":
	case "url":
		l.url = true
	default:
		return l, s3err.Argument("encoding-type", e, "Invalid Encoding Method specified in Request")
	}
	return l, nil
}

// limit reads the number of entries that a page may have; more than 1,000 is 1,000.
func (q *request) limit(name string) (int, error) {
	s := q.query.get(name)
	if s == "" {
		return object.MaxListEntries, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	switch {
	case err != nil:
		return 0, s3err.Argument(name, s, "Provided "+s+" not an integer or within integer range")
	case n < 0:
		return 0, s3err.Argument(name, s, "Argument "+s+" must be an integer between 0 and 2147483647")
	}
	return int(min(n, object.MaxListEntries)), nil
}

// name encodes a key as the client asked.
func (l *listing) name(s string) string {
	if l.url {
		return urlEncode(s)
	}
	return s
}

// echo appends what every listing repeats of what was asked.
func (l *listing) echo(d *doc, limitName string) {
	d.some("Delimiter", l.name(l.delimiter))
	if l.url {
		d.text("EncodingType", "url")
	}
	d.int(limitName, int64(l.limit))
}

func (l *listing) prefixes(d *doc, prefixes []string) {
	for _, p := range prefixes {
		d.begin("CommonPrefixes")
		d.text("Prefix", l.name(p))
		d.end("CommonPrefixes")
	}
}

// contents appends objects; owner "" leaves the owner out.
func (l *listing) contents(d *doc, objects []object.Head, owner string) {
	for i := range objects {
		o := &objects[i]
		d.begin("Contents")
		d.text("Key", l.name(o.Key))
		d.entry(o, owner)
		d.end("Contents")
	}
}

// entry appends what a listing says of an object beside its key.
func (d *doc) entry(o *object.Head, owner string) {
	d.time("LastModified", o.Modified)
	d.etag("ETag", o.ETag)
	if o.Checksum.Algorithm != "" {
		d.text("ChecksumAlgorithm", o.Checksum.Algorithm)
		d.text("ChecksumType", typeName(o.Checksum))
	}
	d.int("Size", o.Size)
	if owner != "" {
		d.owner("Owner", owner)
	}
	d.text("StorageClass", "STANDARD")
}

// marked is a listing that goes on behind a marker, with its page, and the owner that
// it names for each object.
type marked struct {
	listing
	*object.Listed
	marker, owner string
}

func (q *request) marked(parameter string) (m marked, err error) {
	if m.listing, err = q.listing("max-keys"); err != nil {
		return m, err
	}
	m.marker = q.query.get(parameter)
	if m.Listed, err = q.page(m.listing, m.marker); err != nil {
		return m, err
	}
	m.owner, err = q.owner(q.bucket)
	return m, err
}

func listV1(q *request) error {
	l, err := q.marked("marker")
	if err != nil {
		return err
	}
	const root = "ListBucketResult"
	d := newDoc(root)
	d.text("Name", q.bucketName)
	d.text("Prefix", l.name(l.prefix))
	d.text("Marker", l.name(l.marker))
	if l.More && l.delimiter != "" {
		d.text("NextMarker", l.name(l.Next))
	}
	l.echo(d, "MaxKeys")
	d.bool("IsTruncated", l.More)
	l.contents(d, l.Objects, l.owner)
	l.prefixes(d, l.Prefixes)
	return q.xml(http.StatusOK, d, root)
}

func (q *request) page(l listing, after string) (*object.Listed, error) {
	if l.limit == 0 {
		return &object.Listed{}, nil
	}
	return q.g.objects.List(q.ctx, q.bucket, object.List{Prefix: l.prefix, Delimiter: l.delimiter, After: after, Limit: l.limit})
}

func listV2(q *request) error {
	if v := q.query.get("list-type"); v != "2" {
		return s3err.Argument("list-type", v, "Invalid List Type specified in Request")
	}
	l, err := q.listing("max-keys")
	if err != nil {
		return err
	}
	start := q.query.get("start-after")
	after, err := decodeToken(q.query, "continuation-token")
	if err != nil {
		return err
	}
	if after == "" {
		after = start
	}
	page, err := q.page(l, after)
	if err != nil {
		return err
	}
	owner := ""
	if q.query.get("fetch-owner") == "true" {
		if owner, err = q.owner(q.bucket); err != nil {
			return err
		}
	}
	const root = "ListBucketResult"
	d := newDoc(root)
	d.text("Name", q.bucketName)
	d.text("Prefix", l.name(l.prefix))
	d.some("StartAfter", l.name(start))
	d.some("ContinuationToken", q.query.get("continuation-token"))
	if page.More {
		d.text("NextContinuationToken", encodeToken(page.Next))
	}
	d.int("KeyCount", int64(len(page.Objects)+len(page.Prefixes)))
	l.echo(d, "MaxKeys")
	d.bool("IsTruncated", page.More)
	l.contents(d, page.Objects, owner)
	l.prefixes(d, page.Prefixes)
	return q.xml(http.StatusOK, d, root)
}

func typeName(c object.Checksum) string {
	if c.Composite {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}
