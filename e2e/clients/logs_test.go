package clients

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// accessLine is the form that AWS gives for reading the lines with a regular expression, with
// the fields that came later.
var accessLine = regexp.MustCompile(`^([^ ]+) ([^ ]+) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ("[^"]*"|-) (-|\d{3}) ([^ ]+) (-|\d+) (-|\d+) (-|\d+) (-|\d+) ("[^" ]*"|-) ("[^"]*"|-) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+)$`)

// Fields of a line, by place.
const (
	lOwner = iota
	lBucket
	lTime
	lRemote
	lRequester
	lRequest
	lOperation
	lKey
	lURI
	lStatus
	lError
	lSent
	lSize
	lTook
	lTurn
	lReferer
	lAgent
	lVersion
	lHostID
	lSignature
	lCipher
	lAuth
	lHost
)

// readLogs fetches the objects of a bucket and reads each line of them.
func readLogs(t *testing.T, c *harness.Tool, bucket, prefix string) (lines [][]string) {
	t.Helper()
	to, err := os.MkdirTemp(c.Home(), "logs")
	if err != nil {
		t.Fatal(err)
	}
	c.Run("s3", "cp", "--recursive", "s3://"+bucket+"/"+prefix, to)
	err = filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
			m := accessLine.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("no line of an access log: %s", line)
				continue
			}
			if _, err := time.Parse("02/Jan/2006:15:04:05 -0700", m[3]); err != nil {
				t.Error(err)
			}
			lines = append(lines, m[1:])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func find(lines [][]string, operation, key string) (out [][]string) {
	for _, l := range lines {
		if l[lOperation] == operation && l[lKey] == key {
			out = append(out, l)
		}
	}
	return out
}

