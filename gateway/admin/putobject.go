package admin

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"net/http"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

// partSize cuts objects that are too large for one Put.
const partSize = 1 << 30

// putObject stores an object that comes from elsewhere and keeps its ETag.
func (s *Server) putObject(r *http.Request) (any, error) {
	var in api.PutObject
	raw, err := base64.StdEncoding.DecodeString(r.Header.Get(api.HeaderPut))
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "the request cannot be read: %w", err)
	}
	b, err := s.bucketNamed(r.Context(), r.PathValue("bucket"))
	if err == nil && s.Writes != nil {
		err = s.Writes(r.Context(), b)
	}
	if err != nil {
		return nil, err
	}
	key := r.URL.Query().Get("key")
	sum := md5.New()
	finish := func() (object.Digest, error) { return digest(in, sum) }
	var h *object.Head
	if in.Size > s.part {
		h, err = s.putParts(r.Context(), b, key, in, io.TeeReader(r.Body, sum), finish)
	} else {
		h, err = s.Objects.Put(r.Context(), b, object.Put{Key: key, Attrs: modelAttrs(in.Attrs),
			Body: object.Body{Reader: r.Body, Size: in.Size, Hash: sum, Finish: finish}})
	}
	if err != nil {
		return nil, err
	}
	return wireObject(h), nil
}

// digest compares what arrived with the ETag that was announced.
func digest(in api.PutObject, sum hash.Hash) (object.Digest, error) {
	got := hex.EncodeToString(sum.Sum(nil))
	if in.Verify && in.ETag != got {
		return object.Digest{}, errs.New(errs.Corrupt, "the bytes that arrived are not those of the object: its MD5 differs from its ETag")
	}
	if in.ETag == "" {
		in.ETag = got
	}
	return object.Digest{ETag: in.ETag}, nil
}

// putParts stores a large object as an upload in parts of partSize, one after the
// other from one stream.
func (s *Server) putParts(ctx context.Context, b *object.Bucket, key string, in api.PutObject, body io.Reader, finish func() (object.Digest, error)) (*object.Head, error) {
	up, err := s.Objects.CreateUpload(ctx, b, object.NewUpload{Key: key, Attrs: modelAttrs(in.Attrs)})
	if err != nil {
		return nil, err
	}
	h, err := s.fillUpload(ctx, b, up, in.Size, body, finish)
	if err != nil {
		// The request may be over; what is left of the upload would go after its days.
		_ = s.Objects.Abort(context.WithoutCancel(ctx), b, key, up.ID)
	}
	return h, err
}

func (s *Server) fillUpload(ctx context.Context, b *object.Bucket, up *object.Upload, size int64, body io.Reader, finish func() (object.Digest, error)) (*object.Head, error) {
	var parts []object.CompletePart
	for left := size; left > 0; left -= s.part {
		n := min(left, s.part)
		sum := md5.New()
		p, err := s.Objects.PutPart(ctx, b, up.Key, up.ID, len(parts)+1, object.Body{
			Reader: io.LimitReader(body, n), Size: n, Hash: sum,
			Finish: func() (object.Digest, error) {
				return object.Digest{ETag: hex.EncodeToString(sum.Sum(nil))}, nil
			},
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, object.CompletePart{Number: p.Number, ETag: p.ETag})
	}
	return s.Objects.Complete(ctx, b, object.Complete{
		Key: up.Key, Upload: up.ID, Parts: parts, Size: size,
		Finish: func([]object.Part) (object.Digest, error) { return finish() },
	})
}
