package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/object"
)

// opener is object.Service's Get or Stat.
type opener func(context.Context, *object.Bucket, object.Get) (*object.Object, error)

func getObject(q *request) error { return q.read(q.g.objects.Get) }

func headObject(q *request) error { return q.read(q.g.objects.Stat) }

// read answers GET and HEAD of an object; open is the service's Get or Stat.
func (q *request) read(open opener) error {
	get, err := q.get()
	if err != nil {
		return err
	}
	key, err := q.readKey()
	if err != nil {
		return err
	}
	get.Customer, get.Keyed = key.key, true
	o, err := q.openRange(open, &get)
	if err != nil {
		return q.refusedRead(err, get)
	}
	if o.Body != nil {
		defer o.Body.Close()
	}
	if again, err := q.judgedOther(o); again {
		return err
	}
	q.ofSize(o.Size)
	q.objectHeaders(&o.Head, key)
	if err := q.replicationStatus(&o.Head); err != nil {
		return err
	}
	q.tagCount(o, get.Version)
	q.lockHeaders(o)
	if get.Version == "" {
		q.expiration(&o.Head)
	}
	if err := q.extraHeaders(o, get); err != nil {
		return err
	}
	return q.send(o, get)
}

// get reads what of the object is asked for, and when.
func (q *request) get() (object.Get, error) {
	g := object.Get{Key: q.key}
	if q.query != nil {
		if err := q.checkRead(&g); err != nil {
			return g, err
		}
	}
	g.If = readConditions(q.r.Header, "")
	if r := q.r.Header["Range"]; len(r) > 0 {
		if g.PartNumber > 0 {
			return g, s3err.Newf(s3err.InvalidRequest, "Cannot specify both Range header and partNumber query parameter")
		}
		g.Range = parseRange(r[0])
	}
	return g, nil
}

// checkRead reads the query parameters of a read.
func (q *request) checkRead(g *object.Get) error {
	var err error
	if g.Version, err = q.versionAsked(); err != nil {
		return err
	}
	if q.query.has("partNumber") {
		n, err := q.partNumber()
		if err != nil {
			return err
		}
		g.PartNumber = n
	}
	for _, p := range q.query {
		if strings.HasPrefix(p.name, "response-") && q.auth.Kind == sigv4.Anonymous {
			return s3err.Newf(s3err.InvalidRequest, "Request specific response headers cannot be used for anonymous GET requests.")
		}
	}
	return nil
}

func (q *request) partNumber() (int, error) {
	s := q.query.get("partNumber")
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > object.MaxParts {
		return 0, partNumberError(s)
	}
	return n, nil
}

// openRange opens what is asked for. If that is a range, and the object that was opened
// is not the one that If-Range names, it opens the whole instead.
func (q *request) openRange(open opener, g *object.Get) (*object.Object, error) {
	o, err := open(q.ctx, q.bucket, *g)
	if errors.Is(err, object.ErrRange) && g.Range != nil && g.Range.First < 0 && g.Range.Last > 0 {
		g.Range = nil // the last bytes of an object without any: all of it
		return open(q.ctx, q.bucket, *g)
	}
	if q.r.Header["If-Range"] == nil || g.Range == nil {
		return o, err
	}
	at := o
	if errors.Is(err, object.ErrRange) {
		at, err = q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: g.Version})
		if err == nil && q.isRange(at) {
			return nil, object.ErrRange
		}
	}
	if err != nil || q.isRange(at) {
		return o, err
	}
	if o != nil && o.Body != nil {
		_ = o.Body.Close() // nothing was read from it
	}
	g.Range = nil
	return open(q.ctx, q.bucket, *g)
}

// isRange reports whether o is what If-Range names.
func (q *request) isRange(o *object.Object) bool {
	want := q.r.Header.Get("If-Range")
	if t, err := http.ParseTime(want); err == nil {
		return !o.Modified.Truncate(time.Second).After(t)
	}
	return want == quote(o.ETag) // a weak one never is
}

// refusedRead answers what cannot be read, with what is known of the object.
func (q *request) refusedRead(err error, g object.Get) error {
	switch e := translate(err); {
	case e.Code == s3err.NotModified:
		return q.notModified(g)
	case e.Code == s3err.PreconditionFailed:
		name := "If-Unmodified-Since"
		if len(g.If.IfMatch) > 0 {
			name = "If-Match"
		}
		return e.With("Condition", name)
	case g.PartNumber > 0 && (errors.Is(err, object.ErrPartNumber) || errors.Is(err, object.ErrInvalidPart) || e.Code == s3err.InvalidRange):
		return q.noSuchPart(g)
	case e.Code == s3err.InvalidRange:
		return q.outside(e, g)
	}
	return named(err, q.key)
}