// TestAWSLogging: what clients do of a bucket is found in another one, line by line, also after
// the node was killed.
func TestAWSLogging(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	for _, b := range []string{"garden", "logs", "copies"} {
		c.Run("s3", "mb", "s3://"+b)
	}
	harness.WriteFile(t, c.Home(), "file", []byte("0123456789"))
	status := `{"LoggingEnabled":{"TargetBucket":"%s","TargetPrefix":"garden/"}}`
	refused(t, c, "InvalidTargetBucketForLogging", "put-bucket-logging", "--bucket", "garden", "--bucket-logging-status", fmt.Sprintf(status, "nowhere"))
	api(t, c, "put-bucket-logging", "--bucket", "garden", "--bucket-logging-status", fmt.Sprintf(status, "logs"))
	got := api(t, c, "get-bucket-logging", "--bucket", "garden")
	if text := fmt.Sprint(got); !strings.Contains(text, "TargetBucket:logs") || !strings.Contains(text, "garden/") {
		t.Errorf("the status is %s", text)
	}
	n.MustCLI("bucket", "logging", "garden", "--to", "logs", "--prefix", "garden/", "--days", "event") // an older aws does not know it
	const key, escaped = "a key/é+\"", "a%20key/%C3%A9%2B%22"
	api(t, c, "put-object", "--bucket", "garden", "--key", key, "--body", "file")
	api(t, c, "get-object", "--bucket", "garden", "--key", key, "--range", "bytes=2-4", "out")
	api(t, c, "head-object", "--bucket", "garden", "--key", key)
	refused(t, c, "NoSuchKey", "get-object", "--bucket", "garden", "--key", "none", "out")
	api(t, c, "put-object", "--bucket", "garden", "--key", "b", "--body", "file")
	api(t, c, "copy-object", "--bucket", "copies", "--key", "copy", "--copy-source", "garden/b")
	api(t, c, "delete-objects", "--bucket", "garden", "--delete", `{"Objects":[{"Key":"b"},{"Key":"missing"}]}`)
	link := strings.TrimSpace(c.Run("s3", "presign", "s3://garden/"+key))
	for range 2 {
		resp, err := http.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != 200 || string(body) != "0123456789" {
			t.Fatalf("the link gives %d %s", resp.StatusCode, body)
		}
	}
	harness.Eventually(t, 20*time.Second, "lines are in a file", func() bool {
		m, _ := filepath.Glob(filepath.Join(n.Dir, "logs", "*.lines"))
		for _, f := range m {
			if text, err := os.ReadFile(f); err == nil && strings.Count(string(text), "QueryString") == 2 {
				return true
			}
		}
		return false
	})
	n.Kill()
	n.Start()
	c = aws(t, n) // it has another port
	n.MustCLI("bucket", "logging", "garden", "--now")
	if m, _ := filepath.Glob(filepath.Join(n.Dir, "logs", "*")); len(m) > 0 {
		t.Errorf("left are %q", m)
	}
	lines := readLogs(t, c, "logs", "garden/")
	one := func(operation, key string, want map[int]string) {
		t.Helper()
		for _, l := range find(lines, operation, key) {
			ok := true
			for i, w := range want {
				ok = ok && l[i] == w
			}
			if ok {
				return
			}
			t.Logf("%q", l)
		}
		t.Errorf("no line %s %s with %v", operation, key, want)
		for _, l := range lines {
			t.Logf("%s %s %s %s %s", l[lOperation], l[lKey], l[lStatus], l[lAuth], l[lSent])
		}
	}
	one("REST.PUT.OBJECT", escaped, map[int]string{lBucket: "garden", lStatus: "200", lError: "-", lSent: "-", lSize: "10", lSignature: "SigV4", lAuth: "AuthHeader", lRemote: "127.0.0.1"})
	one("REST.GET.OBJECT", escaped, map[int]string{lStatus: "206", lSent: "3", lSize: "10"})
	one("REST.HEAD.OBJECT", escaped, map[int]string{lStatus: "200", lSent: "-", lSize: "10"})
	one("REST.GET.OBJECT", "none", map[int]string{lStatus: "404", lError: "NoSuchKey", lSize: "-"})
	one("REST.COPY.OBJECT_GET", "b", map[int]string{lStatus: "200", lBucket: "garden"})
	one("REST.POST.MULTI_OBJECT_DELETE", "-", map[int]string{lStatus: "200"})
	one("BATCH.DELETE.OBJECT", "b", map[int]string{lStatus: "204", lURI: `"-"`})
	one("BATCH.DELETE.OBJECT", "missing", map[int]string{lStatus: "204"})
	one("REST.GET.LOGGING_STATUS", "-", map[int]string{lStatus: "200", lURI: `"GET /garden?logging HTTP/1.1"`})
	one("REST.GET.OBJECT", escaped, map[int]string{lStatus: "200", lAuth: "QueryString", lSent: "10"})
	for _, l := range lines {
		if strings.Contains(l[lURI], "X-Amz-Signature=") && !strings.Contains(l[lURI], "X-Amz-Signature=-") {
			t.Errorf("a signature is in the log: %s", l[lURI])
		}
		if !strings.HasSuffix(l[lRequester], "user/"+n.Key.ID) {
			t.Errorf("asked by %s", l[lRequester])
		}
	}
	keys := c.Run("s3api", "list-objects-v2", "--bucket", "logs", "--query", "Contents[].Key", "--output", "text")
	day := time.Now().UTC()
	form := regexp.MustCompile(`^garden/` + lines[0][lOwner] + `/us-east-1/garden/` + day.Format("2006/01/02/2006-01-02") + `-00-00-00-[0-9A-F]{16}$`)
	if !form.MatchString(strings.Fields(keys)[0]) && day.Hour() > 0 {
		t.Errorf("the keys are %s", keys)
	}
	// Who may not be written to.
	api(t, c, "put-bucket-policy", "--bucket", "logs", "--policy",
		`{"Statement":{"Effect":"Deny","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*"}}`)
	c.Run("s3", "ls", "s3://garden")
	if _, err := n.CLI("bucket", "logging", "garden", "--now"); err == nil || !strings.Contains(err.Error(), "denies") {
		t.Errorf("a log that its target denies: %v", err)
	}
	if said := n.MustCLI("bucket", "info", "garden"); !strings.Contains(said, "may not write") {
		t.Errorf("the bucket's state is %s", said)
	}
	api(t, c, "delete-bucket-policy", "--bucket", "logs")
	n.MustCLI("bucket", "logging", "garden", "--now")
	if len(find(readLogs(t, c, "logs", "garden/"), "REST.GET.BUCKET", "-")) == 0 {
		t.Error("what waited was not written")
	}
	n.MustCLI("bucket", "logging", "garden", "--off")
}

