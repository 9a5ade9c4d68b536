package s3

import (
	"errors"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// source is where a copy comes from.
type source struct {
	bucket  *object.Bucket
	name    string
	key     string
	version string
	cond    object.Conditions
	// judged is the version whose tags a policy was asked about; zero: it was not asked.
	judged ident.ID
}

// judge notes whose tags a policy was asked about. If there was nothing then, nothing that came
// since is what was decided on.
func (s *source) judge(there *existing) error {
	if !there.read {
		return nil
	}
	at := ident.New()
	if there.head != nil {
		at = there.head.Version
	}
	if !s.judged.IsZero() && s.judged != at && there.head != nil {
		return errs.Newf(errs.Unavailable, "the source was replaced: %w", object.ErrBusy)
	}
	s.judged = at
	return nil
}

// source reads x-amz-copy-source and checks that the caller may read it.
func (q *request) source() (source, error) {
	bucketName, key, version, err := parseSource(q.r.Header.Get(copySource))
	if err != nil {
		return source{}, err
	}
	b, err := q.lookup(bucketName)
	if err != nil {
		return source{}, err
	}
	s := source{bucket: b, name: bucketName, key: key, version: version, cond: readConditions(q.r.Header, copySource+"-")}
	q.logged.from = &s
	if err := q.mayTake(&s, "s3:GetObject", "s3:GetObjectVersion"); err != nil {
		return source{}, err
	}
	return s, q.checkOwner("X-Amz-Source-Expected-Bucket-Owner", b)
}

// mayTake returns why an action on the source is not allowed: the first for an object, the other
// for a version that the request names.
func (q *request) mayTake(s *source, current, named string) error {
	there := &existing{b: s.bucket, at: object.Get{Key: s.key, Version: s.version}}
	if err := q.decide(s.bucket, q.who, reads, there, q.r.Header, versioned(s.version, current, named)); err != nil {
		return err
	}
	return s.judge(there)
}

func parseSource(s string) (bucketName, key, version string, err error) {
	path, version, _ := strings.Cut(s, "?versionId=")
	path, err = url.PathUnescape(path)
	if err != nil || !utf8.ValidString(path) {
		return "", "", "", badSource(s, "Invalid copy source encoding")
	}
	bucketName, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case object.CheckBucketName(bucketName) != nil:
		return "", "", "", badSource(s, "Invalid copy source bucket name")
	case key == "", climbs(key):
		return "", "", "", badSource(key, "Invalid copy source object key")
	}
	return bucketName, key, version, checkKey(key)
}

func badSource(s, why string) error { return s3err.Argument("x-amz-copy-source", s, why) }

