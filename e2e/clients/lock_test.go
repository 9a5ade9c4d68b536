package clients

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

func TestAWSTags(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	c.Run("s3", "mb", "s3://tags")
	harness.WriteFile(t, c.Home(), "file", []byte("text"))
	key := []string{"--bucket", "tags", "--key", "a key/é"}
	run := func(command string, more ...string) map[string]any {
		t.Helper()
		return api(t, c, append(append([]string{command}, key...), more...)...)
	}
	run("put-object", "--body", "file", "--tagging", "team=garden&note=%C3%A9t%C3%A9")
	tags := func(want string) {
		t.Helper()
		got := c.Run(append([]string{"s3api", "get-object-tagging", "--query", "TagSet[].[Key,Value]", "--output", "text"}, key...)...)
		if got = strings.Join(strings.Fields(got), " "); got != want {
			t.Fatalf("tags %q, want %q", got, want)
		}
	}
	tags("team garden note été")
	if got := run("head-object")["TagCount"]; fmt.Sprint(got) != "2" && got != nil { // older ones do not show it
		t.Errorf("tag count %v", got)
	}
	run("put-object-tagging", "--tagging", `{"TagSet":[{"Key":"a","Value":"1"}]}`)
	tags("a 1")
	run("copy-object", "--copy-source", "tags/a key/é", "--metadata-directive", "REPLACE")
	tags("a 1")
	run("copy-object", "--copy-source", "tags/a key/é", "--metadata-directive", "REPLACE", "--tagging-directive", "REPLACE", "--tagging", "b=2")
	tags("b 2")
	run("delete-object-tagging")
	tags("")
}

func TestAWSLock(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	api(t, c, "create-bucket", "--bucket", "locked", "--object-lock-enabled-for-bucket")
	harness.WriteFile(t, c.Home(), "file", []byte("text"))
	key := []string{"--bucket", "locked", "--key", "k"}
	run := func(command string, more ...string) map[string]any {
		t.Helper()
		return api(t, c, append(append([]string{command}, key...), more...)...)
	}
	api(t, c, "put-object-lock-configuration", "--bucket", "locked", "--object-lock-configuration",
		`{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"GOVERNANCE","Days":1}}}`)
	refused(t, c, "InvalidBucketState", "put-bucket-versioning", "--bucket", "locked", "--versioning-configuration", "Status=Suspended")
	id := run("put-object", "--body", "file")["VersionId"].(string)
	if mode := run("head-object")["ObjectLockMode"]; mode != "GOVERNANCE" {
		t.Errorf("mode %v", mode)
	}
	refused(t, c, "AccessDenied", append([]string{"delete-object", "--version-id", id}, key...)...)
	run("put-object-legal-hold", "--version-id", id, "--legal-hold", "Status=ON")
	refused(t, c, "AccessDenied", append([]string{"delete-object", "--version-id", id, "--bypass-governance-retention"}, key...)...)
	if _, err := n.CLI("bucket", "delete", "locked", "--yes"); !strings.Contains(fmt.Sprint(err), "not empty") {
		t.Errorf("the command line says %v", err)
	}
	run("put-object-legal-hold", "--version-id", id, "--legal-hold", "Status=OFF")
	run("delete-object", "--version-id", id, "--bypass-governance-retention")
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	id = run("put-object", "--body", "file", "--object-lock-mode", "COMPLIANCE", "--object-lock-retain-until-date", until)["VersionId"].(string)
	refused(t, c, "AccessDenied", append([]string{"delete-object", "--version-id", id, "--bypass-governance-retention"}, key...)...)
	refused(t, c, "AccessDenied", append([]string{"put-object-retention", "--version-id", id, "--bypass-governance-retention", "--retention", "{}"}, key...)...)
	if said := n.MustCLI("object", "versions", "locked/k"); !strings.Contains(said, "compliance") {
		t.Errorf("the versions are %s", said)
	}
	if _, err := n.CLI("object", "lock", "locked/k", "--mode", "none", "--bypass"); !strings.Contains(fmt.Sprint(err), "the version is locked") {
		t.Errorf("the command line about compliance: %v", err)
	}
}

