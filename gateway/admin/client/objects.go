package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// PutObject stores body, of in.Size bytes, as an object that keeps in's ETag and
// attributes.
func (c *Client) PutObject(ctx context.Context, bucket, key string, in api.PutObject, body io.Reader) (*api.Object, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the request cannot be written: %w", err)
	}
	path := Query(Path("buckets", bucket, "object"), "key", key)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://rhizome"+path, body)
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the request cannot be written: %w", err)
	}
	req.ContentLength = in.Size
	if in.Size == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set(api.HeaderPut, base64.StdEncoding.EncodeToString(raw))
	var out api.Object
	return &out, c.do(req, &out)
}

// Objects calls f for every object of a bucket whose key has a prefix, in order.
func (c *Client) Objects(ctx context.Context, bucket, prefix string, f func(api.Object) error) error {
	for after := ""; ; {
		var page api.Objects
		if err := c.Get(ctx, Query(Path("buckets", bucket, "objects"), "prefix", prefix, "after", after), &page); err != nil {
			return err
		}
		for _, o := range page.Objects {
			if err := f(o); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		after = page.Next
	}
}
