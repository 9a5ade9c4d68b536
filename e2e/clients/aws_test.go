package clients

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/e2e/harness"
)

func aws(t *testing.T, n *harness.Node) *harness.Tool {
	return harness.NewTool(t, "aws", []string{
		"AWS_ACCESS_KEY_ID=" + n.Key.ID, "AWS_SECRET_ACCESS_KEY=" + n.Key.Secret,
		"AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}, "--endpoint-url", n.URL())
}

func TestAWSCommandLine(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	small, large := harness.Random(1, 1000), harness.Random(2, 20<<20)
	src := filepath.Join(c.Home(), "src")
	harness.WriteFile(t, src, "small", small)
	harness.WriteFile(t, src, "sub folder/large é+&.bin", large)
	harness.WriteFile(t, src, "sub folder/empty", nil)

	c.Run("s3", "mb", "s3://aws")
	c.Run("s3", "cp", "src/small", "s3://aws/one/small")
	c.Run("s3", "sync", "src", "s3://aws/tree")
	if out := c.Run("s3", "ls", "--recursive", "s3://aws"); strings.Count(out, "\n") != 4 {
		t.Errorf("ls shows\n%s\nwant four objects", out)
	}
	c.Run("s3", "sync", "s3://aws/tree", "back")
	harness.SameTree(t, src, filepath.Join(c.Home(), "back"))
	if out := c.Run("s3", "sync", "src", "s3://aws/tree"); strings.Contains(out, "upload:") {
		t.Errorf("a second sync uploads again: %s", out)
	}
	c.Run("s3", "cp", "s3://aws/tree/sub folder/large é+&.bin", "s3://aws/copy")
	c.Run("s3", "mv", "s3://aws/copy", "s3://aws/moved")
	c.Run("s3", "cp", "s3://aws/moved", "moved")
	if got, err := os.ReadFile(filepath.Join(c.Home(), "moved")); err != nil || !bytes.Equal(got, large) {
		t.Errorf("a copied and moved object comes back with %d bytes, %v", len(got), err)
	}
	link := strings.TrimSpace(c.Run("s3", "presign", "s3://aws/one/small", "--expires-in", "60"))
	curl := harness.NewTool(t, "curl", nil, "--silent", "--show-error", "--fail")
	if got := curl.Run(link); got != string(small) {
		t.Errorf("a presigned link gives %d bytes, want %d", len(got), len(small))
	}
	if _, err := curl.Try(strings.Replace(link, "small", "other", 1)); err == nil {
		t.Error("a presigned link works for another key")
	}
	if _, err := c.Try("s3", "rb", "s3://aws"); err == nil {
		t.Error("a bucket with objects was removed")
	}
	c.Run("s3", "rm", "--recursive", "s3://aws")
	c.Run("s3", "rb", "s3://aws")
}

// api runs an s3api command and returns its JSON answer.
func api(t *testing.T, c *harness.Tool, args ...string) map[string]any {
	t.Helper()
	out := c.Run(append([]string{"--output", "json", "s3api"}, args...)...)
	answer := map[string]any{}
	if strings.TrimSpace(out) != "" {
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatalf("%v is no JSON: %s", args, out)
		}
	}
	return answer
}

// refused runs an s3api command that must fail with the code.
func refused(t *testing.T, c *harness.Tool, code string, args ...string) {
	t.Helper()
	out, err := c.Try(append([]string{"s3api"}, args...)...)
	if err == nil || !strings.Contains(out, code) {
		t.Errorf("%v: %v, wrote %s; want it refused with %s", args, err, out, code)
	}
}

func TestAWSConditions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	harness.WriteFile(t, c.Home(), "body", []byte("0123456789"))
	api(t, c, "create-bucket", "--bucket", "cond")
	put := api(t, c, "put-object", "--bucket", "cond", "--key", "a b", "--body", "body",
		"--content-type", "text/x-test", "--metadata", "colour=blue", "--cache-control", "no-cache")
	etag, _ := put["ETag"].(string)
	head := api(t, c, "head-object", "--bucket", "cond", "--key", "a b")
	if head["ContentType"] != "text/x-test" || head["ContentLength"] != 10.0 || head["ETag"] != etag || head["CacheControl"] != "no-cache" {
		t.Errorf("head-object says %v", head)
	}
	if meta, _ := head["Metadata"].(map[string]any); meta["colour"] != "blue" {
		t.Errorf("metadata %v", head["Metadata"])
	}
	get := []string{"get-object", "--bucket", "cond", "--key", "a b", "out"}
	if r := api(t, c, append(get, "--range", "bytes=2-4")...); r["ContentRange"] != "bytes 2-4/10" {
		t.Errorf("range: %v", r)
	}
	api(t, c, append(get, "--if-match", etag)...)
	refused(t, c, "PreconditionFailed", append(get, "--if-match", `"0123456789abcdef0123456789abcdef"`)...)
	refused(t, c, "304", append(get, "--if-none-match", etag)...)
	refused(t, c, "304", append(get, "--if-modified-since", head["LastModified"].(string))...)
	refused(t, c, "PreconditionFailed", append(get, "--if-unmodified-since", "2001-01-01T00:00:00Z")...)
	refused(t, c, "InvalidRange", append(get, "--range", "bytes=10-")...)
	refused(t, c, "NoSuchKey", "get-object", "--bucket", "cond", "--key", "none", "out")
	refused(t, c, "NoSuchBucket", "get-object", "--bucket", "nobody", "--key", "none", "out")
	refused(t, c, "BucketAlreadyOwnedByYou", "create-bucket", "--bucket", "cond")

	copied := []string{"copy-object", "--bucket", "cond", "--key", "copy", "--copy-source", "cond/a b"}
	api(t, c, append(copied, "--copy-source-if-match", etag)...)
	refused(t, c, "PreconditionFailed", append(copied, "--copy-source-if-none-match", etag)...)
	api(t, c, append(copied, "--metadata-directive", "REPLACE", "--metadata", "colour=red")...)
	if head := api(t, c, "head-object", "--bucket", "cond", "--key", "copy"); head["Metadata"].(map[string]any)["colour"] != "red" {
		t.Errorf("metadata after REPLACE: %v", head["Metadata"])
	}
}

