package s3

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// maxBuckets is the longest page of buckets, as AWS has it.
const maxBuckets = 10000

func listBuckets(q *request) error {
	limit, err := q.bucketLimit()
	if err != nil {
		return err
	}
	after, err := decodeToken(q.query, "continuation-token")
	if err != nil {
		return err
	}
	all, err := q.g.objects.Buckets(q.ctx, q.who)
	if err != nil {
		return err
	}
	if r := q.query.get("bucket-region"); r != "" && r != q.g.region {
		all = nil
	}
	prefix := q.query.get("prefix")
	const root = "ListAllMyBucketsResult"
	d := newDoc(root)
	d.owner("Owner", memberID(q.who))
	d.begin("Buckets")
	next := q.appendBuckets(d, all, prefix, after, limit)
	d.end("Buckets")
	d.some("ContinuationToken", encodeToken(next))
	d.some("Prefix", prefix)
	return q.xml(http.StatusOK, d, root)
}

// appendBuckets appends a page of buckets and returns the last name if more follow.
func (q *request) appendBuckets(d *doc, all []object.NamedBucket, prefix, after string, limit int) string {
	n, last := 0, ""
	for _, b := range all {
		if b.Name <= after && after != "" || !strings.HasPrefix(b.Name, prefix) {
			continue
		}
		if n == limit {
			return last
		}
		n, last = n+1, b.Name
		d.begin("Bucket")
		d.text("Name", b.Name)
		d.time("CreationDate", b.Bucket.Created)
		d.text("BucketRegion", q.g.region)
		d.end("Bucket")
	}
	return ""
}

func (q *request) bucketLimit() (int, error) {
	s := q.query.get("max-buckets")
	if s == "" {
		return maxBuckets, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxBuckets {
		return 0, s3err.Argument("max-buckets", s, "Argument max-buckets must be an integer between 1 and 10000.")
	}
	return n, nil
}

// tokenMark begins every token that was made here.
const tokenMark = "1"

// encodeToken makes an opaque token of the place where a listing goes on; "" of "".
func encodeToken(after string) string {
	if after == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(tokenMark + after))
}

// decodeToken reads the token in a parameter; "" if the parameter is not there.
func decodeToken(q query, name string) (string, error) {
	if !q.has(name) {
		return "", nil
	}
	s := q.get(name)
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || string(b[:1]) != tokenMark {
		return "", s3err.Argument(name, s, "The continuation token provided is incorrect")
	}
	return string(b[1:]), nil
}
