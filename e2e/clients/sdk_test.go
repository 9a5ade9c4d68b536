package clients

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"rhizome/e2e/harness"
)

func sdkClient(t *testing.T, n *harness.Node) *s3.Client {
	t.Helper()
	c := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: sdk.String(n.URL()), UsePathStyle: true,
		RequestChecksumCalculation: sdk.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: sdk.ResponseChecksumValidationWhenSupported,
		Credentials: credentials.NewStaticCredentialsProvider(n.Key.ID, n.Key.Secret, "")})
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String("sdk")})
	must(t, err)
	return c
}

// wantCode fails the test unless err is a refusal with the code.
func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// stream yields size pseudo-random bytes and hashes what was read.
type stream struct {
	io.Reader
	sum hash.Hash
}

func newStream(seed uint64, size int64) *stream {
	s := &stream{sum: sha256.New()}
	key := [32]byte{byte(seed)}
	s.Reader = io.TeeReader(io.LimitReader(rand.NewChaCha8(key), size), s.sum)
	return s
}

func TestTransferManager(t *testing.T) {
	t.Parallel()
	c := sdkClient(t, harness.Start(t))
	const size = 1 << 30
	m := transfermanager.New(c, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.Concurrency = 16<<20, 4
		o.GetObjectType = "RANGE"
	})
	body := newStream(1, size)
	up, err := m.UploadObject(t.Context(), &transfermanager.UploadObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("gib"), Body: body})
	must(t, err)
	if sdk.ToString(up.ChecksumCRC32) == "" {
		t.Error("the default checksum of an upload in parts was not answered")
	}
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("gib")})
	if err != nil || sdk.ToInt64(head.ContentLength) != size {
		t.Fatalf("head: %v, %v", head, err)
	}
	down, err := m.GetObject(t.Context(), &transfermanager.GetObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("gib")})
	must(t, err)
	got := sha256.New()
	n, err := io.Copy(got, down.Body)
	if err != nil || n != size || !bytes.Equal(got.Sum(nil), body.sum.Sum(nil)) {
		t.Errorf("1 GiB came back as %d bytes, same %v, %v", n, bytes.Equal(got.Sum(nil), body.sum.Sum(nil)), err)
	}
}

func TestSDKChecksums(t *testing.T) {
	t.Parallel()
	c := sdkClient(t, harness.Start(t))
	data := harness.Random(1, 100_000)
	for i, algorithm := range append([]types.ChecksumAlgorithm{""}, types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c,
		types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256) {
		key := sdk.String(fmt.Sprint("sum", i))
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String("sdk"), Key: key, Body: bytes.NewReader(data), ChecksumAlgorithm: algorithm})
		must(t, err)
		// With the mode enabled the SDK checks what it reads.
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String("sdk"), Key: key, ChecksumMode: types.ChecksumModeEnabled})
		must(t, err)
		got, err := io.ReadAll(out.Body)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q: %d bytes, %v", algorithm, len(got), err)
		}
		sums := []*string{out.ChecksumCRC32, out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256}
		if sdk.ToString(sums[i]) == "" {
			t.Errorf("%q: the checksum was not answered", algorithm)
		}
	}
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("wrong"),
		Body: bytes.NewReader(data), ChecksumCRC32: sdk.String("AAAAAA==")})
	wantCode(t, "a wrong checksum", err, "BadDigest")
	_, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("wrong")})
	wantCode(t, "head of what was refused", err, "NotFound")
	attrs, err := c.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{Bucket: sdk.String("sdk"), Key: sdk.String("sum0"),
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesChecksum, types.ObjectAttributesObjectSize, types.ObjectAttributesEtag}})
	if err != nil || sdk.ToInt64(attrs.ObjectSize) != int64(len(data)) || attrs.Checksum == nil {
		t.Errorf("attributes: %+v, %v", attrs, err)
	}
}

func TestSDKConditionalWrites(t *testing.T) {
	t.Parallel()
	c := sdkClient(t, harness.Start(t))
	put := func(in s3.PutObjectInput) (string, error) {
		in.Bucket, in.Key, in.Body = sdk.String("sdk"), sdk.String("k"), bytes.NewReader([]byte("x"))
		out, err := c.PutObject(t.Context(), &in)
		if err != nil {
			return "", err
		}
		return sdk.ToString(out.ETag), nil
	}
	_, err := put(s3.PutObjectInput{IfMatch: sdk.String(`"00"`)})
	wantCode(t, "If-Match on nothing", err, "NoSuchKey")
	etag, err := put(s3.PutObjectInput{IfNoneMatch: sdk.String("*")})
	must(t, err)
	_, err = put(s3.PutObjectInput{IfNoneMatch: sdk.String("*")})
	wantCode(t, "If-None-Match on something", err, "PreconditionFailed")
	_, err = put(s3.PutObjectInput{IfMatch: sdk.String(`"00"`)})
	wantCode(t, "If-Match of another", err, "PreconditionFailed")
	etag, err = put(s3.PutObjectInput{IfMatch: sdk.String(etag)})
	must(t, err)
	completeConditionally(t, c)
	del := &s3.DeleteObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("k"), IfMatch: sdk.String(`"00"`)}
	_, err = c.DeleteObject(t.Context(), del)
	wantCode(t, "delete of another", err, "PreconditionFailed")
	del.IfMatch = sdk.String(etag)
	_, err = c.DeleteObject(t.Context(), del)
	must(t, err)
}

// completeConditionally completes two uploads of one key with If-None-Match: the first
// makes the object, the second is refused.
func completeConditionally(t *testing.T, c *s3.Client) {
	t.Helper()
	bucket, key := sdk.String("sdk"), sdk.String("parts")
	for i := range 2 {
		up, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
		must(t, err)
		part, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: sdk.Int32(1), Body: bytes.NewReader([]byte("part"))})
		must(t, err)
		_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: up.UploadId, IfNoneMatch: sdk.String("*"),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: sdk.Int32(1), ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32}}}})
		if i == 0 {
			must(t, err)
		} else {
			wantCode(t, "a second conditional completion", err, "PreconditionFailed")
		}
	}
}

func TestSDKListing(t *testing.T) {
	t.Parallel()
	c := sdkClient(t, harness.Start(t))
	var want []string
	for i := range 230 {
		key := fmt.Sprintf("dir%d/k%03d", i%3, i)
		want = append(want, key)
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String(key), Body: bytes.NewReader(nil)})
		must(t, err)
	}
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: sdk.String("sdk"), MaxKeys: sdk.Int32(50)})
	var ids []types.ObjectIdentifier
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, o := range page.Contents {
			ids = append(ids, types.ObjectIdentifier{Key: o.Key})
		}
	}
	if len(ids) != len(want) {
		t.Errorf("pages show %d keys, want %d", len(ids), len(want))
	}
	dirs, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: sdk.String("sdk"), Delimiter: sdk.String("/")})
	if err != nil || len(dirs.CommonPrefixes) != 3 || len(dirs.Contents) != 0 {
		t.Errorf("with a delimiter: %+v, %v", dirs, err)
	}
	gone, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: sdk.String("sdk"), Delete: &types.Delete{Objects: ids}})
	if err != nil || len(gone.Deleted) != len(want) || len(gone.Errors) != 0 {
		t.Errorf("delete: %d, %v, %v", len(gone.Deleted), gone.Errors, err)
	}
	_, err = c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: sdk.String("sdk")})
	must(t, err)
}
