package clients

import (
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/minio-go/v7"
	miniocredentials "github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"rhizome/e2e/harness"
)

// front is a proxy on this machine that takes TLS off, as people put one before a node.
type front struct {
	*httptest.Server
	authority string // a file
}

func newFront(t *testing.T, n *harness.Node) *front {
	t.Helper()
	f := &front{Server: httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to, err := url.Parse(n.URL()) // which is another one after a restart
		if err != nil {
			panic(err) // the harness made it
		}
		r.SetURL(to)
		r.SetXForwarded()
		r.Out.Host = r.In.Host // which is signed
	}})}
	f.StartTLS()
	t.Cleanup(f.Close)
	f.authority = harness.WriteFile(t, t.TempDir(), "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}))
	return f
}

// transport trusts the proxy.
func (f *front) transport() *http.Transport {
	pool := x509.NewCertPool()
	pool.AddCert(f.Certificate())
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
}

// withoutKey checks that an object cannot be read without its key.
func withoutKey(t *testing.T, c *harness.Tool, bucket, key string) {
	t.Helper()
	refused(t, c, "InvalidRequest", "get-object", "--bucket", bucket, "--key", key, "out")
	refused(t, c, "400", "head-object", "--bucket", bucket, "--key", key)
}

// nowhere checks that neither the key nor the bytes are in a file of the node's.
func nowhere(t *testing.T, dir string, what ...[]byte) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(name)
		for _, w := range what {
			if bytes.Contains(b, w) {
				t.Errorf("%s holds what it must not", name)
			}
		}
		return err
	}))
}