func (q *request) notModified(g object.Get) error {
	o, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: g.Version})
	if err != nil {
		return named(err, q.key)
	}
	q.set("ETag", quote(o.ETag))
	q.set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	q.some("Cache-Control", o.Attrs.CacheControl)
	q.some("Expires", o.Attrs.Expires)
	q.reply(http.StatusNotModified)
	return nil
}

func (q *request) noSuchPart(g object.Get) error {
	n := g.PartNumber
	e := s3err.New(s3err.InvalidPartNumber, s3err.Field{Name: "PartNumberRequested", Value: strconv.Itoa(n)})
	if o, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: g.Version}); err == nil {
		e = e.With("ActualPartCount", strconv.Itoa(max(1, o.Parts)))
	}
	return e
}

func (q *request) outside(e *s3err.Error, g object.Get) error {
	e = e.With("RangeRequested", q.r.Header.Get("Range"))
	if o, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: g.Version}); err == nil {
		e = e.With("ActualObjectSize", itoa(o.Size))
	}
	return e
}

// overrides are the query parameters that replace headers of a signed read.
var overrides = [...][2]string{
	{"response-content-type", "Content-Type"},
	{"response-content-language", "Content-Language"},
	{"response-expires", "Expires"},
	{"response-cache-control", "Cache-Control"},
	{"response-content-disposition", "Content-Disposition"},
	{"response-content-encoding", "Content-Encoding"},
}

// extraHeaders sets the headers that a read asks for.
func (q *request) extraHeaders(o *object.Object, g object.Get) error {
	for _, p := range overrides {
		if q.query != nil {
			q.some(p[1], q.query.get(p[0]))
		}
	}
	if g.PartNumber > 0 && o.Parts > 0 {
		q.set("x-amz-mp-parts-count", strconv.Itoa(o.Parts))
	}
	if !strings.EqualFold(q.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		return nil
	}
	switch {
	case g.PartNumber > 0 && o.Parts > 0:
		return q.partChecksum(o, g)
	case o.Length == o.Size:
		q.checksumHeaders(o.Checksum, o.Parts)
	}
	return nil
}

// partChecksum sets the checksum of one part, unless the object was replaced while
// it was looked up.
func (q *request) partChecksum(o *object.Object, g object.Get) error {
	if algorithmOf(o.Checksum) == checksum.CRC64NVME {
		return nil // it is of the whole, and may be one that nobody asked for
	}
	p, _, err := q.g.objects.Parts(q.ctx, q.bucket, q.key, o.VersionID, g.PartNumber-1, 1)
	if err != nil || len(p) == 0 || p[0].Number != g.PartNumber {
		return nil
	}
	now, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: g.Version})
	if err == nil && now.Version == o.Version {
		q.checksumHeaders(p[0].Checksum, 0)
	}
	return nil
}

// send answers with the object, or the part of it that was opened.
func (q *request) send(o *object.Object, g object.Get) error {
	status := http.StatusOK
	if (g.Range != nil || g.PartNumber > 0) && o.Length > 0 {
		status = http.StatusPartialContent
		q.set("Content-Range", contentRange(o.Offset, o.Length, o.Size))
	}
	q.set("Content-Length", itoa(o.Length))
	if o.Body == nil || o.Length == 0 {
		q.reply(status)
		return nil
	}
	out := &sender{q: q, code: status}
	n, err := copyBody(out, o.Body)
	switch {
	case out.broken:
		return nil // the client is gone
	case err == nil && n != o.Length:
		err = io.ErrUnexpectedEOF
	}
	return err
}

func copyBody(w io.Writer, r io.Reader) (int64, error) {
	if t, ok := r.(io.WriterTo); ok {
		return t.WriteTo(w)
	}
	return io.Copy(w, r)
}

// sender begins the answer with the first bytes of the body, so that an object that
// cannot be read at all is still a proper error.
type sender struct {
	q      *request
	code   int
	broken bool
}

// Write implements io.Writer.
func (s *sender) Write(p []byte) (int, error) {
	s.q.armWrite(len(p))
	if s.q.status == 0 {
		s.q.reply(s.code)
	}
	n, err := s.q.w.Write(p)
	s.broken = err != nil
	return n, err
}