func copyObject(q *request) error {
	cond, err := writeConditions(q.r.Header)
	if err != nil {
		return err
	}
	attrs, err := q.copyAttrs()
	if err != nil {
		return err
	}
	if name := q.r.Header.Get("X-Amz-Checksum-Algorithm"); name != "" {
		if _, ok := checksum.ParseAlgorithm(name); !ok {
			return badAlgorithm()
		}
	}
	from, err := q.source()
	if err != nil {
		return err
	}
	tags, err := q.copyTags(&from)
	if err != nil {
		return err
	}
	lock, err := lockOf(q.r.Header)
	if err != nil {
		return err
	}
	c := object.Copy{From: from.bucket, FromKey: from.key, FromVersion: from.version, FromIf: from.cond, FromOnly: from.judged, Key: q.key, If: cond, Attrs: attrs, Tags: tags, Lock: lock}
	key, err := q.copyKeys(&c)
	if err != nil {
		return err
	}
	if attrs == nil && from.bucket.ID == q.bucket.ID && from.key == q.key && from.version == "" && c.FromCustomer.Is(c.Customer) {
		return s3err.Newf(s3err.InvalidRequest, "This copy request is illegal because it is trying to copy an object to itself "+
			"without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	if c.Digest, err = q.copyDigest(from); err != nil {
		return err
	}
	const root = "CopyObjectResult"
	return q.answerLate(root, func(d *doc) error {
		h, err := q.g.objects.Copy(q.ctx, q.bucket, c)
		if err != nil {
			return q.refusedCopy(err, from, cond)
		}
		q.late.made, q.late.customer, q.late.key = h.VersionID, h.Customer, key
		q.ofSize(h.Size)
		if from.bucket.Versioning != object.VersioningOff {
			q.late.from = h.SourceVersionID
		}
		d.time("LastModified", h.Modified)
		d.etag("ETag", h.ETag)
		if len(h.Checksum.Sum) > 0 {
			d.checksum(h.Checksum, h.Parts)
			d.text("ChecksumType", typeName(h.Checksum))
		}
		return nil
	})
}

// copyKeys reads the keys of customers for both sides of a copy, and returns the copy's.
func (q *request) copyKeys(c *object.Copy) (customer, error) {
	from, err := q.sourceKey()
	if err != nil {
		return from, err
	}
	to, err := q.writeKey(q.r.Header)
	c.FromCustomer, c.Customer = from.key, to.key
	return to, err
}

// copyAttrs returns the metadata that replaces the source's, nil to keep it.
func (q *request) copyAttrs() (*object.Attrs, error) {
	h := q.r.Header
	a, err := q.newAttrs() // looked at whether or not it counts
	if err != nil {
		return nil, err
	}
	switch d := h.Get("X-Amz-Metadata-Directive"); d {
	case "", "COPY":
		if h.Get("X-Amz-Website-Redirect-Location") != "" {
			return nil, notImplemented("x-amz-website-redirect-location needs x-amz-metadata-directive: REPLACE here.")
		}
		return nil, nil
	case "REPLACE":
		return &a, nil
	default:
		return nil, s3err.Argument("x-amz-metadata-directive", d, "Unknown metadata directive.")
	}
}

// copyDigest returns how to work out the checksum that the client asks for, nil if
// the source's own will do.
func (q *request) copyDigest(from source) (func() (io.Writer, func() (object.Digest, error)), error) {
	name := q.r.Header.Get("X-Amz-Checksum-Algorithm")
	if name == "" {
		return nil, nil
	}
	a, _ := checksum.ParseAlgorithm(name) // looked at before
	o, err := q.g.objects.Stat(q.ctx, from.bucket, object.Get{Key: from.key, Version: from.version})
	if err != nil {
		return nil, named(err, from.key)
	}
	if o.Checksum.Algorithm == a.String() && !o.Checksum.Composite {
		return nil, nil
	}
	return digestOf(a), nil
}

func badAlgorithm() error {
	return s3err.Newf(s3err.InvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "+
		"[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]")
}

// digestOf returns what object.Copy.Digest takes.
func digestOf(a checksum.Algorithm) func() (io.Writer, func() (object.Digest, error)) {
	return func() (io.Writer, func() (object.Digest, error)) {
		want := checksum.Want{Algorithm: a}
		h := checksum.NewBody(want)
		return h, func() (object.Digest, error) { return finishBody(h, want, nil) }
	}
}

// refusedCopy says which side of a copy the service's error is about.
func (q *request) refusedCopy(err error, from source, cond object.Conditions) error {
	switch {
	case errors.Is(err, object.ErrNotModified):
		return s3err.New(s3err.PreconditionFailed, s3err.Field{Name: "Condition", Value: "x-amz-copy-source-If-None-Match"}).Because(err)
	case errors.Is(err, object.ErrEntityTooLarge):
		return s3err.Newf(s3err.InvalidRequest, "The specified copy source is larger than the maximum allowable size for a copy source: %d",
			int64(object.MaxPut))
	case errors.Is(err, object.ErrMarker):
		return s3err.Newf(s3err.InvalidRequest, "The source of a copy request may not specifically refer to a delete marker by version id.")
	case errors.Is(err, object.ErrNoSuchKey) && len(cond.IfMatch) == 0:
		return named(err, from.key)
	}
	return refusedWrite(err, cond, q.key)
}
