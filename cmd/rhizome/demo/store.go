package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// bucket is where the demonstration's objects are.
const bucket = "demo"

// small is the size of small objects, large of large ones: the former lie in rows, the
// latter in extents of their own.
const (
	small = 2 << 10
	large = 2 << 20
)

// attempts is how often a client tries a request, each time through the next home.
const attempts = 8

// store is an S3 client that knows all homes. It is safe for concurrent use.
type store struct {
	homes []*minio.Core

	mu    sync.Mutex
	keys  []string // of objects that are there, in the order in which they came
	sizes map[string]int
	bytes int64 // of large objects
}

func newStore(k api.Key, homes []*home) (*store, error) {
	s := &store{sizes: map[string]int{}}
	for _, h := range homes {
		core, err := minio.NewCore(strings.TrimPrefix(h.s3, "http://"), &minio.Options{
			Creds: credentials.NewStaticV4(k.ID, k.Secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath,
			MaxRetries: 1, // they are made here, through the other homes
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
				MaxIdleConnsPerHost: 8, ResponseHeaderTimeout: 20 * time.Second, DisableCompression: true,
			},
		})
		if err != nil {
			return nil, errs.Newf(errs.Internal, "the S3 client cannot be made: %w", err)
		}
		s.homes = append(s.homes, core)
	}
	return s, nil
}

// content is what the object of a key holds.
func content(key string, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(key))).Read(b) // never fails
	return b
}

// try makes a request through one home, and as long as it fails through the next. It
// returns how many attempts failed.
func (s *store) try(ctx context.Context, first int, do func(context.Context, *minio.Core) error) (retries int, err error) {
	for i := range attempts {
		one, cancel := context.WithTimeout(ctx, 30*time.Second)
		err = do(one, s.homes[(first+i)%len(s.homes)])
		cancel()
		if err == nil || ctx.Err() != nil {
			return i, err
		}
		timer := time.NewTimer(50 * time.Millisecond << min(i, 4))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return attempts, err
}

func (s *store) put(ctx context.Context, first int, key string, size int) (retries int, err error) {
	body := content(key, size)
	retries, err = s.try(ctx, first, func(ctx context.Context, c *minio.Core) error {
		_, err := c.PutObject(ctx, bucket, key, bytes.NewReader(body), int64(size), "", "", minio.PutObjectOptions{DisableContentSha256: true})
		return err
	})
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, had := s.sizes[key]; !had {
			s.keys = append(s.keys, key)
			if size == large {
				s.bytes += large
			}
		}
		s.sizes[key] = size
	}
	return retries, err
}

// get reads an object and compares it.
func (s *store) get(ctx context.Context, first int, key string, size int) (retries int, err error) {
	want := content(key, size)
	return s.try(ctx, first, func(ctx context.Context, c *minio.Core) error { return same(ctx, c, key, want) })
}

func same(ctx context.Context, c *minio.Core, key string, want []byte) error {
	body, _, _, err := c.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer body.Close()
	got, err := io.ReadAll(io.LimitReader(body, int64(len(want))+1))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%s is not what was written", key)
	}
	return err
}

// some returns the n-th object, counted around.
func (s *store) some(n int) (key string, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key = s.keys[n%len(s.keys)]
	return key, s.sizes[key]
}

// stored returns how many objects there are, and the bytes of the large ones.
func (s *store) stored() (objects int, large int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.keys), s.bytes
}