func TestAWSCustomerKeys(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	f := newFront(t, n)
	plain := aws(t, n)
	c := harness.NewTool(t, "aws", []string{
		"AWS_ACCESS_KEY_ID=" + n.Key.ID, "AWS_SECRET_ACCESS_KEY=" + n.Key.Secret, "AWS_CA_BUNDLE=" + f.authority,
		"AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}, "--endpoint-url", f.URL)
	key, other := harness.Random(7, 32), harness.Random(8, 32)
	harness.WriteFile(t, c.Home(), "key", key)
	harness.WriteFile(t, c.Home(), "other", other)
	src := filepath.Join(c.Home(), "src")
	harness.WriteFile(t, src, "small", harness.Random(1, 1000))
	harness.WriteFile(t, src, "large", harness.Random(2, 20<<20))
	own := []string{"--sse-c", "AES256", "--sse-c-key", "fileb://key"}
	c.Run("s3", "mb", "s3://aws")
	c.Run(append([]string{"s3", "sync", "src", "s3://aws/tree"}, own...)...)
	withoutKey(t, plain, "aws", "tree/small")
	withoutKey(t, plain, "aws", "tree/large")
	refused(t, c, "AccessDenied", "get-object", "--bucket", "aws", "--key", "tree/large", "--sse-customer-algorithm", "AES256", "--sse-customer-key", "fileb://other", "out")
	c.Run(append([]string{"s3", "sync", "s3://aws/tree", "back"}, own...)...)
	harness.SameTree(t, src, filepath.Join(c.Home(), "back"))
	n.Restart()
	plain = aws(t, n)
	// To another key, in parts, and back to none.
	c.Run("s3", "cp", "s3://aws/tree/large", "s3://aws/other", "--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", "fileb://key", "--sse-c", "AES256", "--sse-c-key", "fileb://other")
	c.Run("s3", "cp", "s3://aws/other", "s3://aws/open", "--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", "fileb://other")
	c.Run("s3", "cp", "s3://aws/open", "back/large")
	harness.SameTree(t, src, filepath.Join(c.Home(), "back"))
	withoutKey(t, plain, "aws", "other")
	nowhere(t, n.Dir, key, []byte(base64.StdEncoding.EncodeToString(key)), harness.Random(1, 1000)[:100])
	if log, err := os.ReadFile(n.Log); err == nil && bytes.Contains(log, []byte(base64.StdEncoding.EncodeToString(key))) {
		t.Error("the log holds a key")
	}
}

func TestRcloneCustomerKeys(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	f := newFront(t, n)
	plain := aws(t, n)
	plain.Run("s3", "mb", "s3://rclone")
	c := harness.NewTool(t, "rclone", []string{
		"RCLONE_CONFIG_R_TYPE=s3", "RCLONE_CONFIG_R_PROVIDER=Other", "RCLONE_CONFIG_R_ENDPOINT=" + f.URL,
		"RCLONE_CONFIG_R_ACCESS_KEY_ID=" + n.Key.ID, "RCLONE_CONFIG_R_SECRET_ACCESS_KEY=" + n.Key.Secret,
		"RCLONE_CONFIG_R_SSE_CUSTOMER_ALGORITHM=AES256", "RCLONE_CONFIG_R_SSE_CUSTOMER_KEY=" + strings.Repeat("0123456789abcdef", 2),
	}, "--config", "/dev/null", "--ca-cert", f.authority, "--s3-upload-cutoff", "8M", "--s3-chunk-size", "5M", "--s3-copy-cutoff", "8M")
	src := filepath.Join(c.Home(), "src")
	harness.WriteFile(t, src, "d/small", harness.Random(1, 10_000))
	harness.WriteFile(t, src, "large", harness.Random(2, 17<<20))
	harness.WriteFile(t, src, "empty", nil)
	c.Run("copy", src, "r:rclone/a")
	c.Run("check", "--download", src, "r:rclone/a")
	withoutKey(t, plain, "rclone", "a/large")
	c.Run("copy", "r:rclone/a", "r:rclone/b") // on the server's side
	c.Run("moveto", "r:rclone/b/large", "r:rclone/b/moved")
	c.Run("moveto", "r:rclone/b/moved", "r:rclone/b/large")
	c.Run("check", "--download", src, "r:rclone/b")
	withoutKey(t, plain, "rclone", "b/large")
}

func TestMinioCustomerKeys(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	f := newFront(t, n)
	c, err := minio.New(strings.TrimPrefix(f.URL, "https://"), &minio.Options{Creds: miniocredentials.NewStaticV4(n.Key.ID, n.Key.Secret, ""),
		Secure: true, Transport: f.transport(), TrailingHeaders: true})
	must(t, err)
	must(t, c.MakeBucket(t.Context(), "minio", minio.MakeBucketOptions{}))
	key, err := encrypt.NewSSEC(harness.Random(7, 32))
	must(t, err)
	for name, data := range map[string][]byte{"small": harness.Random(1, 70_000), "large": harness.Random(2, 17<<20)} {
		_, err := c.PutObject(t.Context(), "minio", name, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{ServerSideEncryption: key, PartSize: 5 << 20})
		must(t, err)
		_, err = c.StatObject(t.Context(), "minio", name, minio.StatObjectOptions{})
		if minio.ToErrorResponse(err).StatusCode != http.StatusBadRequest {
			t.Errorf("%s without its key: %v", name, err)
		}
		_, err = c.CopyObject(t.Context(), minio.CopyDestOptions{Bucket: "minio", Object: "copy", Encryption: key},
			minio.CopySrcOptions{Bucket: "minio", Object: name, Encryption: encrypt.SSECopy(key)})
		must(t, err)
		for _, at := range []string{name, "copy"} {
			o, err := c.GetObject(t.Context(), "minio", at, minio.GetObjectOptions{ServerSideEncryption: key})
			must(t, err)
			if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: %d bytes, %v", at, len(got), err)
			}
		}
	}
}

func TestSDKCustomerKeys(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	f := newFront(t, n)
	c := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: sdk.String(f.URL), UsePathStyle: true, HTTPClient: &http.Client{Transport: f.transport()},
		RequestChecksumCalculation: sdk.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: sdk.ResponseChecksumValidationWhenSupported,
		Credentials: credentials.NewStaticCredentialsProvider(n.Key.ID, n.Key.Secret, "")})
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String("sdk")})
	must(t, err)
	raw := harness.Random(7, 32)
	digest := md5.Sum(raw)
	algorithm, key, sum := sdk.String("AES256"), sdk.String(base64.StdEncoding.EncodeToString(raw)), sdk.String(base64.StdEncoding.EncodeToString(digest[:]))
	data := harness.Random(1, 12<<20)
	m := transfermanager.New(c, func(o *transfermanager.Options) { o.PartSizeBytes = 5 << 20 })
	_, err = m.UploadObject(t.Context(), &transfermanager.UploadObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("k"), Body: bytes.NewReader(data),
		SSECustomerAlgorithm: algorithm, SSECustomerKey: key, SSECustomerKeyMD5: sum})
	must(t, err)
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("k")})
	wantCode(t, "without the key", err, "InvalidRequest")
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("k"), SSECustomerAlgorithm: algorithm,
		SSECustomerKey: sdk.String(base64.StdEncoding.EncodeToString(data[:32]))})
	wantCode(t, "with another key", err, "AccessDenied")
	o, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String("sdk"), Key: sdk.String("k"), SSECustomerAlgorithm: algorithm, SSECustomerKey: key, SSECustomerKeyMD5: sum})
	must(t, err)
	got, err := io.ReadAll(o.Body)
	if err != nil || !bytes.Equal(got, data) || sdk.ToString(o.SSECustomerKeyMD5) != *sum || o.ServerSideEncryption != "" {
		t.Errorf("%d bytes, %v, %v %v", len(got), err, sdk.ToString(o.SSECustomerKeyMD5), o.ServerSideEncryption)
	}
}
