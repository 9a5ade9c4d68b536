package replicate

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"

	"rhizome/base/errs"
	"rhizome/model/object"
	"rhizome/model/remote"
	"rhizome/net/afar"
)

// markName is the metadata that holds the mark.
const markName = "rhizome-replica"

// What a store may answer that is not about the store as a whole.
var (
	errRefused      = errors.New("it does not take this object")
	errPrecondition = errs.New(errs.Conflict, "the object there was changed meanwhile")
	errNoUpload     = errs.New(errs.NotFound, "the upload there is gone")
	errNotDone      = errs.New(errs.Invalid, "the other store does not do that")
)

// s3bucket is a Target over S3.
type s3bucket struct {
	core   *minio.Core
	bucket string
	id     atomic.Value // the bucket's, as a string, once it was heard
	kin    atomic.Bool  // it is a rhizome's
}

// Open returns a bucket of a remote. Nothing is asked yet.
func Open(r *remote.Remote, bucket string) (Target, error) {
	lookup := map[remote.Style]minio.BucketLookupType{remote.Path: minio.BucketLookupPath, remote.Host: minio.BucketLookupDNS}[r.Style]
	t := &s3bucket{bucket: bucket}
	core, err := afar.New(afar.Place{Endpoint: r.Endpoint, Region: r.Region, ID: r.ID, Secret: r.Secret, Lookup: lookup,
		Use: "replication", Header: http.Header{object.ReplicaHeader: {"1"}}, Heard: t.hear, Retries: 1})
	if err != nil {
		return nil, err
	}
	t.core = core
	return t, nil
}

func (t *s3bucket) hear(h http.Header) {
	if h.Get("X-Amz-Id-2") == "rhizome" || h.Get("Server") == "Rhizome" {
		t.kin.Store(true)
	}
	if id := h.Get(object.BucketHeader); id != "" {
		t.id.Store(id)
	}
}

// Rhizome implements Target.
func (t *s3bucket) Rhizome() bool { return t.kin.Load() }

// ID implements Target.
func (t *s3bucket) ID() string {
	id, _ := t.id.Load().(string)
	return id
}

// wrap says what a store answered.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	status, code := afar.Answer(err)
	var url *url.Error
	switch {
	case code == "NoSuchUpload":
		return errs.Newf(errs.NotFound, "%w", errNoUpload)
	case code == "NotImplemented", status == http.StatusNotImplemented, code == "MethodNotAllowed":
		return errs.Newf(errs.Invalid, "%w: %s", errNotDone, err.Error())
	case status == http.StatusPreconditionFailed, code == "ConditionalRequestConflict":
		return errPrecondition
	case code == "NoSuchBucket":
		return errs.Newf(errs.NotFound, "the other store has no such bucket: %s", err.Error())
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return answered{errs.Newf(errs.Denied, "the other store refuses the access key (%s): %s", code, err.Error())}
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status == 0 && !isArgument(err), status >= 500:
		if errors.As(err, &url) {
			err = url.Err
		}
		if status > 0 {
			return answered{errs.Newf(errs.Unavailable, "the other store cannot serve (%s): %w", code, err)}
		}
		return errs.Newf(errs.Unavailable, "the other store cannot be reached: %w", err)
	}
	return errs.Newf(errs.Invalid, "%w: %s", errRefused, err.Error())
}

// answered is a refusal that may be about one object, or about all.
type answered struct{ error }

func (a answered) Unwrap() error { return a.error }

// isArgument reports whether the library refused to ask.
func isArgument(err error) bool {
	_, code := afar.Answer(err)
	return code != ""
}

func missing(err error) bool {
	status, code := afar.Answer(err)
	return status == http.StatusNotFound && code != "NoSuchBucket"
}

// asks is how long a question may take that carries no bytes of objects.
const asks = 5 * time.Minute

