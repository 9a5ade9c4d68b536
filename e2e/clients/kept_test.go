package clients

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"
	"github.com/minio/minio-go/v7/pkg/tags"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// opened is a policy by which everybody may read what lies under a prefix.
func opened(bucket, prefix string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/%s*"]}]}`, bucket, prefix)
}

// stranger asks for an object without a key and returns the status.
func stranger(t *testing.T, n *harness.Node, path string) int {
	t.Helper()
	resp, err := http.Get(n.URL() + path)
	must(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestMinioClientVersions: mc with versions, a lock, a policy, tags and rules.
func TestMinioClientVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := harness.NewTool(t, "mc", []string{"MC_HOST_r=http://" + n.Key.ID + ":" + n.Key.Secret + "@" + n.Address}, "--quiet", "--no-color")
	put := func(key, body string) {
		t.Helper()
		harness.WriteFile(t, c.Home(), "one", []byte(body))
		c.Run("cp", "one", "r/locked/"+key)
	}
	c.Run("mb", "--with-lock", "r/locked")
	if out := c.Run("version", "info", "r/locked"); !strings.Contains(out, "enabled") {
		t.Errorf("a bucket with a lock: %s", out)
	}
	put("a/doc", "first")
	put("a/doc", "second")
	c.Run("rm", "r/locked/a/doc")
	if out, err := c.Try("cat", "r/locked/a/doc"); err == nil {
		t.Errorf("what was deleted reads %q", out)
	}
	if out := c.Run("ls", "--versions", "r/locked/a/"); strings.Count(out, "PUT") != 2 || strings.Count(out, "DEL") != 1 {
		t.Errorf("versions:\n%s", out)
	}
	c.Run("undo", "--last", "1", "--force", "r/locked/a/doc")
	if got := c.Run("cat", "r/locked/a/doc"); got != "second" {
		t.Errorf("after undo it reads %q", got)
	}
	c.Run("undo", "--last", "1", "--force", "r/locked/a/doc")
	if got := c.Run("cat", "r/locked/a/doc"); got != "first" {
		t.Errorf("after another undo it reads %q", got)
	}
	c.Run("retention", "set", "governance", "1d", "r/locked/a/doc")
	if out := c.Run("retention", "info", "r/locked/a/doc"); !strings.Contains(out, "GOVERNANCE") {
		t.Errorf("retention: %s", out)
	}
	if out, err := c.Try("rm", "--versions", "--force", "r/locked/a/doc"); err == nil {
		t.Errorf("a version under retention is removed: %s", out)
	}
	c.Run("retention", "clear", "r/locked/a/doc")
	c.Run("legalhold", "set", "r/locked/a/doc")
	if out := c.Run("legalhold", "info", "r/locked/a/doc"); !strings.Contains(out, "ON") {
		t.Errorf("legal hold: %s", out)
	}
	c.Run("legalhold", "clear", "r/locked/a/doc")
	c.Run("tag", "set", "r/locked/a/doc", "colour=blue")
	if out := c.Run("tag", "list", "r/locked/a/doc"); !strings.Contains(out, "blue") {
		t.Errorf("tags: %s", out)
	}
	file := harness.WriteFile(t, c.Home(), "policy.json", []byte(opened("locked", "a/")))
	c.Run("anonymous", "set-json", file, "r/locked")
	if out := c.Run("anonymous", "get-json", "r/locked"); !strings.Contains(out, "arn:aws:s3:::locked/a/*") {
		t.Errorf("policy: %s", out)
	}
	if got := stranger(t, n, "/locked/a/doc"); got != 200 {
		t.Errorf("a stranger reads what is open: %d", got)
	}
	put("b", "closed")
	if got := stranger(t, n, "/locked/b"); got != 403 {
		t.Errorf("a stranger reads what is not: %d", got)
	}
	c.Run("anonymous", "set", "private", "r/locked/a/")
	if got := stranger(t, n, "/locked/a/doc"); got != 403 {
		t.Errorf("a stranger reads what was open: %d", got)
	}
	c.Run("ilm", "rule", "add", "--noncurrent-expire-days", "30", "--prefix", "a/", "r/locked")
	if out := c.Run("ilm", "rule", "ls", "r/locked"); !strings.Contains(out, "30") {
		t.Errorf("rules: %s", out)
	}
	c.Run("ilm", "rule", "rm", "--all", "--force", "r/locked")
	c.Run("rm", "--recursive", "--versions", "--force", "r/locked/")
	c.Run("rb", "r/locked")
}

// TestMinioGoVersions: minio-go with versions, a lock, a policy, tags and rules.
func TestMinioGoVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := minioClient(t, n)
	ctx := t.Context()
	must(t, c.MakeBucket(ctx, "locked", minio.MakeBucketOptions{ObjectLocking: true}))
	put := func(body string) minio.UploadInfo {
		t.Helper()
		up, err := c.PutObject(ctx, "locked", "doc", strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{UserTags: map[string]string{"colour": body}})
		must(t, err)
		return up
	}
	read := func(version string) string {
		t.Helper()
		o, err := c.GetObject(ctx, "locked", "doc", minio.GetObjectOptions{VersionID: version})
		must(t, err)
		got, err := io.ReadAll(o)
		must(t, err)
		return string(got)
	}
	if v, err := c.GetBucketVersioning(ctx, "locked"); err != nil || !v.Enabled() {
		t.Errorf("a bucket with a lock: %+v, %v", v, err)
	}
	first, second := put("first"), put("second")
	if got := read(first.VersionID) + read(second.VersionID) + read(""); got != "firstsecondsecond" {
		t.Errorf("versions read %s", got)
	}
	governed, later := minio.Governance, time.Now().Add(time.Hour)
	must(t, c.PutObjectRetention(ctx, "locked", "doc", minio.PutObjectRetentionOptions{VersionID: first.VersionID, Mode: &governed, RetainUntilDate: &later}))
	if err := c.RemoveObject(ctx, "locked", "doc", minio.RemoveObjectOptions{VersionID: first.VersionID}); minio.ToErrorResponse(err).Code != minio.AccessDenied {
		t.Errorf("a version under retention: %v", err)
	}
	must(t, c.RemoveObject(ctx, "locked", "doc", minio.RemoveObjectOptions{VersionID: first.VersionID, GovernanceBypass: true}))
	on, off := minio.LegalHoldEnabled, minio.LegalHoldDisabled
	must(t, c.PutObjectLegalHold(ctx, "locked", "doc", minio.PutObjectLegalHoldOptions{Status: &on}))
	if err := c.RemoveObject(ctx, "locked", "doc", minio.RemoveObjectOptions{VersionID: second.VersionID, GovernanceBypass: true}); minio.ToErrorResponse(err).Code != minio.AccessDenied {
		t.Errorf("a version under legal hold: %v", err)
	}
	must(t, c.PutObjectLegalHold(ctx, "locked", "doc", minio.PutObjectLegalHoldOptions{Status: &off}))
	if set, err := c.GetObjectTagging(ctx, "locked", "doc", minio.GetObjectTaggingOptions{}); err != nil || set.ToMap()["colour"] != "second" {
		t.Errorf("tags: %v, %v", set, err)
	}
	days, unit := uint(1), minio.Days
	must(t, c.SetBucketObjectLockConfig(ctx, "locked", &governed, &days, &unit))
	if _, mode, _, _, err := c.GetObjectLockConfig(ctx, "locked"); err != nil || mode == nil || *mode != governed {
		t.Errorf("the bucket's retention: %v, %v", mode, err)
	}
	must(t, c.SetBucketObjectLockConfig(ctx, "locked", nil, nil, nil))
	must(t, c.RemoveObject(ctx, "locked", "doc", minio.RemoveObjectOptions{}))
	var markers, versions int
	for o := range c.ListObjects(ctx, "locked", minio.ListObjectsOptions{WithVersions: true}) {
		must(t, o.Err)
		if versions++; o.IsDeleteMarker {
			markers++
		}
	}
	if versions != 2 || markers != 1 {
		t.Errorf("%d versions, %d of them delete markers", versions, markers)
	}
	minioGoSettings(t, n, c)
	all := c.ListObjects(ctx, "locked", minio.ListObjectsOptions{WithVersions: true})
	for e := range c.RemoveObjects(ctx, "locked", all, minio.RemoveObjectsOptions{GovernanceBypass: true}) {
		t.Errorf("remove %s %s: %v", e.ObjectName, e.VersionID, e.Err)
	}
	must(t, c.RemoveBucket(ctx, "locked"))
}