func TestAWSMultipart(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	first, second := harness.Random(3, 5<<20), harness.Random(4, 5<<20+1)
	harness.WriteFile(t, c.Home(), "p1", first)
	harness.WriteFile(t, c.Home(), "p2", second)
	api(t, c, "create-bucket", "--bucket", "parts")
	at := []string{"--bucket", "parts", "--key", "big"}
	with := func(command string, more ...string) []string {
		return append(append([]string{command}, at...), more...)
	}
	upload, _ := api(t, c, with("create-multipart-upload")...)["UploadId"].(string)
	e2 := api(t, c, with("upload-part", "--upload-id", upload, "--part-number", "2", "--body", "p2")...)["ETag"]
	e1 := api(t, c, with("upload-part", "--upload-id", upload, "--part-number", "1", "--body", "p1")...)["ETag"]
	if parts, _ := api(t, c, with("list-parts", "--upload-id", upload)...)["Parts"].([]any); len(parts) != 2 {
		t.Errorf("list-parts shows %v", parts)
	}
	if open, _ := api(t, c, "list-multipart-uploads", "--bucket", "parts")["Uploads"].([]any); len(open) != 1 {
		t.Errorf("list-multipart-uploads shows %v", open)
	}
	list, _ := json.Marshal(map[string]any{"Parts": []map[string]any{{"PartNumber": 1, "ETag": e1}, {"PartNumber": 2, "ETag": e2}}})
	swapped, _ := json.Marshal(map[string]any{"Parts": []map[string]any{{"PartNumber": 2, "ETag": e2}, {"PartNumber": 1, "ETag": e1}}})
	refused(t, c, "InvalidPartOrder", with("complete-multipart-upload", "--upload-id", upload, "--multipart-upload", string(swapped))...)
	refused(t, c, "InvalidPart", with("complete-multipart-upload", "--upload-id", upload, "--multipart-upload",
		`{"Parts":[{"PartNumber":7,"ETag":"0123456789abcdef0123456789abcdef"}]}`)...)
	done := api(t, c, with("complete-multipart-upload", "--upload-id", upload, "--multipart-upload", string(list))...)
	if etag, _ := done["ETag"].(string); !strings.HasSuffix(etag, `-2"`) {
		t.Errorf("ETag %v, want one of two parts", done["ETag"])
	}
	api(t, c, with("get-object", "out")...)
	got, err := os.ReadFile(filepath.Join(c.Home(), "out"))
	if err != nil || !bytes.Equal(got, append(first, second...)) {
		t.Errorf("the object has %d bytes, %v", len(got), err)
	}
	if part := api(t, c, with("head-object", "--part-number", "2")...); part["ContentLength"] != float64(len(second)) || part["PartsCount"] != 2.0 {
		t.Errorf("head of part 2: %v", part)
	}
	gone, _ := api(t, c, with("create-multipart-upload")...)["UploadId"].(string)
	api(t, c, with("abort-multipart-upload", "--upload-id", gone)...)
	refused(t, c, "NoSuchUpload", with("list-parts", "--upload-id", gone)...)
	api(t, c, "delete-objects", "--bucket", "parts", "--delete", `{"Objects":[{"Key":"big"},{"Key":"never was"}]}`)
	api(t, c, "delete-bucket", "--bucket", "parts")
}

