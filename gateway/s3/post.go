package s3

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/postform"
	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/object"
)

// postObject stores the file of a browser's form.
func postObject(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	if q.key, err = f.Key(); err != nil {
		return err
	}
	if err := checkFormKey(q.key); err != nil {
		return err
	}
	for name, values := range f.Header() {
		if len(name) > 6 && name[:6] == "X-Amz-" {
			short := strings.ToLower(name[6:])
			if err := checkValues(short, values); err != nil {
				return err
			}
			if !q.route.uses(short) {
				return headerNotImplemented("x-amz-" + short)
			}
		}
	}
	h, err := formHeader(f)
	if err != nil {
		return err
	}
	put, err := putOfForm(f, h, q.key)
	put.Body.Stop = q.paced.stop
	if err != nil {
		return err
	}
	key, err := q.writeKey(h)
	if err != nil {
		return err
	}
	put.Body.Customer = key.key
	q.origin() // who sends it is known now
	head, err := q.g.objects.Put(q.ctx, q.bucket, put)
	if err != nil {
		return refusedWrite(err, put.If, q.key)
	}
	q.encryptionHeaders(head.Customer, key)
	return q.posted(f, head)
}

// form reads the form up to its file and finds out who sends it. Until that is known
// the form has one of few places and little time.
func (q *request) form() (*postform.Form, error) {
	if q.auth.Kind != sigv4.Anonymous || q.auth.Payload.Mode != sigv4.Unsigned {
		return nil, q.refusedForm()
	}
	select {
	case q.g.forms <- struct{}{}:
		defer func() { <-q.g.forms }()
	default:
		return nil, s3err.New(s3err.SlowDown)
	}
	q.paced.within(formTime)
	defer q.paced.within(0)
	f, err := postform.Parse(q.r.Body, q.r.Header.Get("Content-Type"))
	if errors.Is(err, s3err.RequestIsNotMultiPartContent) {
		return nil, notForm(err)
	}
	if err != nil {
		return nil, err
	}
	return f, q.authorizeForm(f)
}

func notForm(err error) error {
	return s3err.New(s3err.PreconditionFailed, s3err.Field{Name: "Condition",
		Value: "Bucket POST must be of the enclosure-type multipart/form-data"}).Because(err)
}

// refusedForm is for a POST that is signed in its head, which covers no form, or whose
// body is in a coding that no form is sent in.
func (q *request) refusedForm() error {
	if !postform.Is(q.r.Header.Get("Content-Type")) {
		return notForm(nil)
	}
	return s3err.Newf(s3err.InvalidRequest, "A form is signed in its fields, not in the header or the query, and its bytes are sent as they are.")
}

func checkFormKey(key string) error {
	if !utf8.ValidString(key) {
		return s3err.Argument("key", "", "The key is not UTF-8.")
	}
	if err := checkNewKey(key); err != nil {
		return err
	}
	return checkKey(key)
}

// authorizeForm finds out who sends the form and whether the policy and the bucket
// allow it.
func (q *request) authorizeForm(f *postform.Form) error {
	now := q.g.clock.Now()
	a, err := f.Auth(q.g.verifier, now)
	if err != nil {
		return err
	}
	if a.Kind != sigv4.Anonymous {
		q.auth = a
		if q.who, err = q.verify(a); err != nil {
			return err
		}
		if err := f.Authorize(q.bucketName, now); err != nil {
			return err
		}
	}
	if q.bucket, err = q.lookup(q.bucketName); err != nil {
		return err
	}
	key, _ := f.Key() // without one there is nothing to be put, as the caller finds
	h, err := formHeader(f)
	if err != nil {
		return err
	}
	return q.may(q.bucket, q.who, need(writes), key, h, locksToo(taggingToo(q.route.IAM, h), h)...)
}

func putOfForm(f *postform.Form, h http.Header, key string) (object.Put, error) {
	attrs, err := attrsOf(h)
	if err != nil {
		return object.Put{}, err
	}
	tags, err := tagsOf(h)
	if err != nil {
		return object.Put{}, err
	}
	lock, err := lockOf(h)
	if err != nil {
		return object.Put{}, err
	}
	want, err := checksum.FromRequest(h)
	if err != nil {
		return object.Put{}, err
	}
	if want.Algorithm == checksum.None {
		want.Algorithm = checksum.CRC64NVME // as in S3
	}
	sum := checksum.NewBody(want)
	return object.Put{Key: key, Attrs: attrs, Tags: tags, Lock: lock, Body: object.Body{
		Reader: f.File, Size: -1, Hash: sum,
		Finish: func() (object.Digest, error) { return finishBody(sum, want, nil) },
	}}, nil
}

// posted answers as the form's fields ask.
func (q *request) posted(f *postform.Form, h *object.Head) error {
	at := strings.TrimSuffix(q.location(), "/") + "/" + urlEncode(q.key)
	q.ofSize(h.Size)
	q.versionHeader(h.VersionID)
	q.set("ETag", quote(h.ETag))
	q.set("Location", at)
	s := f.Success(q.bucketName, q.key, h.ETag)
	switch s.Status {
	case http.StatusSeeOther:
		q.w.Header().Del("Location")
		q.set("Location", s.Redirect)
	case http.StatusCreated:
		const root = "PostResponse"
		d := newDoc(root)
		d.text("Location", at)
		d.text("Bucket", q.bucketName)
		d.text("Key", q.key)
		d.etag("ETag", h.ETag)
		return q.xml(http.StatusCreated, d, root)
	}
	q.reply(s.Status)
	return nil
}
