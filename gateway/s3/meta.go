package s3

import (
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"rhizome/gateway/s3/chunked"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

const (
	metaPrefix  = "X-Amz-Meta-"
	defaultType = "binary/octet-stream"
	plainClass  = "STANDARD"
)

// newAttrs is attrsOf for the object that a request makes.
func (q *request) newAttrs() (object.Attrs, error) {
	if err := checkNewKey(q.key); err != nil {
		return object.Attrs{}, err
	}
	a, err := attrsOf(q.r.Header)
	a.Replica = q.isReplica()
	return a, err
}

// saysReplica reports whether the request says that it keeps a copy of what another store has.
func (q *request) saysReplica() bool { return q.r.Header.Get(object.ReplicaHeader) != "" }

// sayBucket tells who replicates which bucket it is.
func (q *request) sayBucket() {
	if q.saysReplica() && q.bucket != nil {
		q.set(object.BucketHeader, q.bucket.ID.String())
	}
}

// isReplica reports whether the request says so and may: what it changes is not replicated from
// here, which is the owner's to say, or a policy's. Who may not writes as anybody does.
func (q *request) isReplica() bool {
	if !q.saysReplica() || q.bucket == nil || q.who == nil {
		return false
	}
	action := "s3:ReplicateObject"
	if q.r.Method == http.MethodDelete && q.route.Sub != "tagging" {
		action = "s3:ReplicateDelete"
	}
	return q.may(q.bucket, q.who, owns, q.key, q.r.Header, action) == nil
}

// attrsOf reads what the headers of a write say about an object.
func attrsOf(h http.Header) (object.Attrs, error) {
	a := object.Attrs{
		ContentType:        text(h.Get("Content-Type")),
		CacheControl:       text(h.Get("Cache-Control")),
		ContentDisposition: text(h.Get("Content-Disposition")),
		ContentLanguage:    text(h.Get("Content-Language")),
		Expires:            text(h.Get("Expires")),
		WebsiteRedirect:    text(h.Get("X-Amz-Website-Redirect-Location")),
	}
	if e := h.Get("Content-Encoding"); e != "" {
		a.ContentEncoding = text(chunked.ContentEncoding(e))
	}
	if w := a.WebsiteRedirect; w != "" && w[0] != '/' && !strings.HasPrefix(w, "http://") && !strings.HasPrefix(w, "https://") {
		return a, s3err.New(s3err.InvalidRedirectLocation)
	}
	size := 0
	for name, values := range h {
		if !strings.HasPrefix(name, metaPrefix) || len(name) == len(metaPrefix) {
			continue
		}
		name, value := strings.ToLower(name[len(metaPrefix):]), decodeMeta(strings.Join(values, ","))
		if a.User == nil {
			a.User = map[string]string{}
		}
		a.User[name] = value
		size += len(name) + len(value)
	}
	if size > object.MaxMetadata {
		return a, s3err.New(s3err.MetadataTooLarge, s3err.Field{Name: "Size", Value: itoa(int64(size))},
			s3err.Field{Name: "MaxSizeAllowed", Value: itoa(object.MaxMetadata)})
	}
	return a, nil
}

// decodeMeta returns the text of a metadata value: RFC 2047 words are decoded.
func decodeMeta(v string) string {
	if strings.Contains(v, "=?") {
		var dec mime.WordDecoder
		if d, err := dec.DecodeHeader(v); err == nil && utf8.ValidString(d) {
			return d
		}
	}
	return text(v)
}

// text returns a header's value as UTF-8, which is all that records hold: bytes that
// are something else are taken as ISO 8859-1, as HTTP has it.
func text(v string) string {
	if utf8.ValidString(v) {
		return v
	}
	runes := make([]rune, len(v))
	for i := range len(v) {
		runes[i] = rune(v[i])
	}
	return string(runes)
}

// encodeMeta returns a metadata value as a header can carry it: as it is if it is
// printable ASCII, else as one RFC 2047 word.
func encodeMeta(v string) string {
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return "=?UTF-8?B?" + base64Std(v) + "?="
		}
	}
	return v
}

// objectHeaders sets the headers that an object has in every answer; k is the key that it
// was opened with.
func (q *request) objectHeaders(h *object.Head, k customer) {
	q.versionHeader(h.VersionID)
	q.set("ETag", quote(h.ETag))
	q.set("Last-Modified", h.Modified.UTC().Format(http.TimeFormat))
	q.set("Accept-Ranges", "bytes")
	q.encryptionHeaders(h.Customer, k)
	a := &h.Attrs
	if a.ContentType == "" {
		q.set("Content-Type", defaultType)
	} else {
		q.set("Content-Type", a.ContentType)
	}
	q.some("Cache-Control", a.CacheControl)
	q.some("Content-Disposition", a.ContentDisposition)
	q.some("Content-Encoding", a.ContentEncoding)
	q.some("Content-Language", a.ContentLanguage)
	q.some("Expires", a.Expires)
	q.some("x-amz-website-redirect-location", a.WebsiteRedirect)
	for name, value := range a.User {
		q.set("x-amz-meta-"+name, encodeMeta(value))
	}
}

func quote(etag string) string { return `"` + etag + `"` }