// TestAWSPolicies: what a bucket's owner sets with the command line holds for those who
// have no key.
func TestAWSPolicies(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	harness.WriteFile(t, c.Home(), "f", []byte("text"))
	c.Run("s3", "mb", "s3://park")
	c.Run("s3", "cp", "f", "s3://park/open/f")
	c.Run("s3", "cp", "f", "s3://park/closed/f")
	stranger := func(args ...string) error {
		_, err := c.Try(append([]string{"--no-sign-request", "s3"}, args...)...)
		return err
	}
	if stranger("cp", "s3://park/open/f", "got") == nil {
		t.Error("anybody may read without a policy")
	}
	refused(t, c, "NoSuchBucketPolicy", "get-bucket-policy", "--bucket", "park")
	refused(t, c, "MalformedPolicy", "put-bucket-policy", "--bucket", "park", "--policy", `{"Statement":[]}`)
	doc := `{"Version":"2012-10-17","Statement":[{"Sid":"open","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::park/open/*"}]}`
	api(t, c, "put-bucket-policy", "--bucket", "park", "--policy", doc)
	if got := api(t, c, "get-bucket-policy", "--bucket", "park")["Policy"]; got != doc {
		t.Errorf("the policy comes back as %v", got)
	}
	status, _ := api(t, c, "get-bucket-policy-status", "--bucket", "park")["PolicyStatus"].(map[string]any)
	if status["IsPublic"] != true {
		t.Errorf("the policy is not public: %v", status)
	}
	if out := n.MustCLI("bucket", "info", "park"); !strings.Contains(out, "it opens the bucket to everybody") {
		t.Errorf("bucket info is silent about the policy:\n%s", out)
	}
	if err := stranger("cp", "s3://park/open/f", "got"); err != nil {
		t.Errorf("what the policy opens cannot be read: %v", err)
	}
	if stranger("cp", "s3://park/closed/f", "got") == nil || stranger("ls", "s3://park") == nil || stranger("cp", "f", "s3://park/open/f") == nil {
		t.Error("the policy opens more than it says")
	}
	api(t, c, "put-public-access-block", "--bucket", "park", "--public-access-block-configuration",
		"BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true")
	if stranger("cp", "s3://park/open/f", "got") == nil {
		t.Error("the public access block does not hold")
	}
	refused(t, c, "AccessDenied", "put-bucket-policy", "--bucket", "park", "--policy", doc)
	api(t, c, "delete-public-access-block", "--bucket", "park")
	api(t, c, "put-bucket-policy", "--bucket", "park", "--policy", strings.NewReplacer("Allow", "Deny", "s3:GetObject", "s3:*").Replace(doc))
	if _, err := c.Try("s3", "cp", "s3://park/open/f", "got"); err == nil {
		t.Error("a statement that denies does not hold for the owner")
	}
	api(t, c, "delete-bucket-policy", "--bucket", "park")
	c.Run("s3", "cp", "s3://park/open/f", "got")

	api(t, c, "put-bucket-cors", "--bucket", "park", "--cors-configuration",
		`{"CORSRules":[{"AllowedMethods":["GET"],"AllowedOrigins":["https://*.example"],"MaxAgeSeconds":60}]}`)
	rules, _ := api(t, c, "get-bucket-cors", "--bucket", "park")["CORSRules"].([]any)
	if len(rules) != 1 {
		t.Errorf("CORS rules: %v", rules)
	}
	curl := harness.NewTool(t, "curl", nil, "--silent", "--show-error", "--fail", "--include")
	if out := curl.Run("-X", "OPTIONS", "-H", "Origin: https://a.example", "-H", "Access-Control-Request-Method: GET", n.URL()+"/park/open/f"); !strings.Contains(out, "Access-Control-Allow-Origin: https://a.example") {
		t.Errorf("a preflight gives %s", out)
	}
	api(t, c, "put-bucket-tagging", "--bucket", "park", "--tagging", "TagSet=[{Key=a,Value=b}]")
	if tags, _ := api(t, c, "get-bucket-tagging", "--bucket", "park")["TagSet"].([]any); len(tags) != 1 {
		t.Errorf("tags: %v", tags)
	}
	api(t, c, "put-bucket-ownership-controls", "--bucket", "park", "--ownership-controls", "Rules=[{ObjectOwnership=BucketOwnerEnforced}]")
	api(t, c, "put-bucket-acl", "--bucket", "park", "--acl", "private")
	refused(t, c, "AccessControlListNotSupported", "put-bucket-acl", "--bucket", "park", "--acl", "public-read")
}
