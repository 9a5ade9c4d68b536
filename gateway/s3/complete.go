package s3

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// completion is one CompleteMultipartUpload.
type completion struct {
	complete  object.Complete
	size      int64 // announced, -1 if not
	algorithm checksum.Algorithm
	kind      checksum.Type
	sum       string // what the client says of the whole object, "" if nothing
}

func completeUpload(q *request) error {
	c, err := q.completion()
	if err != nil {
		return err
	}
	const root = "CompleteMultipartUploadResult"
	return q.answerLate(root, func(d *doc) error {
		h, err := q.complete(c)
		if err != nil {
			return q.refusedCompletion(err, c)
		}
		q.late.made, q.late.customer, q.late.key = h.VersionID, h.Customer, q.customer
		q.ofSize(h.Size)
		d.text("Location", q.location())
		d.text("Bucket", q.bucketName)
		d.text("Key", q.key)
		d.etag("ETag", h.ETag)
		if len(h.Checksum.Sum) > 0 {
			d.checksum(h.Checksum, h.Parts)
			d.text("ChecksumType", typeName(h.Checksum))
		}
		return nil
	})
}

// Several may complete an upload at once, and hinder each other: one that was hindered
// tries again so often, after a while of up to so long.
const (
	completeTries = 12
	completePause = 200 * time.Millisecond
)

func (q *request) complete(c *completion) (*object.Head, error) {
	for try := 1; ; try++ {
		h, err := q.g.objects.Complete(q.ctx, q.bucket, c.complete)
		if err == nil || try == completeTries || translated(err) != s3err.OperationAborted {
			return h, err
		}
		again := time.NewTimer(rand.N(completePause)) // chance: so that they do not meet again
		select {
		case <-again.C:
		case <-q.ctx.Done():
			again.Stop()
			return nil, err
		}
	}
}

// completion reads the request and checks it against the upload.
func (q *request) completion() (*completion, error) {
	id, err := q.uploadID()
	if err != nil {
		return nil, err
	}
	cond, err := writeConditions(q.r.Header)
	if err != nil {
		return nil, err
	}
	c := &completion{complete: object.Complete{Key: q.key, Upload: id, Size: -1, If: cond}}
	key, err := q.writeKey(q.r.Header)
	if err != nil {
		return nil, err
	}
	c.complete.Customer = key.key
	if c.size, err = q.announcedSize(); err != nil {
		return nil, err
	}
	said, err := q.wholeChecksum(c)
	if err != nil {
		return nil, err
	}
	body, err := q.document(maxDocument, false)
	if err != nil {
		return nil, err
	}
	root, err := parseXML(body, "CompleteMultipartUpload")
	if err != nil {
		return nil, err
	}
	u, err := q.g.objects.Upload(q.ctx, q.bucket, q.key, id)
	switch {
	case errors.Is(err, object.ErrNoSuchUpload):
		c.algorithm = said // completed already, perhaps: the service knows
	case err != nil:
		return nil, err
	default:
		if err := q.checkMode(c, u, said); err != nil {
			return nil, err
		}
	}
	c.complete.Finish = c.finish
	c.complete.Parts, err = readParts(root, c)
	return c, err
}

// checkMode holds what the request says of checksums against the upload's.
func (q *request) checkMode(c *completion, u *object.Upload, said checksum.Algorithm) error {
	c.algorithm, c.kind = algorithmOf(u.Checksum), checksum.FullObject
	if u.Checksum.Composite {
		c.kind = checksum.Composite
	}
	if said != checksum.None && c.algorithm != checksum.None && said != c.algorithm {
		return mismatch(c.algorithm, said)
	}
	t := q.r.Header.Get("X-Amz-Checksum-Type")
	if _, ok := checksum.ParseType(t); t != "" && !ok {
		return s3err.Newf(s3err.InvalidRequest, "Value for x-amz-checksum-type header is invalid.")
	}
	if t = strings.ToUpper(t); t != "" && c.algorithm != checksum.None && t != c.kind.String() {
		return s3err.Newf(s3err.InvalidRequest, "The upload was created using the %s checksum mode. "+
			"The complete request must use the same checksum mode.", c.kind)
	}
	return nil
}

