package cli

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	n := harness.Start(t, "--home", "attic")
	put(t, n, "/status", "")
	put(t, n, "/status/a", "0123456789")
	var s struct {
		Home    string
		Buckets int
		Objects int64
		Bytes   int64
		S3      struct{ Address, URL, Region string }
		Health  struct{ State string }
	}
	into(t, n, &s, "status")
	if s.Home != "attic" || s.Buckets != 1 || s.Objects != 1 || s.Bytes != 10 || s.S3.URL != n.URL() || s.S3.Region != "us-east-1" || s.Health.State != "good" {
		t.Errorf("status --json shows %+v", s)
	}
	if out := n.MustCLI("status"); !strings.Contains(out, n.URL()) {
		t.Errorf("status does not say where S3 is:\n%s", out)
	}
	must(t, n.Stop())
	if _, err := n.CLI("status"); err == nil || !strings.Contains(err.Error(), "rhizome up") {
		t.Errorf("status without a node says %v; want what to do", err)
	}
}

func TestKeysAndRights(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	put(t, n, "/mine", "")
	put(t, n, "/mine/a", "hello")
	owner := n.Key
	must(t, n.NewKey("other"))
	other := n.Key
	status := func(key wire.Key, method, path string) int {
		t.Helper()
		c := wire.Client{Target: wire.Target{Address: n.Address, Key: key}}
		defer c.Close()
		resp, err := c.Do(&wire.Request{Method: method, Path: path, Body: nil})
		must(t, err)
		return resp.Status
	}
	want := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: status %d, want %d", what, got, want)
		}
	}
	want("a key without rights reads", status(other, "GET", "/mine/a"), 403)
	n.MustCLI("bucket", "allow", "mine", "--key", other.ID, "--read")
	want("a key that may read reads", status(other, "GET", "/mine/a"), 200)
	want("a key that may read writes", status(other, "PUT", "/mine/b"), 403)
	n.MustCLI("bucket", "deny", "mine", "--key", other.ID, "--read")
	want("a key whose right was taken reads", status(other, "GET", "/mine/a"), 403)
	want("nobody reads", status(wire.Key{}, "GET", "/mine/a"), 403)
	n.MustCLI("bucket", "allow", "mine", "--anonymous", "--read")
	want("anybody reads what is open", status(wire.Key{}, "GET", "/mine/a"), 200)
	want("anybody writes what is open to read", status(wire.Key{}, "PUT", "/mine/c"), 403)
	n.MustCLI("bucket", "alias", "mine", "also-mine")
	want("a second name", status(owner, "GET", "/also-mine/a"), 200)
	n.MustCLI("bucket", "unalias", "mine", "also-mine", "--yes")
	want("a name that was taken away", status(owner, "GET", "/also-mine/a"), 404)
	if _, err := n.CLI("bucket", "unalias", "mine", "mine"); err == nil || !strings.Contains(err.Error(), "last name") {
		t.Errorf("the last name is asked about before it is refused: %v", err)
	}
	n.MustCLI("bucket", "quota", "mine", "--size", "1000")
	c := wire.Client{Target: wire.Target{Address: n.Address, Key: owner}}
	defer c.Close()
	resp, err := c.Do(&wire.Request{Method: "PUT", Path: "/mine/large", Body: make([]byte, 5000)})
	must(t, err)
	if resp.Status/100 == 2 || resp.Code() == "" {
		t.Errorf("a write over the quota: %d %s", resp.Status, resp.Body)
	}
	n.MustCLI("key", "delete", other.ID, "--yes")
	want("a deleted key reads", status(other, "GET", "/mine/a"), 403)
	if _, err := n.CLI("bucket", "allow", "mine", "--anonymous", "--write"); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("anybody may write without a question: %v", err)
	}
	for _, name := range []string{"test", "a\nb", " a", "\x1b[31m"} {
		if out, err := n.CLI("key", "create", name); err == nil {
			t.Errorf("a key named %q was made: %s", name, out)
		}
	}
	var third struct {
		ID string `json:"access_key_id"`
	}
	into(t, n, &third, "key", "create", "third")
	n.MustCLI("bucket", "create", "alone", "--key", "third")
	n.MustCLI("bucket", "allow", "mine", "--key", "third", "--read")
	var gone struct {
		Unused []string `json:"unused_buckets"`
	}
	into(t, n, &gone, "key", "delete", "third", "--yes")
	if len(gone.Unused) != 1 || gone.Unused[0] != "alone" {
		t.Errorf("deleting a bucket's only key said: %v", gone.Unused)
	}
	if out := n.MustCLI("bucket", "info", "mine", "--json"); strings.Contains(out, third.ID) {
		t.Errorf("a deleted key keeps its rights:\n%s", out)
	}
}

func TestShareAndStat(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	put(t, n, "/show", "")
	put(t, n, wire.Escape("/show/a b é"), "hello")
	var link struct{ URL string }
	into(t, n, &link, "share", "show/a b é", "--for", "1h")
	resp, err := http.Get(link.URL)
	must(t, err)
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "hello" {
		t.Errorf("the link gives %q, %v", got, err)
	}
	do(t, n, &wire.Request{Method: "PUT", Path: "/show/large", Body: harness.Random(1, 3<<20)})
	var stat struct {
		Size   int64
		Whole  bool
		Inline bool
		Pieces []struct{ Healthy bool }
	}
	into(t, n, &stat, "object", "stat", "show/large")
	if stat.Size != 3<<20 || !stat.Whole || len(stat.Pieces) != 1 || !stat.Pieces[0].Healthy {
		t.Errorf("object stat shows %+v", stat)
	}
}

