package sites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/cors"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/e2e/harness"
)

// uploads is a page of a site, open in a browser, and the bucket that it uploads to.
type uploads struct {
	*testing.T
	c    *minio.Core
	call func(script string) string
}

const partSize = 5 << 20

// TestUploadsFromChromium: a page of a site uploads to S3 with presigned PUTs, a form and in
// parts, where the bucket's CORS rules name its origin; a page of another site is refused.
func TestUploadsFromChromium(t *testing.T) {
	n := harness.Start(t, "--web", "127.0.0.1:0")
	const named, other = "album.localhost", "other.localhost" // which browsers look for on this computer
	for _, host := range []string{named, other} {
		n.MustCLI("site", "create", host)
		n.MustCLI("site", "deploy", "testdata/upload", "--site", host)
	}
	p := port(t, n.Process)
	origin := func(host string) string { return "http://" + host + ":" + p }
	c, err := minio.NewCore(n.Address, &minio.Options{Creds: credentials.NewStaticV4(n.Key.ID, n.Key.Secret, ""), Region: "us-east-1"})
	if err == nil {
		err = c.MakeBucket(t.Context(), "uploads", minio.MakeBucketOptions{})
	}
	if err == nil {
		err = c.SetBucketCors(t.Context(), "uploads", cors.NewConfig([]cors.Rule{{AllowedOrigin: []string{origin(named)},
			AllowedMethod: []string{"GET", "PUT", "POST"}, AllowedHeader: []string{"content-type", "x-amz-meta-*"}, ExposeHeader: []string{"ETag"}, MaxAgeSeconds: 60}}))
	}
	if err != nil {
		t.Fatal(err)
	}
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath("chromium"))...)
	defer cancel()
	ctx, cancel := chromedp.NewContext(alloc)
	defer cancel()
	u := &uploads{T: t, c: c, call: func(script string) string {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return got
	}}
	open := func(host string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Navigate(origin(host)+"/"), chromedp.WaitVisible("h1")); err != nil {
			t.Fatal(err)
		}
	}
	open(named)
	u.puts()
	u.forms()
	u.inParts()
	open(other)
	u.refuses()
}

// presigned is a URL that lets a page do something for a minute.
func (u *uploads) presigned(method, key string, query url.Values) string {
	u.Helper()
	var signed http.Header
	if method == http.MethodPut && query == nil {
		signed = http.Header{"X-Amz-Meta-From": {"a page"}} // as put says
	}
	at, err := u.c.PresignHeader(u.Context(), method, "uploads", key, time.Minute, query, signed)
	if err != nil {
		u.Fatal(err)
	}
	return at.String()
}

// policy is a form that lets a page put one file of up to 100 bytes.
func (u *uploads) policy(key string) (at string, fields map[string]string) {
	u.Helper()
	p := minio.NewPostPolicy()
	for _, err := range []error{p.SetBucket("uploads"), p.SetKey(key), p.SetExpires(time.Now().Add(time.Minute)), p.SetContentLengthRange(1, 100)} {
		if err != nil {
			u.Fatal(err)
		}
	}
	to, fields, err := u.c.PresignedPostPolicy(u.Context(), p)
	if err != nil {
		u.Fatal(err)
	}
	return to.String(), fields
}

// holds checks what is stored under a key.
func (u *uploads) holds(key, want string) {
	u.Helper()
	o, err := u.c.Client.GetObject(u.Context(), "uploads", key, minio.GetObjectOptions{})
	if err != nil {
		u.Fatal(err)
	}
	defer o.Close()
	if got, err := io.ReadAll(o); err != nil || string(got) != want {
		u.Errorf("%s is %d bytes, want %d: %v", key, len(got), len(want), err)
	}
}

func js(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // texts and maps of them
	}
	return strings.TrimSpace(b.String())
}

func (u *uploads) puts() {
	u.Helper()
	got := u.call(fmt.Sprintf("put(%s, 'from a page')", js(u.presigned("PUT", "put", nil))))
	info, err := u.c.Client.StatObject(u.Context(), "uploads", "put", minio.StatObjectOptions{})
	if err != nil || info.ContentType != "text/plain" || info.UserMetadata["From"] != "a page" || got != `200 "`+info.ETag+`"` {
		u.Errorf("the page saw %s, stored is %+v, %v", got, info, err)
	}
	u.holds("put", "from a page")
	if got := u.call(fmt.Sprintf("get(%s)", js(u.presigned("GET", "put", nil)))); got != "from a page" {
		u.Errorf("the page reads %q", got)
	}
}

func (u *uploads) forms() {
	u.Helper()
	at, fields := u.policy("form")
	if got := u.call(fmt.Sprintf("form(%s, %s, 'from a form')", js(at), js(fields))); !strings.HasPrefix(got, `204 "`) {
		u.Errorf("the form: %s", got)
	}
	u.holds("form", "from a form")
	if got := u.call(fmt.Sprintf("form(%s, %s, 'x'.repeat(101))", js(at), js(fields))); !strings.HasPrefix(got, "400 ") {
		u.Errorf("a form that is too long: %s", got)
	}
}

func (u *uploads) inParts() {
	u.Helper()
	id, err := u.c.NewMultipartUpload(u.Context(), "uploads", "parts", minio.PutObjectOptions{})
	if err != nil {
		u.Fatal(err)
	}
	var urls []string
	for n := range 3 {
		urls = append(urls, u.presigned("PUT", "parts", url.Values{"uploadId": {id}, "partNumber": {fmt.Sprint(n + 1)}}))
	}
	tags := strings.Fields(u.call(fmt.Sprintf("parts(%s, %d)", js(urls), partSize)))
	if len(tags) != 3 {
		u.Fatalf("the page saw the ETags %q", tags)
	}
	var done []minio.CompletePart
	for i, tag := range tags {
		done = append(done, minio.CompletePart{PartNumber: i + 1, ETag: strings.Trim(tag, `"`)})
	}
	if _, err := u.c.CompleteMultipartUpload(u.Context(), "uploads", "parts", id, done, minio.PutObjectOptions{}); err != nil {
		u.Fatal(err)
	}
	u.holds("parts", strings.Repeat("a", partSize)+strings.Repeat("b", partSize)+"ccccc")
}

// refuses does the same from a page that no rule names. A form is sent before the browser looks
// at the answer, as any page can send one: only the answer is kept from it.
func (u *uploads) refuses() {
	u.Helper()
	if got := u.call(fmt.Sprintf("put(%s, 'x')", js(u.presigned("PUT", "refused", nil)))); got != "refused" {
		u.Errorf("a PUT: %s", got)
	}
	if _, err := u.c.Client.StatObject(u.Context(), "uploads", "refused", minio.StatObjectOptions{}); minio.ToErrorResponse(err).Code != "NoSuchKey" {
		u.Errorf("what was refused: %v", err)
	}
	if got := u.call(fmt.Sprintf("get(%s)", js(u.presigned("GET", "put", nil)))); got != "refused" {
		u.Errorf("a GET: %s", got)
	}
	at, fields := u.policy("form")
	if got := u.call(fmt.Sprintf("form(%s, %s, 'x')", js(at), js(fields))); got != "refused" {
		u.Errorf("a form: %s", got)
	}
}
