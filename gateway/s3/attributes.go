package s3

import (
	"net/http"
	"strconv"
	"strings"

	"rhizome/base/errs"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// attributeSet is what GetObjectAttributes is asked for.
type attributeSet struct{ etag, checksum, parts, class, size bool }

func (q *request) attributeSet() (attributeSet, error) {
	var s attributeSet
	n := 0
	for _, line := range q.r.Header["X-Amz-Object-Attributes"] {
		for a := range strings.SplitSeq(line, ",") {
			if a = strings.TrimSpace(a); a == "" {
				continue
			}
			n++
			switch a {
			case "ETag":
				s.etag = true
			case "Checksum":
				s.checksum = true
			case "ObjectParts":
				s.parts = true
			case "StorageClass":
				s.class = true
			case "ObjectSize":
				s.size = true
			default:
				return s, s3err.Argument("x-amz-object-attributes", a, "Invalid attribute name specified.")
			}
		}
	}
	if n == 0 {
		return s, s3err.Newf(s3err.InvalidRequest, "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	return s, nil
}

func getAttributes(q *request) error {
	want, err := q.attributeSet()
	if err != nil {
		return err
	}
	g := object.Get{Key: q.key}
	if err := q.checkRead(&g); err != nil {
		return err
	}
	key, err := q.readKey()
	if err != nil {
		return err
	}
	g.Customer, g.Keyed = key.key, true
	o, err := q.g.objects.Stat(q.ctx, q.bucket, g)
	if err != nil {
		return named(err, q.key)
	}
	if again, err := q.judgedOther(o); again {
		return err
	}
	const root = "GetObjectAttributesResponse"
	d := newDoc(root)
	if want.etag {
		d.text("ETag", o.ETag)
	}
	if want.checksum && len(o.Checksum.Sum) > 0 {
		d.begin("Checksum")
		d.checksum(o.Checksum, o.Parts)
		d.text("ChecksumType", typeName(o.Checksum))
		d.end("Checksum")
	}
	if want.parts && o.Parts > 0 {
		if err := q.objectParts(d, o, g); err != nil {
			return err
		}
	}
	if want.class {
		d.text("StorageClass", plainClass)
	}
	if want.size {
		d.int("ObjectSize", o.Size)
	}
	q.versionHeader(o.VersionID)
	q.set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	return q.xml(http.StatusOK, d, root)
}

// objectParts appends the parts: all that is known with a checksum, else, as AWS
// does, their number alone.
func (q *request) objectParts(d *doc, o *object.Object, g object.Get) error {
	limit, err := headerInt(q.r.Header, "X-Amz-Max-Parts", object.MaxListEntries)
	if err != nil {
		return err
	}
	after, err := headerInt(q.r.Header, "X-Amz-Part-Number-Marker", 0)
	if err != nil {
		return err
	}
	limit = min(limit, object.MaxListEntries)
	d.begin("ObjectParts")
	d.int("PartsCount", int64(o.Parts))
	if len(o.Checksum.Sum) > 0 {
		parts, more, err := q.g.objects.Parts(q.ctx, q.bucket, q.key, g.Version, after, limit)
		if err == nil && q.judged != nil { // the parts are of what stands there now
			var now *object.Object
			if now, err = q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: g.Version}); err == nil && now.Version != o.Version {
				err = errs.Newf(errs.Unavailable, "the object was replaced: %w", object.ErrBusy)
			}
		}
		if err != nil {
			return named(err, q.key)
		}
		d.int("PartNumberMarker", int64(after))
		if len(parts) > 0 {
			d.int("NextPartNumberMarker", int64(parts[len(parts)-1].Number))
		}
		d.int("MaxParts", int64(limit))
		d.bool("IsTruncated", more)
		for _, p := range parts {
			d.begin("Part")
			d.int("PartNumber", int64(p.Number))
			d.int("Size", p.Size)
			d.checksum(p.Checksum, 0)
			d.end("Part")
		}
	}
	d.end("ObjectParts")
	return nil
}

func headerInt(h http.Header, name string, unset int) (int, error) {
	s := h.Get(name)
	if s == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, s3err.Argument(strings.ToLower(name), s, "Argument must be an integer between 0 and 2147483647")
	}
	return n, nil
}