// Head implements Target.
func (t *s3bucket) Head(ctx context.Context, key string) (*State, error) {
	ctx, cancel := context.WithTimeout(ctx, asks)
	defer cancel()
	o, err := t.core.StatObject(ctx, t.bucket, key, minio.StatObjectOptions{})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap(err)
	}
	h := o.Metadata
	s := &State{Size: o.Size, ETag: strings.Trim(o.ETag, `"`), Tags: o.UserTagCount, Attrs: object.Attrs{
		ContentType: o.ContentType, CacheControl: h.Get("Cache-Control"), ContentDisposition: h.Get("Content-Disposition"),
		ContentEncoding: h.Get("Content-Encoding"), ContentLanguage: h.Get("Content-Language"), Expires: h.Get(afar.Expires),
		WebsiteRedirect: h.Get("X-Amz-Website-Redirect-Location"),
	}}
	for name, v := range o.UserMetadata {
		if name = strings.ToLower(name); name == markName {
			s.Mark = v
			continue
		}
		if s.Attrs.User == nil {
			s.Attrs.User = map[string]string{}
		}
		s.Attrs.User[name] = decodeMeta(v)
	}
	return s, nil
}

// options are those of an object that is sent.
func (s Sent) options() (o minio.PutObjectOptions, err error) {
	a := &s.Attrs
	o = minio.PutObjectOptions{
		ContentType: contentType(a), CacheControl: encodeMeta(a.CacheControl), ContentDisposition: encodeMeta(a.ContentDisposition),
		ContentEncoding: encodeMeta(a.ContentEncoding), ContentLanguage: encodeMeta(a.ContentLanguage), WebsiteRedirectLocation: encodeMeta(a.WebsiteRedirect),
		UserMetadata: map[string]string{},
	}
	if a.Expires != "" {
		o.UserMetadata["Expires"] = encodeMeta(a.Expires)
	}
	for name, v := range a.User {
		o.UserMetadata["x-amz-meta-"+name] = encodeMeta(v)
	}
	if s.Mark != "" {
		o.UserMetadata["x-amz-meta-"+markName] = s.Mark
	}
	if len(s.Tags) > 0 {
		o.UserTags = map[string]string{}
		for _, t := range s.Tags {
			o.UserTags[t.Key] = t.Value
		}
		if _, err := tags.NewTags(o.UserTags, true); err != nil {
			return o, errs.Newf(errs.Invalid, "%w: its tags cannot be sent: %s", errRefused, err.Error())
		}
	}
	return o, nil
}

func (u *Unless) put(o *minio.PutObjectOptions) {
	switch {
	case u == nil:
	case u.ETag == "":
		o.SetMatchETagExcept("*")
	default:
		o.SetMatchETag(u.ETag)
	}
}

// Put implements Target.
func (t *s3bucket) Put(ctx context.Context, key string, s Sent, body Body, u *Unless) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	u.put(&o)
	_, err = t.core.PutObject(ctx, t.bucket, key, body, body.Size, contentMD5(body.MD5), "", o)
	return wrap(err)
}

// contentMD5 writes a sum as the header of that name has it, without which a bucket under object
// lock takes nothing.
func contentMD5(sum string) string {
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// Begin implements Target.
func (t *s3bucket) Begin(ctx context.Context, key string, s Sent) (string, error) {
	o, err := s.options()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, asks)
	defer cancel()
	id, err := t.core.NewMultipartUpload(ctx, t.bucket, key, o)
	return id, wrap(err)
}

// PutPart implements Target.
func (t *s3bucket) PutPart(ctx context.Context, key, upload string, number int, body Body) (string, error) {
	p, err := t.core.PutObjectPart(ctx, t.bucket, key, upload, number, body, body.Size, minio.PutObjectPartOptions{Md5Base64: contentMD5(body.MD5)})
	return strings.Trim(p.ETag, `"`), wrap(err)
}

