package s3

import (
	"net"
	"net/http"
	"time"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/accesslog"
	"rhizome/model/object"
)

// Logs takes a line about every request of a bucket that wants it. It answers at once.
type Logs interface {
	Note(b *object.Bucket, r *accesslog.Record)
}

// lastKnown returns a bucket as it was seen last, without reading anything.
type lastKnown interface {
	LastBucket(name string) *object.Bucket
}

// sent is a ResponseWriter that knows what was sent of a body, and when the answer began.
type sent struct {
	http.ResponseWriter
	bytes int64
	first time.Time
}

// WriteHeader implements http.ResponseWriter.
func (s *sent) WriteHeader(status int) {
	s.begun()
	s.ResponseWriter.WriteHeader(status)
}

func (s *sent) begun() {
	if s.first.IsZero() {
		s.first = time.Now() // a stopwatch
	}
}

// Write implements io.Writer.
func (s *sent) Write(b []byte) (int, error) {
	s.begun()
	n, err := s.ResponseWriter.Write(b)
	s.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (s *sent) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// logged is what a line says beside what the request itself does.
type logged struct {
	began time.Time
	out   sent
	code  s3err.Code
	size  int64 // of the object; below 0: unknown
	from  *source
	batch []doomed
}

// watch begins to gather what the line about the request says.
func (q *request) watch() {
	q.logged.began, q.logged.size = time.Now(), -1 // a stopwatch
	q.logged.out.ResponseWriter = q.w
	q.w = &q.logged.out
}

// ofSize notes how long the object is that the request is about.
func (q *request) ofSize(n int64) { q.logged.size = n }

// note tells the logs of a request that ends.
func (q *request) note() {
	b := q.bucket
	if b == nil {
		b = q.guess.bucket
	}
	if b == nil && q.bucketName != "" && q.g.last != nil {
		b = q.g.last.LastBucket(q.bucketName) // it was refused before the bucket was looked at
	}
	from := q.logged.from
	if (b == nil || b.Settings.Logging == nil) && (from == nil || from.bucket.Settings.Logging == nil) {
		return
	}
	r := q.line()
	if b != nil {
		q.g.logs.Note(b, r)
	}
	if from != nil {
		read := *r
		read.Operation, read.Bucket, read.Key, read.Version, read.Sent = r.Operation+"_GET", from.name, from.key, from.version, 0
		q.g.logs.Note(from.bucket, &read)
	}
	if b == nil {
		return
	}
	for i := range q.logged.batch {
		d := &q.logged.batch[i]
		one := *r
		one.Operation, one.Key, one.Version, one.Status, one.Error = "BATCH.DELETE.OBJECT", d.key, d.version, http.StatusNoContent, ""
		one.Method, one.Sent, one.Size, one.Took, one.Turn, one.Referer, one.Agent = "", 0, -1, -1, -1, "", ""
		if d.err != nil {
			e := translate(d.err)
			one.Status, one.Error = e.Status, string(e.Code)
		}
		q.g.logs.Note(b, &one)
	}
}

// line is the line about the request.
func (q *request) line() *accesslog.Record {
	l, now := &q.logged, time.Now() // a stopwatch
	took := now.Sub(l.began)
	r := &accesslog.Record{
		Bucket: q.bucketName, Time: q.g.clock.Now().Add(-took), Request: q.id, Operation: q.operation(), Key: q.key,
		Method: q.r.Method, URI: q.r.RequestURI, Proto: q.r.Proto, Status: q.status, Error: string(l.code),
		Sent: l.out.bytes, Size: l.size, Took: took, Turn: -1,
		Referer: q.r.Header.Get("Referer"), Agent: q.r.Header.Get("User-Agent"), HostID: hostID, Host: q.r.Host,
	}
	if q.r.Method == http.MethodHead {
		r.Sent = 0
	}
	if !l.out.first.IsZero() {
		r.Turn = l.out.first.Sub(later(l.began, q.paced.done))
	}
	if q.query != nil {
		r.Version = q.query.get("versionId")
	}
	if host, _, err := net.SplitHostPort(q.r.RemoteAddr); err == nil {
		r.Remote = host
	}
	if q.who != nil {
		r.Requester = "arn:aws:iam::" + memberID(q.who) + ":user/" + q.who.ID
	}
	q.howSigned(r)
	r.TLS, r.Cipher = accesslog.TLSWords(q.r.TLS)
	return r
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (q *request) howSigned(r *accesslog.Record) {
	if q.auth == nil || q.auth.Kind == sigv4.Anonymous {
		return
	}
	r.Signature = "SigV4"
	switch q.auth.Kind {
	case sigv4.Header:
		r.Auth = "AuthHeader"
	case sigv4.Query:
		r.Auth = "QueryString"
	}
}

// operation is what log lines call what the request does.
func (q *request) operation() string {
	r := q.route
	if r == nil {
		return "REST." + q.r.Method + "." + q.scope.String()
	}
	if name, ok := operations[r.Action]; ok {
		return "REST." + name
	}
	method := r.Method
	if q.scope == anObject {
		if name, ok := objectResources[r.Sub]; ok {
			return "REST." + method + "." + name
		}
	}
	if name, ok := bucketResources[r.Sub]; ok {
		return "REST." + method + "." + name
	}
	return "REST." + method + "." + q.scope.String()
}

// operations are those whose names do not follow from method and sub-resource.
var operations = map[string]string{
	"ListObjects": "GET.BUCKET", "ListObjectsV2": "GET.BUCKET", "ListObjectVersions": "GET.BUCKETVERSIONS",
	"DeleteObjects": "POST.MULTI_OBJECT_DELETE", "PostObject": "POST.OBJECT", "CopyObject": "COPY.OBJECT",
	"CreateMultipartUpload": "POST.UPLOADS", "UploadPart": "PUT.PART", "UploadPartCopy": "COPY.PART",
	"CompleteMultipartUpload": "POST.UPLOAD", "AbortMultipartUpload": "DELETE.UPLOAD", "ListParts": "GET.UPLOAD",
	"OptionsBucket": "OPTIONS.PREFLIGHT", "OptionsObject": "OPTIONS.PREFLIGHT",
}

// objectResources and bucketResources are what sub-resources are called.
var (
	objectResources = map[string]string{"tagging": "OBJECT_TAGGING", "attributes": "OBJECT_ATTRIBUTES",
		"retention": "OBJECT_LOCK_RETENTION", "legal-hold": "OBJECT_LOCK_LEGALHOLD"}
	bucketResources = map[string]string{"location": "LOCATION", "uploads": "UPLOADS", "versioning": "VERSIONING", "acl": "ACL",
		"policy": "BUCKETPOLICY", "policyStatus": "POLICY_STATUS", "publicAccessBlock": "PUBLIC_ACCESS_BLOCK", "cors": "CORS",
		"tagging": "TAGGING", "object-lock": "OBJECT_LOCK_CONFIGURATION", "lifecycle": "LIFECYCLE",
		"ownershipControls": "OWNERSHIP_CONTROLS", "encryption": "ENCRYPTION", "notification": "NOTIFICATION", "website": "WEBSITE",
		"logging": "LOGGING_STATUS", "requestPayment": "REQUEST_PAYMENT", "accelerate": "ACCELERATE", "analytics": "ANALYTICS",
		"inventory": "INVENTORY", "metrics": "METRICS", "intelligent-tiering": "INTELLIGENT_TIERING", "replication": "REPLICATION"}
)