func (q *request) announcedSize() (int64, error) {
	s := q.r.Header.Get("X-Amz-Mp-Object-Size")
	if s == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n < 0 {
		return 0, s3err.Newf(s3err.InvalidRequest, "Value for x-amz-mp-object-size header is less than zero: '%s'", s)
	}
	if err != nil {
		return 0, s3err.Newf(s3err.InvalidRequest, "Value for x-amz-mp-object-size header is invalid: '%s'", s)
	}
	return n, nil
}

// wholeChecksum takes the header with the object's checksum out of the request: it
// is not that of the request's body.
func (q *request) wholeChecksum(c *completion) (checksum.Algorithm, error) {
	found := checksum.None
	for a := checksum.CRC32; a <= checksum.XXHASH128; a++ {
		v := q.r.Header.Get(a.Header())
		if v == "" {
			continue
		}
		if found != checksum.None {
			return found, s3err.Newf(s3err.InvalidRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		sum, count, composite := strings.Cut(v, "-")
		_, err := strconv.ParseUint(count, 10, 16)
		if _, ok := a.Decode(sum); !ok || composite && err != nil {
			return found, s3err.Newf(s3err.InvalidRequest, "Value for %s header is invalid.", strings.ToLower(a.Header()))
		}
		found, c.sum = a, v
		q.r.Header.Del(a.Header())
	}
	q.r.Header.Del("X-Amz-Sdk-Checksum-Algorithm")
	return found, nil
}

func readParts(root *node, c *completion) ([]object.CompletePart, error) {
	if len(root.kids) == 0 || len(root.kids) > object.MaxParts {
		return nil, malformed(nil)
	}
	parts := make([]object.CompletePart, 0, len(root.kids))
	for _, n := range root.kids {
		if n.name != "Part" {
			return nil, malformed(nil)
		}
		p, err := readPart(n, c)
		if err != nil {
			return nil, err
		}
		if len(parts) > 0 && p.Number <= parts[len(parts)-1].Number {
			return nil, s3err.New(s3err.InvalidPartOrder, s3err.Field{Name: "UploadId", Value: c.complete.Upload.String()})
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func readPart(n *node, c *completion) (object.CompletePart, error) {
	var p object.CompletePart
	number, ok := n.child("PartNumber")
	etag, ok2 := n.child("ETag")
	if !ok || !ok2 {
		return p, malformed(nil)
	}
	var err error
	if p.Number, err = strconv.Atoi(strings.TrimSpace(number)); err != nil {
		return p, malformed(err)
	}
	if p.Number < 1 || p.Number > object.MaxParts {
		return p, s3err.Argument("PartNumber", number, "PartNumber must be >= 1")
	}
	p.ETag = strings.ToLower(strings.Trim(strings.TrimSpace(etag), `"`))
	if p.Checksum, err = partSum(n, c, p.Number); err != nil {
		return p, err
	}
	if c.algorithm != checksum.None && c.kind == checksum.Composite && p.Checksum == nil {
		return p, s3err.Newf(s3err.InvalidRequest, "The upload was created using a %s checksum. The complete request must include the "+
			"checksum for each part. It was missing for part %d in the request.", strings.ToLower(c.algorithm.String()), p.Number)
	}
	return p, nil
}

// partSum reads the checksum that the client gives of a part, nil if none.
func partSum(n *node, c *completion, number int) ([]byte, error) {
	var found checksum.Algorithm
	var sum []byte
	all := ""
	for _, k := range n.kids {
		name, is := strings.CutPrefix(k.name, "Checksum")
		a, ok := checksum.ParseAlgorithm(name)
		if !is || !ok {
			continue
		}
		text := strings.TrimSpace(k.text)
		all += a.String() + ":" + text + ";"
		if found != checksum.None {
			return nil, badPartSum(all)
		}
		if sum, ok = a.Decode(text); !ok {
			return nil, badPartSum(text)
		}
		found = a
	}
	if found != checksum.None && c.algorithm != checksum.None && found != c.algorithm {
		return nil, s3err.Newf(s3err.BadDigest, "The %s you specified for part %d did not match what we received.",
			strings.ToLower(found.String()), number)
	}
	if c.algorithm == checksum.None && found != checksum.CRC64NVME {
		return nil, nil // it was compared when the part came, and is not kept; the ETag is
	}
	return sum, nil
}

func badPartSum(value string) error {
	return s3err.Argument("Checksum", value, "Invalid Base64 or multiple checksums present in request")
}

// finish works out the ETag and the checksum of the whole from its parts.
func (c *completion) finish(parts []object.Part) (object.Digest, error) {
	tags := make([]string, len(parts))
	sums := make([]checksum.Part, len(parts))
	var size int64
	for i, p := range parts {
		tags[i], sums[i] = p.ETag, checksum.Part{Sum: p.Checksum.Sum, Size: p.Size}
		size += p.Size
	}
	if c.size >= 0 && c.size != size {
		return object.Digest{}, s3err.Newf(s3err.InvalidRequest,
			"The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", c.size, size)
	}
	etag, err := checksum.MultipartETag(tags)
	d := object.Digest{ETag: etag}
	if err != nil || c.algorithm == checksum.None {
		return c.unasked(d, parts, sums), err
	}
	sum, err := c.algorithm.Join(c.kind, sums)
	if err != nil {
		return d, err
	}
	d.Checksum = object.Checksum{Algorithm: c.algorithm.String(), Composite: c.kind == checksum.Composite, Sum: sum}
	return d, c.compare(sum, len(parts))
}

// unasked adds the checksum that an object has without its client's wish, if all its
// parts have theirs.
func (c *completion) unasked(d object.Digest, parts []object.Part, sums []checksum.Part) object.Digest {
	for _, p := range parts {
		if p.Checksum.Algorithm != checksum.CRC64NVME.String() {
			return d
		}
	}
	if sum, err := checksum.CRC64NVME.Join(checksum.FullObject, sums); err == nil {
		d.Checksum = object.Checksum{Algorithm: checksum.CRC64NVME.String(), Sum: sum}
	}
	return d
}

// compare holds the object's checksum against the one that the client gave.
func (c *completion) compare(sum []byte, parts int) error {
	if c.sum == "" {
		return nil
	}
	text, count, composite := strings.Cut(c.sum, "-")
	want, _ := c.algorithm.Decode(text)
	if !bytes.Equal(want, sum) || composite && (c.kind != checksum.Composite || count != strconv.Itoa(parts)) {
		return s3err.Newf(s3err.BadDigest, "The %s you specified did not match the calculated checksum.", c.algorithm)
	}
	return nil
}

func (q *request) refusedCompletion(err error, c *completion) error {
	e := translate(err)
	switch e.Code {
	case s3err.NoSuchUpload, s3err.InvalidPart, s3err.InvalidPartOrder:
		if len(e.Fields) == 0 {
			return e.With("UploadId", c.complete.Upload.String())
		}
	case s3err.EntityTooSmall:
		return e.With("MinSizeAllowed", itoa(object.MinPart))
	}
	return refusedWrite(err, c.complete.If, q.key)
}

// location is the URL of the request's object, as the client reached it.
func (q *request) location() string {
	scheme := "http://"
	if q.r.TLS != nil {
		scheme = "https://"
	}
	return scheme + q.r.Host + "/" + urlEncode(strings.TrimPrefix(q.r.URL.Path, "/"))
}