// Parts implements Target.
func (t *s3bucket) Parts(ctx context.Context, key, upload string) (all []Part, err error) {
	ctx, cancel := context.WithTimeout(ctx, asks)
	defer cancel()
	for marker := 0; ; {
		p, err := t.core.ListObjectParts(ctx, t.bucket, key, upload, marker, 1000)
		if err != nil {
			return nil, wrap(err)
		}
		for _, o := range p.ObjectParts {
			all = append(all, Part{o.PartNumber, o.Size, strings.Trim(o.ETag, `"`)})
		}
		if !p.IsTruncated || p.NextPartNumberMarker <= marker {
			return all, nil
		}
		marker = p.NextPartNumberMarker
	}
}

// Complete implements Target.
func (t *s3bucket) Complete(ctx context.Context, key, upload string, parts []Part, u *Unless) error {
	var o minio.PutObjectOptions
	u.put(&o)
	var all []minio.CompletePart
	for _, p := range parts {
		all = append(all, minio.CompletePart{PartNumber: p.Number, ETag: p.ETag})
	}
	_, err := t.core.CompleteMultipartUpload(ctx, t.bucket, key, upload, all, o)
	return wrap(err)
}

// Abort implements Target.
func (t *s3bucket) Abort(ctx context.Context, key, upload string) error {
	return wrap(t.core.AbortMultipartUpload(ctx, t.bucket, key, upload))
}

// Tags implements Target.
func (t *s3bucket) Tags(ctx context.Context, key string) (all []object.Tag, err error) {
	ctx, cancel := context.WithTimeout(ctx, asks)
	defer cancel()
	got, err := t.core.GetObjectTagging(ctx, t.bucket, key, minio.GetObjectTaggingOptions{})
	if _, code := afar.Answer(err); code == "NoSuchTagSet" {
		return nil, nil
	}
	if err != nil {
		return nil, wrap(err)
	}
	for k, v := range got.ToMap() {
		all = append(all, object.Tag{Key: k, Value: v})
	}
	return all, nil
}

// SetTags implements Target.
func (t *s3bucket) SetTags(ctx context.Context, key string, all []object.Tag) error {
	if len(all) == 0 {
		return wrap(t.core.RemoveObjectTagging(ctx, t.bucket, key, minio.RemoveObjectTaggingOptions{}))
	}
	m := map[string]string{}
	for _, a := range all {
		m[a.Key] = a.Value
	}
	set, err := tags.NewTags(m, true)
	if err != nil {
		return errs.Newf(errs.Invalid, "%w: its tags cannot be sent: %s", errRefused, err.Error())
	}
	return wrap(t.core.PutObjectTagging(ctx, t.bucket, key, set, minio.PutObjectTaggingOptions{}))
}

// Delete implements Target.
func (t *s3bucket) Delete(ctx context.Context, key string) error {
	err := t.core.RemoveObject(ctx, t.bucket, key, minio.RemoveObjectOptions{})
	if missing(err) {
		return nil
	}
	return wrap(err)
}

// List implements Target.
func (t *s3bucket) List(ctx context.Context, after string, limit int) (keys []string, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, asks)
	defer cancel()
	for o := range t.core.ListObjectsIter(ctx, t.bucket, minio.ListObjectsOptions{Recursive: true, StartAfter: after, MaxKeys: limit}) {
		if o.Err != nil {
			return nil, false, wrap(o.Err)
		}
		if keys = append(keys, o.Key); len(keys) == limit {
			return keys, true, nil
		}
	}
	return keys, false, nil
}

// sameTags reports whether two sets of tags are the same.
func sameTags(a, b []object.Tag) bool {
	if len(a) != len(b) {
		return false
	}
	for _, t := range a {
		if !slices.Contains(b, t) {
			return false
		}
	}
	return true
}

func contentType(a *object.Attrs) string {
	if a.ContentType == "" {
		return "binary/octet-stream"
	}
	return encodeMeta(a.ContentType)
}

// encodeMeta writes what no header can carry as S3 does.
func encodeMeta(v string) string {
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(v)) + "?="
		}
	}
	return v
}

func decodeMeta(v string) string {
	if strings.HasPrefix(v, "=?") {
		if plain, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
			return plain
		}
	}
	return v
}