// minioGoSettings sets what a bucket may have and reads it back.
func minioGoSettings(t *testing.T, n *harness.Node, c *minio.Client) {
	t.Helper()
	ctx := t.Context()
	_, err := c.PutObject(ctx, "minio", "open/page", strings.NewReader("page"), 4, minio.PutObjectOptions{})
	must(t, err)
	must(t, c.SetBucketPolicy(ctx, "minio", opened("minio", "open/")))
	if got, err := c.GetBucketPolicy(ctx, "minio"); err != nil || !strings.Contains(got, "minio/open/*") {
		t.Errorf("policy: %s, %v", got, err)
	}
	if got := stranger(t, n, "/minio/open/page"); got != 200 {
		t.Errorf("a stranger reads what is open: %d", got)
	}
	must(t, c.SetBucketPolicy(ctx, "minio", ""))
	if got := stranger(t, n, "/minio/open/page"); got != 403 {
		t.Errorf("a stranger reads what was open: %d", got)
	}
	set, err := tags.NewTags(map[string]string{"of": "the family"}, false)
	must(t, err)
	must(t, c.SetBucketTagging(ctx, "minio", set))
	if got, err := c.GetBucketTagging(ctx, "minio"); err != nil || got.ToMap()["of"] != "the family" {
		t.Errorf("tags: %v, %v", got, err)
	}
	rules := lifecycle.NewConfiguration()
	rules.Rules = []lifecycle.Rule{{ID: "old", Status: "Enabled", RuleFilter: lifecycle.Filter{Prefix: "old/"}, Expiration: lifecycle.Expiration{Days: 30}}}
	must(t, c.SetBucketLifecycle(ctx, "minio", rules))
	if got, err := c.GetBucketLifecycle(ctx, "minio"); err != nil || len(got.Rules) != 1 || got.Rules[0].Expiration.Days != 30 {
		t.Errorf("rules: %+v, %v", got, err)
	}
	must(t, c.SuspendVersioning(ctx, "minio"))
	if v, err := c.GetBucketVersioning(ctx, "minio"); err != nil || !v.Suspended() {
		t.Errorf("suspended: %+v, %v", v, err)
	}
}

