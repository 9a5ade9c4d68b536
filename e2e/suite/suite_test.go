package suite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rhizome/e2e/harness"
)

// limit bounds one run of the suite; it takes about four minutes, most of them waiting.
const limit = 10 * time.Minute

// region is what the suite signs with; the program accepts no other, as the suite expects.
const region = "us-east-1"

func TestPlain(t *testing.T) { against(t, "plain") }

func TestVersioning(t *testing.T) { against(t, "versioning", "--versioning-enabled") }

// against runs the suite on a node of its own and compares.
func against(t *testing.T, run string, flags ...string) {
	t.Parallel()
	n := harness.Start(t, "--region", region)
	key, secret := ownersKey(t, n)
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, adminProgram)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := append([]string{"test", "-a", key, "-s", secret, "-e", n.URL(), "full-flow"}, flags...)
	cmd := exec.CommandContext(ctx, harness.Installed(t, "versitygw"), args...)
	cmd.Dir = dir
	cmd.Env = append(harness.Env(dir), "AWS_EC2_METADATA_DISABLED=true", programVar+"="+harness.Program(t), dataVar+"="+n.Dir)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err = cmd.Run()
	results := parse(out.String(), len(flags) == 0)
	if !strings.Contains(out.String(), "\nRAN: ") {
		t.Fatalf("the suite did not come to its end: %v\n%s", err, tail(errs.String()))
	}
	compare(t, run, results)
	t.Logf("%s: %s in %v", run, strings.TrimSpace(out.String()[strings.LastIndex(out.String(), "RAN: "):]), time.Since(began).Round(time.Second))
}

// ownersKey makes a key whose ID is the one of the member whose keys there are.
func ownersKey(t *testing.T, n *harness.Node) (id, secret string) {
	t.Helper()
	c := s3.New(s3.Options{Region: region, BaseEndpoint: aws.String(n.URL()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(n.Key.ID, n.Key.Secret, "")})
	out, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	id, secret = *out.Owner.ID, n.Key.Secret
	cmd := exec.Command(harness.Program(t), "key", "import", "suite", "--data", n.Dir)
	cmd.Env = append(harness.Env(t.TempDir()), "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return id, secret
}

// result is what became of one test. Some are run twice under one name: then it is the
// worse of the two.
type result struct {
	failed bool
	why    string
}

var (
	colour = regexp.MustCompile("\x1b\\[[1-9][0-9;]*m")
	plain  = "\x1b[0m"
	line   = regexp.MustCompile(`^(RUN|PASS|FAIL|SKIP) +([A-Za-z]\w+)(?:: (.*))?$`)
	litter = regexp.MustCompile(`^([A-Za-z]\w+): failed to delete the bucket: (.*)$`)
)

// parse reads what the suite wrote; every message begins with a colour, not all with a new
// line. A test that began and neither passed nor was skipped has failed, but one that says
// nothing more than that its bucket has versions left has passed if the run deletes none
// (keepsVersions), see the package comment.
func parse(out string, keepsVersions bool) map[string]result {
	results := map[string]result{}
	begun, ended, left := map[string]int{}, map[string]int{}, map[string]string{}
	out = strings.ReplaceAll(colour.ReplaceAllString(out, "\n"), plain, "")
	for l := range strings.SplitSeq(out, "\n") {
		l = strings.TrimRight(l, "\r")
		if m := litter.FindStringSubmatch(l); m != nil {
			left[m[1]] = m[2]
			if keepsVersions && strings.HasSuffix(m[2], versionsLeft) && ended[m[1]] < begun[m[1]] {
				ended[m[1]]++
			}
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		name := m[2]
		switch m[1] {
		case "RUN":
			begun[name]++
			continue
		case "FAIL":
			results[name] = result{failed: true, why: m[3]}
		}
		ended[name]++
	}
	for name := range begun {
		if r, ok := results[name]; !ok || !r.failed {
			results[name] = result{failed: ended[name] < begun[name], why: "it said nothing in the end; of its bucket: " + left[name]}
		}
	}
	return results
}

// versionsLeft ends the refusal to delete a bucket with versions in it.
const versionsLeft = "You must delete all versions in the bucket."

// compare holds the results of a run against the lists.
func compare(t *testing.T, run string, results map[string]result) {
	t.Helper()
	names, reviewed := lists(t, run)
	for name, r := range results {
		_, right := reviewed[name]
		switch {
		case !names[name]:
			t.Errorf("%s is not in names.txt", name)
		case r.failed && !right:
			t.Errorf("%s fails: %s", name, r.why)
		case !r.failed && right:
			t.Errorf("%s passes, but reviewed.txt says why it fails", name)
		}
	}
	for name := range names {
		if _, ok := results[name]; !ok {
			t.Errorf("%s is gone", name)
		}
	}
}

// lists reads the names of a run's tests and the reviewed ones among them. A line that
// begins with the name of a run and a colon is about this run only.
func lists(t *testing.T, run string) (names map[string]bool, reviewed map[string]string) {
	t.Helper()
	names, reviewed = map[string]bool{}, map[string]string{}
	read(t, "testdata/names.txt", run, func(name, _ string) { names[name] = true })
	read(t, "testdata/reviewed.txt", run, func(name, reason string) {
		if !strings.Contains(reason, "https://docs.aws.amazon.com/") && !strings.Contains(reason, notS3) {
			t.Errorf("reviewed.txt: %s has no page", name)
		}
		if !names[name] {
			t.Errorf("reviewed.txt: there is no %s", name)
		}
		if reviewed[name] != "" {
			t.Errorf("reviewed.txt: %s comes twice", name)
		}
		reviewed[name] = reason
	})
	return names, reviewed
}

// notS3 stands in the reasons of tests that are about the suite's own server.
const notS3 = "not S3:"

func read(t *testing.T, file, run string, take func(name, rest string)) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(string(b), "\n") {
		if l == "" || l[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(l, "\t")
		of, only, ok := strings.Cut(name, ":")
		switch {
		case !ok:
			take(name, rest)
		case of == run:
			take(only, rest)
		}
	}
}

func tail(s string) string {
	const most = 4000
	if len(s) > most {
		return fmt.Sprintf("…%s", s[len(s)-most:])
	}
	return s
}
