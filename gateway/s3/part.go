package s3

import (
	"math"
	"net/http"
	"strconv"

	"rhizome/base/ident"
	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// partOf reads which part of which upload a request is about.
func (q *request) partOf() (id ident.ID, number int, err error) {
	if !q.query.has("partNumber") {
		return id, 0, s3err.Newf(s3err.InvalidArgument, "This operation needs the query parameter partNumber.")
	}
	if number, err = q.partNumber(); err != nil {
		return id, 0, err
	}
	id, err = q.uploadID()
	return id, number, err
}

func putPart(q *request) error {
	id, number, err := q.partOf()
	if err != nil {
		return err
	}
	key, err := q.writeKey(q.r.Header)
	if err != nil {
		return err
	}
	u := q.guess.upload
	if u == nil {
		if u, err = q.g.objects.Upload(q.ctx, q.bucket, q.key, id); err != nil {
			return q.refusedUpload(err)
		}
	}
	whole := checksum.None
	if !u.Checksum.Composite {
		whole = wholeOf(u) // needed of every part, so worked out if the client does not say it
	}
	also := checksum.None
	if u.Checksum.Algorithm == "" {
		also = whole
	}
	body, want, err := q.body(whole, also)
	if err != nil {
		return err
	}
	body.Customer = key.key
	if a := algorithmOf(u.Checksum); a != checksum.None && a != want.Algorithm {
		return mismatch(a, want.Algorithm)
	}
	p, err := q.g.objects.PutPart(q.ctx, q.bucket, q.key, id, number, body)
	if err != nil {
		return q.refusedUpload(err)
	}
	q.ofSize(p.Size)
	q.set("ETag", quote(p.ETag))
	q.encryptionHeaders(u.Customer, key)
	if want.Sum != nil {
		q.set(want.Algorithm.Header(), checksum.Encode(want.Sum, 0)) // it was found right
	} else if len(p.Checksum.Sum) > 0 && algorithmOf(p.Checksum) == want.Algorithm {
		q.set(want.Algorithm.Header(), checksum.Encode(p.Checksum.Sum, 0))
	}
	q.set("Content-Length", "0")
	q.reply(http.StatusOK)
	return nil
}

// wholeOf is the algorithm of the object that an upload makes: CRC64NVME, as in S3, if
// the client wished none.
func wholeOf(u *object.Upload) checksum.Algorithm {
	if a := algorithmOf(u.Checksum); a != checksum.None {
		return a
	}
	return checksum.CRC64NVME
}

func mismatch(want, got checksum.Algorithm) error {
	name := "null"
	if got != checksum.None {
		name = got.String()
	}
	return s3err.Newf(s3err.InvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
		want, name)
}

func copyPart(q *request) error {
	if _, _, _, err := parseSource(q.r.Header.Get(copySource)); err != nil {
		return err
	}
	id, number, err := q.partOf()
	if err != nil {
		return err
	}
	from, err := q.source()
	if err != nil {
		return err
	}
	u, err := q.g.objects.Upload(q.ctx, q.bucket, q.key, id)
	if err != nil {
		return q.refusedUpload(err)
	}
	c := object.Copy{From: from.bucket, FromKey: from.key, FromVersion: from.version, FromIf: from.cond, FromOnly: from.judged, Key: q.key}
	if c.Range, err = copyRange(q.r.Header); err != nil {
		return err
	}
	key, err := q.copyKeys(&c)
	if err != nil {
		return err
	}
	c.Digest = digestOf(wholeOf(u)) // a part's ETag is its own MD5
	const root = "CopyPartResult"
	return q.answerLate(root, func(d *doc) error {
		p, err := q.g.objects.CopyPart(q.ctx, q.bucket, q.key, id, number, c)
		if err != nil {
			return q.refusedPartCopy(err, from, c.Range)
		}
		if from.bucket.Versioning != object.VersioningOff {
			q.late.from = from.version
		}
		q.late.customer, q.late.key = u.Customer, key
		q.ofSize(p.Size)
		d.time("LastModified", p.Modified)
		d.etag("ETag", p.ETag)
		if u.Checksum.Algorithm != "" {
			d.checksum(p.Checksum, 0)
		}
		return nil
	})
}

const copyRangeHeader = "X-Amz-Copy-Source-Range"

// copyRange reads x-amz-copy-source-range, which must be first-last.
func copyRange(h http.Header) (*object.Range, error) {
	s := h.Get(copyRangeHeader)
	if s == "" {
		return nil, nil
	}
	r := parseRange(s)
	if r == nil || r.First < 0 || r.Last < 0 || r.Last == math.MaxInt64 {
		return nil, s3err.Argument("x-amz-copy-source-range", s, "The x-amz-copy-source-range value must be of the form "+
			"bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	if r.Last-r.First >= object.MaxPut {
		return nil, tooLarge(r.Last - r.First + 1)
	}
	return r, nil
}

func (q *request) refusedPartCopy(err error, from source, r *object.Range) error {
	e := translate(err)
	if e.Code == s3err.InvalidRange && r != nil {
		words := "Range specified is not valid for source object"
		if o, err := q.g.objects.Stat(q.ctx, from.bucket, object.Get{Key: from.key, Version: from.version}); err == nil {
			words += " of size: " + itoa(o.Size)
		}
		return s3err.Argument("x-amz-copy-source-range", q.r.Header.Get(copyRangeHeader), words).Because(err)
	}
	if e.Code == s3err.NoSuchUpload {
		return q.refusedUpload(err)
	}
	return q.refusedCopy(err, from, object.Conditions{})
}

func listParts(q *request) error {
	id, err := q.uploadID()
	if err != nil {
		return err
	}
	l, err := q.listing("max-parts")
	if err != nil {
		return err
	}
	after, err := q.partMarker()
	if err != nil {
		return err
	}
	key, err := q.readKey()
	if err != nil {
		return err
	}
	u, err := q.g.objects.Upload(q.ctx, q.bucket, q.key, id)
	if err == nil && key.key != nil && !u.Customer {
		err = object.ErrUploadKey
	}
	if err != nil {
		return q.refusedUpload(err)
	}
	var parts []object.Part
	more := false
	if l.limit > 0 {
		if parts, more, err = q.g.objects.ListParts(q.ctx, q.bucket, q.key, id, after, l.limit); err != nil {
			return q.refusedUpload(err)
		}
	}
	owner, err := q.owner(q.bucket)
	if err != nil {
		return err
	}
	const root = "ListPartsResult"
	d := newDoc(root)
	d.text("Bucket", q.bucketName)
	d.text("Key", l.name(q.key))
	d.text("UploadId", id.String())
	d.owner("Initiator", owner)
	d.owner("Owner", owner)
	d.text("StorageClass", plainClass)
	d.int("PartNumberMarker", int64(after))
	if len(parts) > 0 {
		d.int("NextPartNumberMarker", int64(parts[len(parts)-1].Number))
	}
	l.echo(d, "MaxParts")
	d.bool("IsTruncated", more)
	if u.Checksum.Algorithm != "" {
		d.text("ChecksumAlgorithm", u.Checksum.Algorithm)
		d.text("ChecksumType", typeName(u.Checksum))
	}
	for i := range parts {
		d.part(&parts[i])
	}
	return q.xml(http.StatusOK, d, root)
}

func (d *doc) part(p *object.Part) {
	d.begin("Part")
	d.int("PartNumber", int64(p.Number))
	d.time("LastModified", p.Modified)
	d.etag("ETag", p.ETag)
	d.int("Size", p.Size)
	d.checksum(p.Checksum, 0)
	d.end("Part")
}

func (q *request) partMarker() (int, error) {
	s := q.query.get("part-number-marker")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	switch {
	case err != nil:
		return 0, s3err.Argument("part-number-marker", s, "Provided "+s+" not an integer or within integer range")
	case n < 0:
		return 0, s3err.Argument("part-number-marker", s, "Argument "+s+" must be an integer between 0 and 2147483647")
	}
	return int(n), nil
}
