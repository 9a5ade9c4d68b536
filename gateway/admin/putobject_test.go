package admin

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/memobject"
)

// oneBucket is a Buckets with one bucket.
type oneBucket struct {
	Buckets
	b *object.Bucket
}

func (o oneBucket) AllBuckets(context.Context) ([]*object.Bucket, error) {
	return []*object.Bucket{o.b}, nil
}

func bucket(t *testing.T, part int64) (*memobject.Store, *object.Bucket, *client.Client) {
	t.Helper()
	mem := memobject.New(clock.NewManual(time.Unix(1e9, 0)))
	b, err := mem.CreateBucket(t.Context(), "photos", &account.Key{ID: "K"}, false)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Buckets: oneBucket{b: b}, Objects: mem, Logger: slog.New(slog.DiscardHandler)})
	s.part = part
	return mem, b, serveOn(t, t.TempDir(), s.Handler())
}

func TestPutKeepsETagAndAttributes(t *testing.T) {
	mem, b, c := bucket(t, 5<<20)
	for name, size := range map[string]int{"empty": 0, "small": 10, "parts": 11<<20 + 1} {
		body := bytes.Repeat([]byte{7}, size)
		in := api.PutObject{ETag: "an-etag-of-theirs-" + name, Size: int64(size), Attrs: api.Attrs{ContentType: "x/y", Metadata: map[string]string{"garden": "rose"}}}
		if _, err := c.PutObject(t.Context(), "photos", "dir/é "+name, in, bytes.NewReader(body)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o, err := mem.Get(t.Context(), b, object.Get{Key: "dir/é " + name})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(o.Body)
		if err != nil || !bytes.Equal(got, body) || o.ETag != in.ETag || o.Attrs.ContentType != "x/y" || o.Attrs.User["garden"] != "rose" {
			t.Errorf("%s: %d bytes, %v, %+v", name, len(got), err, o.Head)
		}
	}
}

func TestPutVerifies(t *testing.T) {
	mem, b, c := bucket(t, 5<<20)
	for _, size := range []int{10, 6 << 20} {
		body := bytes.Repeat([]byte{7}, size)
		sum := md5.Sum(body)
		in := api.PutObject{ETag: hex.EncodeToString(sum[:]), Verify: true, Size: int64(size)}
		if _, err := c.PutObject(t.Context(), "photos", "good", in, bytes.NewReader(body)); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		body[size/2]++
		if _, err := c.PutObject(t.Context(), "photos", "bad", in, bytes.NewReader(body)); !errors.Is(err, errs.Corrupt) {
			t.Errorf("%d damaged bytes: %v", size, err)
		}
	}
	if _, err := mem.Stat(t.Context(), b, object.Get{Key: "bad"}); !errors.Is(err, object.ErrNoSuchKey) {
		t.Errorf("damaged bytes were stored: %v", err)
	}
	up, err := mem.ListUploads(t.Context(), b, object.ListUploads{Limit: 10})
	if err != nil || len(up.Uploads) != 0 {
		t.Errorf("an upload was left behind: %+v %v", up, err)
	}
}

func TestObjectsAreListedWhole(t *testing.T) {
	_, _, c := bucket(t, 5<<20)
	for i := range 2500 {
		key := string(rune('a'+i%26)) + hex.EncodeToString([]byte{byte(i >> 8), byte(i)})
		if _, err := c.PutObject(t.Context(), "photos", key, api.PutObject{Size: 1}, bytes.NewReader([]byte{1})); err != nil {
			t.Fatal(err)
		}
	}
	n, last := 0, ""
	err := c.Objects(t.Context(), "photos", "", func(o api.Object) error {
		if o.Key <= last {
			t.Errorf("%q comes after %q", o.Key, last)
		}
		n, last = n+1, o.Key
		return nil
	})
	if err != nil || n != 2500 {
		t.Errorf("%d objects, %v", n, err)
	}
}