// TestImport copies a bucket from one node to another, metadata included.
func TestImport(t *testing.T) {
	t.Parallel()
	from, to := harness.Start(t), harness.Start(t)
	put(t, from, "/photos", "")
	for i := range 40 {
		do(t, from, &wire.Request{Method: "PUT", Path: fmt.Sprintf("/photos/d%d/p%d", i%3, i), Body: harness.Random(uint64(i), i*20_000),
			Headers: []wire.Header{{Name: "x-amz-meta-number", Value: fmt.Sprint(i)}, {Name: "Content-Type", Value: "image/x-test"}}})
	}
	to.Env = append(to.Env, "AWS_ACCESS_KEY_ID="+from.Key.ID, "AWS_SECRET_ACCESS_KEY="+from.Key.Secret)
	for range 2 { // a second time copies nothing and is right too
		to.MustCLI("import", "s3://photos", "--endpoint", from.URL(), "--as", "pictures", "--key", to.Key.ID)
	}
	for i := range 40 {
		got := do(t, to, &wire.Request{Method: "GET", Path: fmt.Sprintf("/pictures/d%d/p%d", i%3, i)})
		if string(got.Body) != string(harness.Random(uint64(i), i*20_000)) || got.Header("x-amz-meta-number") != fmt.Sprint(i) || got.Header("content-type") != "image/x-test" {
			t.Errorf("object %d: %d bytes, %v", i, len(got.Body), got.Headers)
		}
	}
}

// TestRecoveryKit: with the kit, the disks and no key files the node comes back.
func TestRecoveryKit(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	put(t, n, "/kit", "")
	put(t, n, "/kit/a", "hello")
	out := t.TempDir()
	n.MustCLI("recovery-kit", "--out", out)
	files, err := os.ReadDir(out)
	must(t, err)
	var machine string
	for _, f := range files {
		info, err := f.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
		if strings.HasSuffix(f.Name(), ".json") {
			machine = filepath.Join(out, f.Name())
		}
	}
	if len(files) != 2 || machine == "" {
		t.Fatalf("the kit is %v, want a page and a file", files)
	}
	must(t, n.Stop())
	must(t, os.Remove(filepath.Join(n.Dir, "root.key")))
	must(t, os.Remove(filepath.Join(n.Dir, "node.key")))
	n.MustCLI("recovery-kit", "restore", machine)
	n.Start()
	if got := do(t, n, &wire.Request{Method: "GET", Path: "/kit/a"}); string(got.Body) != "hello" {
		t.Errorf("after the restore: %q", got.Body)
	}
}

// TestSettings: flag, environment, file, default, in this order; config show tells.
func TestSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := harness.WriteFile(t, dir, "rhizome.toml", []byte("home = \"from file\"\ncapacity = \"3GB\"\nregion = \"file-region\"\n"))
	n := harness.New(t, filepath.Join(dir, "data"))
	n.Env = append(n.Env, "RHIZOME_CAPACITY=2GB")
	out := n.MustCLI("config", "show", "--config", file, "--home", "from flag")
	for _, want := range []string{"from flag", "2", "file-region", "RHIZOME_CAPACITY", file} {
		if !strings.Contains(out, want) {
			t.Errorf("config show does not show %q:\n%s", want, out)
		}
	}
	bad := harness.WriteFile(t, dir, "bad.toml", []byte("capacty = \"3GB\"\n"))
	if _, err := n.CLI("config", "show", "--config", bad); err == nil || !strings.Contains(err.Error(), "capacty") {
		t.Errorf("a misspelt setting: %v", err)
	}
}

// TestWords: help for every command with examples, completion that shells accept, and
// the same in French.
func TestWords(t *testing.T) {
	t.Parallel()
	n := harness.New(t, filepath.Join(t.TempDir(), "none"))
	run := func(env string, args ...string) string {
		t.Helper()
		cmd := exec.Command(n.Bin, args...)
		cmd.Env = append(append([]string{}, n.Env...), env)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, command := range []string{"up", "status", "key", "bucket", "object", "disk", "repair", "share", "recovery-kit", "service", "import", "config", "completion"} {
		if out := run("LANG=C.UTF-8", command, "--help"); !strings.Contains(out, "Examples:") {
			t.Errorf("help of %s has no example:\n%s", command, out)
		}
	}
	if out := run("LANG=fr_FR.UTF-8", "up", "--help"); !strings.Contains(out, "Exemples") {
		t.Errorf("help in French:\n%s", out)
	}
	script := harness.WriteFile(t, t.TempDir(), "completion", []byte(run("LANG=C.UTF-8", "completion", "bash")))
	if out, err := exec.Command("bash", "-n", script).CombinedOutput(); err != nil {
		t.Errorf("bash does not take the completion: %v %s", err, out)
	}
}
