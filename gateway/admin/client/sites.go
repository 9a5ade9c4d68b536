package client

import (
	"context"
	"io"
	"net/http"

	"rhizome/base/errs"
)

// BringFile sends the bytes of a file of a deployment under way.
func (c *Client) BringFile(ctx context.Context, site, deployment, hash string, body io.Reader, size int64) error {
	path := Path("sites", site, "deployments", deployment, "files", hash)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://rhizome"+path, body)
	if err != nil {
		return errs.Newf(errs.Internal, "the request cannot be written: %w", err)
	}
	if req.ContentLength = size; size == 0 {
		req.Body = http.NoBody
	}
	return c.do(req, nil)
}
