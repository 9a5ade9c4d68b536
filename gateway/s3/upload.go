package s3

import (
	"net/http"

	"rhizome/base/ident"
	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

func createUpload(q *request) error {
	n, err := q.newObject()
	if err != nil {
		return err
	}
	algorithm, kind, err := checksum.Multipart(q.r.Header)
	if err != nil {
		return err
	}
	key, err := q.writeKey(q.r.Header)
	if err != nil {
		return err
	}
	n.Customer = key.key
	if algorithm != checksum.None {
		n.Checksum = object.Checksum{Algorithm: algorithm.String(), Composite: kind == checksum.Composite}
	}
	u, err := q.g.objects.CreateUpload(q.ctx, q.bucket, n)
	if err != nil {
		return err
	}
	if algorithm != checksum.None {
		q.set("x-amz-checksum-algorithm", n.Checksum.Algorithm)
		q.set("x-amz-checksum-type", typeName(n.Checksum))
	}
	q.encryptionHeaders(u.Customer, key)
	const root = "InitiateMultipartUploadResult"
	d := newDoc(root)
	d.text("Bucket", q.bucketName)
	d.text("Key", q.key)
	d.text("UploadId", u.ID.String())
	return q.xml(http.StatusOK, d, root)
}

// newObject reads what the headers give an object, or an upload that makes one.
func (q *request) newObject() (n object.NewUpload, err error) {
	n.Key = q.key
	if n.Attrs, err = q.newAttrs(); err != nil {
		return n, err
	}
	if n.Tags, err = tagsOf(q.r.Header); err != nil {
		return n, err
	}
	n.Lock, err = lockOf(q.r.Header)
	return n, err
}

// uploadID reads the request's upload ID; one that cannot be ours names no upload.
func (q *request) uploadID() (ident.ID, error) {
	s := q.query.get("uploadId")
	id, err := ident.Parse(s)
	if err != nil {
		return id, s3err.New(s3err.NoSuchUpload, s3err.Field{Name: "UploadId", Value: s}).Because(err)
	}
	return id, nil
}

func abortUpload(q *request) error {
	id, err := q.uploadID()
	if err != nil {
		return err
	}
	if err := q.g.objects.Abort(q.ctx, q.bucket, q.key, id); err != nil {
		return q.refusedUpload(err)
	}
	return noContent(q)
}

// refusedUpload adds the upload's ID to NoSuchUpload.
func (q *request) refusedUpload(err error) error {
	if e := translate(err); e.Code == s3err.NoSuchUpload && len(e.Fields) == 0 {
		return e.With("UploadId", q.query.get("uploadId"))
	}
	return err
}

// uploadsFrom reads what a listing of uploads asks for.
func (q *request) uploadsFrom() (from object.ListUploads, marker string, err error) {
	l, err := q.listing("max-uploads")
	if err != nil {
		return from, "", err
	}
	from = object.ListUploads{Prefix: l.prefix, Delimiter: l.delimiter, AfterKey: q.query.get("key-marker"), Limit: l.limit}
	marker = q.query.get("upload-id-marker")
	if marker != "" && from.AfterKey != "" {
		if from.AfterID, err = ident.Parse(marker); err != nil {
			return from, "", s3err.Argument("upload-id-marker", marker, "Invalid uploadId marker")
		}
	}
	return from, marker, nil
}

func listUploads(q *request) error {
	l, err := q.listing("max-uploads")
	if err != nil {
		return err
	}
	from, marker, err := q.uploadsFrom()
	if err != nil {
		return err
	}
	page := &object.ListedUploads{}
	if l.limit > 0 {
		if page, err = q.g.objects.ListUploads(q.ctx, q.bucket, from); err != nil {
			return err
		}
	}
	owner, err := q.owner(q.bucket)
	if err != nil {
		return err
	}
	const root = "ListMultipartUploadsResult"
	d := newDoc(root)
	d.text("Bucket", q.bucketName)
	d.text("KeyMarker", l.name(from.AfterKey))
	d.text("UploadIdMarker", marker)
	if page.More {
		d.text("NextKeyMarker", l.name(page.NextKey))
		d.text("NextUploadIdMarker", idText(page.NextID))
	}
	d.text("Prefix", l.name(l.prefix))
	l.echo(d, "MaxUploads")
	d.bool("IsTruncated", page.More)
	for i := range page.Uploads {
		l.upload(d, &page.Uploads[i], owner)
	}
	l.prefixes(d, page.Prefixes)
	return q.xml(http.StatusOK, d, root)
}

func (l *listing) upload(d *doc, u *object.Upload, owner string) {
	d.begin("Upload")
	d.text("Key", l.name(u.Key))
	d.text("UploadId", u.ID.String())
	d.owner("Initiator", owner)
	d.owner("Owner", owner)
	d.text("StorageClass", plainClass)
	d.time("Initiated", u.Started)
	if u.Checksum.Algorithm != "" {
		d.text("ChecksumAlgorithm", u.Checksum.Algorithm)
		d.text("ChecksumType", typeName(u.Checksum))
	}
	d.end("Upload")
}

func idText(id ident.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}