// TestSDKVersions: the Go SDK with versions, a lock and policies.
func TestSDKVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := sdkClient(t, n)
	ctx, bucket, key := t.Context(), sdk.String("kept"), sdk.String("doc")
	_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, ObjectLockEnabledForBucket: sdk.Bool(true)})
	must(t, err)
	put := func(body string) *string {
		t.Helper()
		out, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(body)})
		must(t, err)
		return out.VersionId
	}
	read := func(version *string) (string, error) {
		t.Helper()
		out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key, VersionId: version})
		if err != nil {
			return "", err
		}
		got, err := io.ReadAll(out.Body)
		must(t, err)
		return string(got), nil
	}
	first := put("first")
	_, err = c.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: bucket, ObjectLockConfiguration: &types.ObjectLockConfiguration{
		ObjectLockEnabled: types.ObjectLockEnabledEnabled,
		Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Days: sdk.Int32(1)}}}})
	must(t, err)
	second := put("second")
	head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})
	if err != nil || head.ObjectLockMode != types.ObjectLockModeGovernance || head.ObjectLockRetainUntilDate == nil {
		t.Errorf("the bucket's retention does not hold: %+v, %v", head, err)
	}
	gone, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
	if err != nil || !sdk.ToBool(gone.DeleteMarker) {
		t.Fatal(gone, err)
	}
	_, err = read(nil)
	wantCode(t, "what was deleted", err, "NoSuchKey")
	if a, err := read(first); err != nil || a != "first" {
		t.Errorf("the first version: %q, %v", a, err)
	}
	_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: second})
	wantCode(t, "a version under retention", err, "AccessDenied")
	_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: gone.VersionId})
	must(t, err)
	if a, err := read(nil); err != nil || a != "second" {
		t.Errorf("without the delete marker: %q, %v", a, err)
	}
	list, err := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket})
	if err != nil || len(list.Versions) != 2 || len(list.DeleteMarkers) != 0 || !sdk.ToBool(list.Versions[0].IsLatest) {
		t.Errorf("versions: %+v, %v", list, err)
	}
	_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: second, BypassGovernanceRetention: sdk.Bool(true)})
	must(t, err)
	sdkSuspended(t, c)
	sdkPolicies(t, n, c)
}

