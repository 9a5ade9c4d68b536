package importer

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/net/afar"
)

// S3 is a bucket of another S3 store.
type S3 struct {
	core           *minio.Core
	bucket, prefix string
}

// Place says where a bucket is and how to get in.
type Place struct {
	Endpoint, Region, Bucket string
	ID, Secret, Token        string
	// Prefix begins the keys of what there is; empty: all of the bucket.
	Prefix string
}

// NewS3 returns the bucket at p. Nothing is asked yet.
func NewS3(p Place) (*S3, error) {
	core, err := afar.New(afar.Place{Endpoint: p.Endpoint, Region: p.Region, ID: p.ID, Secret: p.Secret, Token: p.Token, Use: "import"})
	if err != nil {
		return nil, err
	}
	return &S3{core, p.Bucket, p.Prefix}, nil
}

// Objects implements Source.
func (s *S3) Objects(ctx context.Context) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
			if o.Err != nil {
				yield(Object{}, s.wrap("list", o.Err))
				return
			}
			if !yield(Object{o.Key, strings.Trim(o.ETag, `"`), o.Size}, nil) {
				return
			}
		}
	}
}

// Open implements Source. A connection that breaks is made anew where it broke.
func (s *S3) Open(ctx context.Context, o Object) (io.ReadCloser, api.PutObject, error) {
	body, info, header, err := s.get(ctx, o, 0)
	if err != nil {
		return nil, api.PutObject{}, err
	}
	in := api.PutObject{ETag: o.ETag, Size: o.Size, Verify: md5Tag(o.ETag, header), Attrs: attrs(info, header)}
	again := func(offset int64) (io.ReadCloser, error) {
		body, _, _, err := s.get(ctx, o, offset)
		return body, err
	}
	return &resuming{ctx: ctx, body: body, size: o.Size, again: again, pause: time.Second}, in, nil
}

func (s *S3) get(ctx context.Context, o Object, offset int64) (io.ReadCloser, minio.ObjectInfo, http.Header, error) {
	var opts minio.GetObjectOptions
	err := opts.SetMatchETag(o.ETag)
	if err == nil && offset > 0 {
		err = opts.SetRange(offset, 0)
	}
	if err != nil {
		return nil, minio.ObjectInfo{}, nil, s.wrap(o.Key, err)
	}
	body, info, header, err := s.core.GetObject(ctx, s.bucket, o.Key, opts)
	if err != nil {
		return nil, info, header, s.wrap(o.Key, err)
	}
	return body, info, header, nil
}

// wrap says an error of the other store; what it answered is in its own words.
func (s *S3) wrap(what string, err error) error {
	if status, _ := afar.Answer(err); status == http.StatusPreconditionFailed {
		return errs.Newf(errs.Conflict, "%s changed while it was being copied: run the import again", what)
	}
	var out *net.OpError
	if errors.As(err, &out) {
		return errs.Newf(errs.Unavailable, "the other store cannot be reached (%s): %w", what, out)
	}
	return afar.Wrap(what, err)
}

// md5Tag reports whether an ETag is the MD5 of the bytes: not of parts, and not of
// what KMS or the client's own key encrypted.
func md5Tag(etag string, h http.Header) bool {
	return len(etag) == 32 && !strings.Contains(etag, "-") &&
		h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") == "" &&
		!strings.HasPrefix(h.Get("X-Amz-Server-Side-Encryption"), "aws:kms")
}

func attrs(info minio.ObjectInfo, h http.Header) api.Attrs {
	a := api.Attrs{
		ContentType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"),
		ContentDisposition: h.Get("Content-Disposition"), ContentEncoding: h.Get("Content-Encoding"),
		ContentLanguage: h.Get("Content-Language"), Expires: h.Get(afar.Expires),
		WebsiteRedirect: h.Get("X-Amz-Website-Redirect-Location"),
	}
	for name, value := range info.UserMetadata {
		if a.Metadata == nil {
			a.Metadata = map[string]string{}
		}
		a.Metadata[strings.ToLower(name)] = value
	}
	return a
}