// TestAWSInventory: an inventory is the same as a full list with versions.
func TestAWSInventory(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := aws(t, n)
	c.Run("s3", "mb", "s3://garden")
	c.Run("s3", "mb", "s3://lists")
	api(t, c, "put-bucket-versioning", "--bucket", "garden", "--versioning-configuration", "Status=Enabled")
	src := filepath.Join(c.Home(), "src")
	for i := range 60 {
		harness.WriteFile(t, src, fmt.Sprintf("d %d/é%d", i%7, i), harness.Random(uint64(i), 100+i))
	}
	c.Run("s3", "cp", "--recursive", "src", "s3://garden/")
	c.Run("s3", "cp", "--recursive", "src/d 1", "s3://garden/d 1")
	c.Run("s3", "rm", "--recursive", "s3://garden/d 2")
	harness.WriteFile(t, c.Home(), "large", harness.Random(1, 20<<20))
	c.Run("s3", "cp", "large", "s3://garden/large")
	conf := `{"Destination":{"S3BucketDestination":{"Bucket":"arn:aws:s3:::%s","Format":"%s","Prefix":"inv"}},"IsEnabled":true,"Id":"all",` +
		`"IncludedObjectVersions":"All","OptionalFields":["Size","LastModifiedDate","ETag","StorageClass","IsMultipartUploaded"],"Schedule":{"Frequency":"Daily"}}`
	put := []string{"put-bucket-inventory-configuration", "--bucket", "garden", "--id", "all", "--inventory-configuration"}
	refused(t, c, "NotImplemented", append(put, fmt.Sprintf(conf, "lists", "Parquet"))...)
	refused(t, c, "InvalidS3DestinationBucket", append(put, fmt.Sprintf(conf, "nowhere", "CSV"))...)
	api(t, c, append(put, fmt.Sprintf(conf, "lists", "CSV"))...)
	if got := fmt.Sprint(api(t, c, "list-bucket-inventory-configurations", "--bucket", "garden")); !strings.Contains(got, "IsMultipartUploaded") {
		t.Errorf("the configurations are %s", got)
	}
	n.MustCLI("bucket", "inventory", "garden", "--name", "all", "--now")
	rows, schema := readInventory(t, c, "lists", "inv/garden/all/")
	if want := "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded"; schema != want {
		t.Errorf("the schema is %s", schema)
	}
	var have, want []string
	for _, r := range rows {
		key, err := url.QueryUnescape(r[1])
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, r[6])
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, strings.Join([]string{r[0], key, r[2], r[3], r[4], r[5], at.Format(time.RFC3339), r[7]}, " "))
	}
	all := api(t, c, "list-object-versions", "--bucket", "garden")
	for _, kind := range []string{"Versions", "DeleteMarkers"} {
		for _, v := range all[kind].([]any) {
			v := v.(map[string]any)
			size, etag := "", ""
			if kind == "Versions" {
				size, etag = fmt.Sprint(int64(v["Size"].(float64))), strings.Trim(v["ETag"].(string), `"`)
			}
			at, err := time.Parse(time.RFC3339, v["LastModified"].(string))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, strings.Join([]string{"garden", v["Key"].(string), v["VersionId"].(string), fmt.Sprint(v["IsLatest"]),
				fmt.Sprint(kind == "DeleteMarkers"), size, at.UTC().Truncate(time.Second).Format(time.RFC3339), etag}, " "))
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if len(want) < 70 || !slices.Equal(have, want) {
		t.Errorf("the inventory has %d rows, the list %d:\n%s\n%s", len(have), len(want), strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	n.MustCLI("bucket", "inventory", "garden", "--to", "lists", "--name", "now", "--only", "d 1/", "--now")
	rows, _ = readInventory(t, c, "lists", "garden/now/")
	if len(rows) != 9 {
		t.Errorf("%d current objects of one folder", len(rows))
	}
	api(t, c, "delete-bucket-inventory-configuration", "--bucket", "garden", "--id", "all")
	refused(t, c, "NoSuchConfiguration", "get-bucket-inventory-configuration", "--bucket", "garden", "--id", "all")
	n.MustCLI("bucket", "inventory", "garden", "--name", "now", "--off")
}

// readInventory reads the last inventory in a folder by its manifest.
func readInventory(t *testing.T, c *harness.Tool, bucket, folder string) (rows [][]string, schema string) {
	t.Helper()
	to := filepath.Join(c.Home(), "inventory", folder)
	c.Run("s3", "cp", "--recursive", "s3://"+bucket+"/"+folder, to)
	found, err := filepath.Glob(filepath.Join(to, "????-??-??T??-??Z", "manifest.json"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no manifest: %v", err)
	}
	text, err := os.ReadFile(found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(strings.Replace(found[len(found)-1], ".json", ".checksum", 1))
	if err != nil {
		t.Fatal(err)
	}
	if want := md5.Sum(text); strings.TrimSpace(string(sum)) != hex.EncodeToString(want[:]) {
		t.Errorf("the checksum is %s", sum)
	}
	var m struct {
		SourceBucket, DestinationBucket, Version, CreationTimestamp, FileFormat, FileSchema string
		Files                                                                               []struct {
			Key, MD5checksum string
			Size             int64
		}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if m.SourceBucket != "garden" || m.DestinationBucket != "arn:aws:s3:::"+bucket || m.Version != "2016-11-30" || m.FileFormat != "CSV" {
		t.Errorf("the manifest is %s", text)
	}
	for _, f := range m.Files {
		name := filepath.Join(to, strings.TrimPrefix(f.Key, folder))
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := md5.Sum(raw); hex.EncodeToString(got[:]) != f.MD5checksum || int64(len(raw)) != f.Size {
			t.Errorf("%s is not what the manifest says", f.Key)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		part, err := csv.NewReader(z).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, part...)
	}
	return rows, m.FileSchema
}