// sdkSuspended: a bucket that was versioned keeps what it has, and overwrites the null version.
func sdkSuspended(t *testing.T, c *s3.Client) {
	t.Helper()
	ctx, bucket, key := t.Context(), sdk.String("sdk"), sdk.String("doc")
	state := func(s types.BucketVersioningStatus) {
		t.Helper()
		_, err := c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: s}})
		must(t, err)
	}
	put := func(body string) {
		t.Helper()
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(body)})
		must(t, err)
	}
	put("before")
	state(types.BucketVersioningStatusEnabled)
	put("kept")
	state(types.BucketVersioningStatusSuspended)
	put("over")
	put("again")
	list, err := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket})
	if err != nil || len(list.Versions) != 2 || sdk.ToString(list.Versions[0].VersionId) != "null" || sdk.ToString(list.Versions[1].VersionId) == "null" {
		t.Errorf("versions: %+v, %v", list, err)
	}
}

// sdkPolicies: a condition decides, and PublicAccessBlock above it.
func sdkPolicies(t *testing.T, n *harness.Node, c *s3.Client) {
	t.Helper()
	ctx, bucket := t.Context(), sdk.String("sdk")
	tagged := strings.Replace(opened("sdk", ""), `"Resource"`, `"Condition":{"StringEquals":{"s3:ExistingObjectTag/open":"yes"}},"Resource"`, 1)
	_, err := c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: sdk.String(tagged)})
	must(t, err)
	if got := stranger(t, n, "/sdk/doc"); got != 403 {
		t.Errorf("a stranger reads what has no tag: %d", got)
	}
	_, err = c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: bucket, Key: sdk.String("doc"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: sdk.String("open"), Value: sdk.String("yes")}}}})
	must(t, err)
	if got := stranger(t, n, "/sdk/doc"); got != 200 {
		t.Errorf("a stranger reads what has the tag: %d", got)
	}
	status, err := c.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: bucket})
	if err != nil || !sdk.ToBool(status.PolicyStatus.IsPublic) {
		t.Errorf("the policy's status: %+v, %v", status, err)
	}
	_, err = c.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: bucket,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{RestrictPublicBuckets: sdk.Bool(true), BlockPublicPolicy: sdk.Bool(true)}})
	must(t, err)
	if got := stranger(t, n, "/sdk/doc"); got != 403 {
		t.Errorf("a stranger reads what is blocked: %d", got)
	}
	_, err = c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: sdk.String(opened("sdk", ""))})
	wantCode(t, "a policy that opens a blocked bucket", err, "AccessDenied")
}

