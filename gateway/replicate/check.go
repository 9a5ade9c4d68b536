package replicate

import (
	"context"
	"errors"

	"github.com/minio/minio-go/v7"

	"rhizome/model/remote"
)

// Check asks a store whether the key of a remote is good. Without a bucket it returns those that
// the key sees; with one it tries to list it and to begin an upload there, which it gives up.
func Check(ctx context.Context, r *remote.Remote, bucket string) (buckets []string, err error) {
	t, err := Open(r, bucket)
	if err != nil {
		return nil, err
	}
	b := t.(*s3bucket)
	if bucket == "" {
		all, err := b.core.ListBuckets(ctx)
		for _, x := range all {
			buckets = append(buckets, x.Name)
		}
		return buckets, wrap(err)
	}
	if _, _, err := b.List(ctx, "", 1); err != nil {
		return nil, err
	}
	const key = ".rhizome-check"
	id, err := b.core.NewMultipartUpload(ctx, bucket, key, minio.PutObjectOptions{})
	if err = wrap(err); err != nil {
		return nil, err
	}
	if err := b.Abort(ctx, key, id); err != nil && !errors.Is(err, errNoUpload) {
		return nil, err
	}
	return []string{bucket}, nil
}