func TestAWSLifecycle(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	c.Run("s3", "mb", "s3://rules")
	harness.WriteFile(t, c.Home(), "file", []byte("text"))
	const rules = `{"Rules":[{"ID":"logs","Status":"Enabled","Filter":{"And":{"Prefix":"logs/","ObjectSizeLessThan":100}},"Expiration":{"Days":3},` +
		`"NoncurrentVersionExpiration":{"NoncurrentDays":2,"NewerNoncurrentVersions":1}}]}`
	api(t, c, "put-bucket-lifecycle-configuration", "--bucket", "rules", "--lifecycle-configuration", rules)
	if got := c.Run("s3api", "get-bucket-lifecycle-configuration", "--bucket", "rules", "--query", "Rules[0].Expiration.Days", "--output", "text"); strings.TrimSpace(got) != "3" {
		t.Errorf("days %q", got)
	}
	put := api(t, c, "put-object", "--bucket", "rules", "--key", "logs/x", "--body", "file")
	if s, _ := put["Expiration"].(string); !strings.Contains(s, `rule-id="logs"`) {
		t.Errorf("expiration %v", put["Expiration"])
	}
	refused(t, c, "InvalidStorageClass", "put-bucket-lifecycle-configuration", "--bucket", "rules", "--lifecycle-configuration",
		`{"Rules":[{"Status":"Enabled","Filter":{},"Transitions":[{"Days":1,"StorageClass":"GLACIER"}]}]}`)
	if said := n.MustCLI("bucket", "lifecycle", "rules", "--prefix", "tmp/", "--expire", "30d"); !strings.Contains(said, "tmp/") || !strings.Contains(said, "logs/") {
		t.Errorf("the rules are %s", said)
	}
	api(t, c, "delete-bucket-lifecycle", "--bucket", "rules")
	refused(t, c, "NoSuchLifecycleConfiguration", "get-bucket-lifecycle-configuration", "--bucket", "rules")
}

// TestResticLocked: what restic forgets from a locked bucket stays behind markers, and comes
// back.
func TestResticLocked(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	a := aws(t, n)
	api(t, a, "create-bucket", "--bucket", "locked", "--object-lock-enabled-for-bucket")
	n.MustCLI("bucket", "lock", "locked", "--mode", "compliance", "--days", "1", "--yes")
	c := harness.NewTool(t, "restic", []string{
		"AWS_ACCESS_KEY_ID=" + n.Key.ID, "AWS_SECRET_ACCESS_KEY=" + n.Key.Secret,
		"RESTIC_REPOSITORY=s3:" + n.URL() + "/locked/repo", "RESTIC_PASSWORD=a test's password",
	})
	src := filepath.Join(c.Home(), "src")
	for i := range 50 {
		harness.WriteFile(t, src, fmt.Sprintf("d%d/f%d", i%9, i), harness.Random(uint64(i), 20_000))
	}
	c.Run("init")
	c.Run("backup", "src")
	count := func(query string) string {
		t.Helper()
		return strings.TrimSpace(a.Run("s3api", "list-object-versions", "--bucket", "locked", "--prefix", "repo/data/", "--query", query, "--output", "text"))
	}
	kept := count("length(Versions)")
	before := time.Now().UTC()
	harness.Eventually(t, time.Minute, "the next second", func() bool { return time.Now().UTC().Sub(before) > 2*time.Second })
	at := before.Add(time.Second).Format(time.RFC3339)
	id := strings.TrimSpace(c.Run("snapshots", "--json"))
	c.Run("forget", snapshotOf(t, id), "--prune")
	if got := count("length(Versions)"); got != kept {
		t.Errorf("%s versions of data are left of %s", got, kept)
	}
	if got := strings.TrimSpace(c.Run("snapshots", "--json")); got != "[]" && got != "null" {
		t.Errorf("restic still has %s", got)
	}
	n.MustCLI("object", "restore", "locked/repo/", "--prefix", "--at", at, "--yes")
	target := filepath.Join(c.Home(), "restored")
	c.Run("restore", snapshotOf(t, id), "--target", target)
	harness.SameTree(t, src, filepath.Join(target, "src"))
	c.Run("check", "--read-data")
}

// snapshotOf cuts the first ID out of restic's list of snapshots.
func snapshotOf(t *testing.T, list string) string {
	t.Helper()
	_, rest, ok := strings.Cut(list, `"short_id":"`)
	id, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("restic lists %s", list)
	}
	return id
}
