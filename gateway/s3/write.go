package s3

import (
	"net/http"

	"rhizome/gateway/s3/checksum"
	"rhizome/model/object"
)

func putObject(q *request) error {
	n, err := q.newObject()
	if err != nil {
		return err
	}
	cond, err := writeConditions(q.r.Header)
	if err != nil {
		return err
	}
	key, err := q.writeKey(q.r.Header)
	if err != nil {
		return err
	}
	body, _, err := q.body(checksum.CRC64NVME, checksum.None) // as in S3
	if err != nil {
		return err
	}
	body.Customer = key.key
	h, err := q.g.objects.Put(q.ctx, q.bucket, object.Put{Key: q.key, Attrs: n.Attrs, Tags: n.Tags, Lock: n.Lock, Body: body, If: cond})
	if err != nil {
		return refusedWrite(err, cond, q.key)
	}
	q.ofSize(h.Size)
	q.versionHeader(h.VersionID)
	q.expiration(h)
	q.set("ETag", quote(h.ETag))
	q.encryptionHeaders(h.Customer, key)
	q.checksumHeaders(h.Checksum, 0)
	q.set("x-amz-object-size", itoa(h.Size)) // AWS tells it of appended objects; there is a test suite that needs it of all
	q.set("Content-Length", "0")
	q.reply(http.StatusOK)
	return nil
}

func deleteObject(q *request) error {
	cond, err := deleteConditions(q.r.Header)
	if err != nil {
		return err
	}
	version, err := q.versionAsked()
	if err != nil {
		return err
	}
	gone, err := q.remove(q.key, version, cond)
	if err != nil {
		return refusedWrite(err, cond, q.key)
	}
	q.versionHeader(gone.VersionID)
	if gone.Marker {
		q.set("x-amz-delete-marker", "true")
	}
	return noContent(q)
}

// algorithmOf returns the algorithm that stored checksums name.
func algorithmOf(c object.Checksum) checksum.Algorithm {
	a, _ := checksum.ParseAlgorithm(c.Algorithm)
	return a
}