// TestS3cmdVersions: s3cmd on a bucket that keeps versions and locks them, and with policies.
func TestS3cmdVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := harness.NewTool(t, "s3cmd", nil, "--config=/dev/null", "--no-ssl", "--no-progress",
		"--access_key="+n.Key.ID, "--secret_key="+n.Key.Secret, "--host="+n.Address, "--host-bucket="+n.Address)
	do(t, n, &wire.Request{Method: "PUT", Path: "/locked", Headers: []wire.Header{{Name: "x-amz-bucket-object-lock-enabled", Value: "true"}}})
	n.MustCLI("bucket", "lock", "locked", "--mode", "governance", "--days", "1", "--yes")
	for _, body := range []string{"first", "second"} {
		harness.WriteFile(t, c.Home(), "one", []byte(body))
		c.Run("put", "one", "s3://locked/a/doc")
	}
	c.Run("del", "s3://locked/a/doc")
	if out := c.Run("ls", "--recursive", "s3://locked"); out != "" {
		t.Errorf("after del: %s", out)
	}
	n.MustCLI("object", "undelete", "locked/a/doc")
	c.Run("get", "s3://locked/a/doc", "got")
	if got, err := os.ReadFile(filepath.Join(c.Home(), "got")); err != nil || string(got) != "second" {
		t.Errorf("brought back: %q, %v", got, err)
	}
	file := harness.WriteFile(t, c.Home(), "policy.json", []byte(opened("locked", "a/")))
	c.Run("setpolicy", file, "s3://locked")
	if got := stranger(t, n, "/locked/a/doc"); got != 200 {
		t.Errorf("a stranger reads what is open: %d", got)
	}
	if out := c.Run("info", "s3://locked"); !strings.Contains(out, "arn:aws:s3:::locked/a/*") {
		t.Errorf("info: %s", out)
	}
	c.Run("delpolicy", "s3://locked")
	if got := stranger(t, n, "/locked/a/doc"); got != 403 {
		t.Errorf("a stranger reads what was open: %d", got)
	}
	c.Run("expire", "--expiry-days=30", "--expiry-prefix=old/", "s3://locked")
	if out := c.Run("getlifecycle", "s3://locked"); !strings.Contains(out, "30") {
		t.Errorf("rules: %s", out)
	}
	c.Run("dellifecycle", "s3://locked")
}

// TestS3fsVersions: whatever is done in a mounted folder, earlier versions are kept, and come back.
func TestS3fsVersions(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := sdkClient(t, n)
	ctx, bucket := t.Context(), sdk.String("mounted")
	_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, ObjectLockEnabledForBucket: sdk.Bool(true)})
	must(t, err)
	n.MustCLI("bucket", "lock", "mounted", "--mode", "governance", "--days", "1", "--yes")
	dir := filepath.Join(t.TempDir(), "mnt")
	unmount := mount(t, n, "mounted", dir)
	defer func() { unmount() }()
	for i := range 3 {
		harness.WriteFile(t, dir, "doc", fmt.Appendf(nil, "version %d", i))
	}
	harness.WriteFile(t, dir, "name", []byte("renamed"))
	must(t, os.Rename(filepath.Join(dir, "name"), filepath.Join(dir, "other")))
	must(t, os.Remove(filepath.Join(dir, "doc")))
	unmount()
	has := func() map[string][]string {
		t.Helper()
		out := map[string][]string{}
		pages := s3.NewListObjectVersionsPaginator(c, &s3.ListObjectVersionsInput{Bucket: bucket})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			must(t, err)
			for _, v := range page.Versions {
				got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: v.Key, VersionId: v.VersionId})
				must(t, err)
				data, err := io.ReadAll(got.Body)
				must(t, err)
				if last := out[*v.Key]; len(data) > 0 && !(len(last) > 0 && last[len(last)-1] == string(data)) { // s3fs makes files empty first, and may flush twice
					out[*v.Key] = append(last, string(data))
				}
			}
		}
		return out
	}
	if got := fmt.Sprint(has()); got != "map[doc:[version 2 version 1 version 0] name:[renamed] other:[renamed]]" {
		t.Errorf("kept: %s", got)
	}
	n.MustCLI("object", "undelete", "mounted/doc")
	unmount = mount(t, n, "mounted", dir)
	if got, err := os.ReadFile(filepath.Join(dir, "doc")); err != nil || !bytes.Equal(got, []byte("version 2")) {
		t.Errorf("brought back: %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "name")); !os.IsNotExist(err) {
		t.Errorf("what was renamed is there still: %v", err)
	}
}
