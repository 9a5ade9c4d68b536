package clients

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/e2e/harness"
)

func minioClient(t *testing.T, n *harness.Node) *minio.Client {
	t.Helper()
	c, err := minio.New(n.Address, &minio.Options{Creds: credentials.NewStaticV4(n.Key.ID, n.Key.Secret, ""), TrailingHeaders: true})
	must(t, err)
	must(t, c.MakeBucket(t.Context(), "minio", minio.MakeBucketOptions{}))
	return c
}

func TestMinioGo(t *testing.T) {
	t.Parallel()
	c := minioClient(t, harness.Start(t))
	small, large := harness.Random(1, 70_000), harness.Random(2, 35<<20)
	put := func(key string, data []byte, size int64, o minio.PutObjectOptions) {
		t.Helper()
		_, err := c.PutObject(t.Context(), "minio", key, bytes.NewReader(data), size, o)
		must(t, err)
	}
	// Signed chunks; a checksum in a signed trailer; unknown length; parts.
	put("signed chunks", small, int64(len(small)), minio.PutObjectOptions{UserMetadata: map[string]string{"Colour": "blue"}})
	put("trailer", small, int64(len(small)), minio.PutObjectOptions{Checksum: minio.ChecksumSHA256})
	put("md5", small, int64(len(small)), minio.PutObjectOptions{SendContentMd5: true})
	put("stream", large, -1, minio.PutObjectOptions{PartSize: 16 << 20})
	put("parts", large, int64(len(large)), minio.PutObjectOptions{PartSize: 5 << 20, NumThreads: 4, Checksum: minio.ChecksumFullObjectCRC32C})
	for key, want := range map[string][]byte{"signed chunks": small, "trailer": small, "md5": small, "stream": large, "parts": large} {
		o, err := c.GetObject(t.Context(), "minio", key, minio.GetObjectOptions{Checksum: true})
		must(t, err)
		got, err := io.ReadAll(o)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", key, len(got), err)
		}
	}
	info, err := c.StatObject(t.Context(), "minio", "trailer", minio.StatObjectOptions{Checksum: true})
	if err != nil || info.ChecksumSHA256 == "" {
		t.Errorf("the checksum of the trailer was not kept: %+v, %v", info, err)
	}
	if info, err = c.StatObject(t.Context(), "minio", "signed chunks", minio.StatObjectOptions{}); err != nil || info.UserMetadata["Colour"] != "blue" {
		t.Errorf("metadata: %v, %v", info.UserMetadata, err)
	}
	composeAndRemove(t, c, large)
}

func composeAndRemove(t *testing.T, c *minio.Client, large []byte) {
	t.Helper()
	src := minio.CopySrcOptions{Bucket: "minio", Object: "parts"}
	_, err := c.ComposeObject(t.Context(), minio.CopyDestOptions{Bucket: "minio", Object: "composed"}, src, src)
	must(t, err)
	o, err := c.GetObject(t.Context(), "minio", "composed", minio.GetObjectOptions{})
	must(t, err)
	got, err := io.ReadAll(o)
	if err != nil || !bytes.Equal(got, append(append([]byte{}, large...), large...)) {
		t.Errorf("composed: %d bytes, %v", len(got), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	names := c.ListObjects(ctx, "minio", minio.ListObjectsOptions{Recursive: true})
	for e := range c.RemoveObjects(ctx, "minio", names, minio.RemoveObjectsOptions{}) {
		t.Errorf("remove %s: %v", e.ObjectName, e.Err)
	}
	must(t, c.RemoveBucket(ctx, "minio"))
}

func TestBrowserForm(t *testing.T) {
	t.Parallel()
	c := minioClient(t, harness.Start(t))
	policy := minio.NewPostPolicy()
	must(t, policy.SetBucket("minio"))
	must(t, policy.SetKeyStartsWith("up/"))
	must(t, policy.SetExpires(time.Now().Add(time.Minute)))
	must(t, policy.SetContentLengthRange(1, 100))
	u, fields, err := c.PresignedPostPolicy(t.Context(), policy)
	must(t, err)
	post := func(key, body string) int {
		t.Helper()
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		fields["key"] = key
		for k, v := range fields {
			must(t, w.WriteField(k, v))
		}
		f, err := w.CreateFormFile("file", "name")
		must(t, err)
		_, err = f.Write([]byte(body))
		must(t, err)
		must(t, w.Close())
		resp, err := http.Post(u.String(), w.FormDataContentType(), &form)
		must(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := post("up/one", "hello"); got != http.StatusNoContent {
		t.Errorf("a form that keeps the policy: status %d, want 204", got)
	}
	if got := post("other", "hello"); got != http.StatusForbidden {
		t.Errorf("a form with a key outside the policy: status %d, want 403", got)
	}
	if got := post("up/long", strings.Repeat("x", 101)); got != http.StatusBadRequest {
		t.Errorf("a form with a file that is too long: status %d, want 400", got)
	}
	o, err := c.GetObject(t.Context(), "minio", "up/one", minio.GetObjectOptions{})
	must(t, err)
	if got, err := io.ReadAll(o); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
}
