package s3

import (
	"errors"
	"net/http"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// maxCreate bounds the body of CreateBucket.
const maxCreate = 64 << 10

func createBucket(q *request) error {
	if !q.who.CreateBuckets {
		return s3err.New(s3err.AccessDenied)
	}
	tags, err := q.creation()
	if err != nil {
		return err
	}
	if reservedName(q.bucketName) {
		return s3err.New(s3err.InvalidBucketName).With("BucketName", q.bucketName)
	}
	create := q.g.objects.CreateBucket
	if strings.EqualFold(q.r.Header.Get("X-Amz-Bucket-Object-Lock-Enabled"), "true") {
		create = q.g.objects.CreateLocked
	}
	b, err := create(q.ctx, q.bucketName, q.who, false)
	switch {
	case errors.Is(err, object.ErrBucketName), errors.Is(err, object.ErrBucketExists), errors.Is(err, object.ErrBucketOwned):
		return translate(err).With("BucketName", q.bucketName)
	case err != nil:
		return err
	}
	if len(tags) > 0 {
		if _, err := q.g.objects.ChangeSettings(q.ctx, b, func(s *object.Settings) error { s.Tags = tags; return nil }); err != nil {
			return err
		}
	}
	q.set("Location", "/"+q.bucketName)
	q.set("x-amz-bucket-arn", "arn:aws:s3:::"+q.bucketName)
	q.set("Content-Length", "0")
	q.reply(http.StatusOK)
	return nil
}

// What S3 keeps for itself at either end of a bucket's name:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html. Sites whose names
// have accents make buckets called xn--… by another way.
var (
	reservedStarts = [...]string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedEnds   = [...]string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// reservedName reports whether S3 gives no new bucket that name.
func reservedName(name string) bool {
	for _, p := range reservedStarts {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	for _, p := range reservedEnds {
		if strings.HasSuffix(name, p) {
			return true
		}
	}
	return false
}

// creation reads the body of CreateBucket: its tags. It refuses what it cannot give.
func (q *request) creation() (tags []object.Tag, err error) {
	body, err := q.document(maxCreate, false)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	root, err := parseXML(body, "CreateBucketConfiguration")
	if err != nil {
		return nil, err
	}
	for _, n := range root.kids {
		switch n.name {
		case "LocationConstraint":
			at := strings.TrimSpace(n.text)
			if q.g.strict && at != "" && at != q.g.region {
				return nil, s3err.Newf(s3err.IllegalLocationConstraintException,
					"The %s location constraint is incompatible for the region specific endpoint this request was sent to.", at)
			}
		case "Tags":
			if tags, err = readTagList(n, maxBucketTags); err != nil {
				return nil, err
			}
		default:
			return nil, notImplemented("The element " + n.name + " of CreateBucketConfiguration is not implemented.")
		}
	}
	return tags, nil
}

func headBucket(q *request) error {
	q.set("x-amz-bucket-region", q.g.region)
	q.set("x-amz-bucket-arn", "arn:aws:s3:::"+q.bucketName)
	q.set("x-amz-access-point-alias", "false")
	q.set("Content-Type", "application/xml")
	q.reply(http.StatusOK)
	return nil
}

func getLocation(q *request) error {
	const root = "LocationConstraint"
	d := newDoc(root)
	if q.g.region != defaultRegion {
		d.b = appendEscaped(d.b, q.g.region)
	}
	return q.xml(http.StatusOK, d, root)
}

func deleteBucket(q *request) error {
	err := q.g.objects.DeleteBucket(q.ctx, q.bucket)
	if errors.Is(err, object.ErrBucketNotEmpty) {
		e := translate(err).With("BucketName", q.bucketName)
		if q.bucket.Versioning != object.VersioningOff {
			e.Message += " You must delete all versions in the bucket."
		}
		return e
	}
	if err != nil {
		return err
	}
	return noContent(q)
}
