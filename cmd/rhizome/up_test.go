package main

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/gateway/admin/api"
)

// firstKey reads the file that the first start leaves when it has no terminal.
func firstKey(t *testing.T, data string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(data, "first-key.txt"))
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	for _, line := range strings.Split(string(raw), "\n") {
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			vars[name] = value
		}
	}
	return vars
}

// s3 is a client of the node with its first key.
func (r *running) s3() *minio.Client {
	r.t.Helper()
	k := firstKey(r.t, r.data)
	c, err := minio.New(r.status.S3.Address, &minio.Options{
		Creds: credentials.NewStaticV4(k["AWS_ACCESS_KEY_ID"], k["AWS_SECRET_ACCESS_KEY"], ""),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func TestFirstStartNeedsNothing(t *testing.T) {
	n := newHome(t).up()
	if n.status.S3.Address == "" || strings.HasSuffix(n.status.S3.Address, ":0") || n.status.S3.URL != "http://"+n.status.S3.Address {
		t.Errorf("the status does not tell the address in use: %+v", n.status.S3)
	}
	k := firstKey(t, n.data)
	if err := n.s3().MakeBucket(t.Context(), "photos", minio.MakeBucketOptions{}); err != nil {
		t.Errorf("the first key cannot make a bucket: %v", err)
	}
	if code := n.stop(); code != 0 {
		t.Errorf("exit %d after SIGTERM:\n%s", code, n.said)
	}
	for _, want := range []string{n.status.S3.URL, n.data, "first-key.txt", k["AWS_ACCESS_KEY_ID"], "aws --endpoint-url", "rclone", "--secret --data " + n.data, "rhizome recovery-kit --data " + n.data} {
		if !strings.Contains(n.said.String(), want) {
			t.Errorf("the first start does not say %q:\n%s", want, n.said)
		}
	}
	if strings.Contains(n.said.String(), k["AWS_SECRET_ACCESS_KEY"]) {
		t.Error("the secret was written where there is no terminal")
	}
}

func TestSecondStartKeepsEverything(t *testing.T) {
	h := newHome(t)
	n := h.up()
	key := firstKey(t, h.data)
	if err := n.s3().MakeBucket(t.Context(), "photos", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if code := n.stop(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	again := h.up()
	if again.status.Node != n.status.Node || again.status.Rhizome != n.status.Rhizome || again.status.Buckets != 1 || again.status.Keys != 1 {
		t.Errorf("before %+v, after %+v", n.status, again.status)
	}
	if firstKey(t, h.data)["AWS_ACCESS_KEY_ID"] != key["AWS_ACCESS_KEY_ID"] {
		t.Error("the second start made another first key")
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	n := newHome(t).up()
	modes := map[string]fs.FileMode{".": 0o700, "node.key": 0o600, "root.key": 0o600, "first-key.txt": 0o600, "admin.sock": 0o600}
	for name, want := range modes {
		info, err := os.Stat(filepath.Join(n.data, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestSecretsStandNowhereInClear(t *testing.T) {
	h := newHome(t)
	n := h.up("--log-level", "debug")
	var k api.Key
	h.must(&k, "key", "create", "laptop")
	h.must(nil, "recovery-kit", "--out", h.dir)
	secrets := []string{k.Secret, firstKey(t, h.data)["AWS_SECRET_ACCESS_KEY"]}
	n.stop()
	for _, s := range secrets {
		if strings.Contains(n.said.String(), s) {
			t.Error("a secret stands in the log")
		}
	}
	_ = filepath.WalkDir(h.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "first-key.txt" {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, s := range secrets {
			if strings.Contains(string(raw), s) {
				t.Errorf("a secret stands in clear in %s", path)
			}
		}
		return err
	})
}

func TestSecondProcessIsRefused(t *testing.T) {
	h := newHome(t)
	n := h.up()
	r := h.run("up", "--s3", "127.0.0.1:0")
	if r.code == 0 || !strings.Contains(r.err, "process "+strconv.Itoa(n.cmd.Process.Pid)) || !strings.Contains(r.err, h.data) {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	h.must(nil, "status")
}

func TestAddressInUseIsRefused(t *testing.T) {
	n := newHome(t).up()
	other := newHome(t)
	other.refused("S3 cannot listen on "+n.status.S3.Address, "up", "--s3", n.status.S3.Address)
	again := other.up()
	if again.status.Keys != 1 || firstKey(t, other.data)["AWS_SECRET_ACCESS_KEY"] == "" {
		t.Error("after a start that failed nobody is told of the first key")
	}
}

// TestSomebodysFolderIsLeftAlone: a folder with other files is no data folder.
func TestSomebodysFolderIsLeftAlone(t *testing.T) {
	h := newHome(t)
	if err := os.MkdirAll(h.data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.data, "garden.jpg"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.refused("holds other files (garden.jpg)", "up", "--s3", "127.0.0.1:0")
	info, err := os.Stat(h.data)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(h.data)
	if err != nil || len(left) != 1 || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v (%v)", info.Mode(), left, err)
	}
}

func TestMissingRootKeyIsNeverReplaced(t *testing.T) {
	h := newHome(t)
	n := h.up()
	var kit struct{ File string }
	h.must(&kit, "recovery-kit", "--out", h.dir)
	n.stop()
	before, err := os.ReadFile(filepath.Join(h.data, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(h.data, "root.key")); err != nil {
		t.Fatal(err)
	}
	h.refused("recovery-kit restore", "up", "--s3", "127.0.0.1:0")
	h.must(nil, "recovery-kit", "restore", kit.File)
	after, err := os.ReadFile(filepath.Join(h.data, "root.key"))
	if err != nil || string(after) != string(before) {
		t.Fatalf("the kit brought back another key (%v)", err)
	}
	h.up()
}

func TestKitNeverReplacesAnotherKey(t *testing.T) {
	one, two := newHome(t), newHome(t)
	a, b := one.up(), two.up()
	var kit struct{ File string }
	one.must(&kit, "recovery-kit", "--out", one.dir)
	a.stop()
	b.stop()
	two.refused("another rhizome", "recovery-kit", "restore", kit.File)
}

func TestLongDataPath(t *testing.T) {
	h := newHome(t)
	h.data = filepath.Join(h.dir, strings.Repeat("long-", 30), "data")
	n := h.up()
	if n.status.Data != h.data {
		t.Errorf("data folder %s", n.status.Data)
	}
}

// slowUpload begins a PUT and sends the head and half of the body.
func slowUpload(t *testing.T, n *running, half, rest []byte) (finish func() (*http.Response, error)) {
	t.Helper()
	url, err := n.s3().PresignedPutObject(t.Context(), "photos", "slow", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pr, pw := io.Pipe()
	req, err := http.NewRequest("PUT", url.String(), pr)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(half) + len(rest))
	req.Header.Set("Expect", "100-continue") // the body is taken once the request is being served
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	t.Cleanup(client.CloseIdleConnections)
	type answer struct {
		resp *http.Response
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		resp, err := client.Do(req)
		done <- answer{resp, err}
	}()
	if _, err := pw.Write(half); err != nil { // returns once the server wants it
		t.Fatal(err)
	}
	return func() (*http.Response, error) {
		_, _ = pw.Write(rest)
		_ = pw.Close()
		a := <-done
		return a.resp, a.err
	}
}

func TestSIGTERMFinishesWhatIsUnderWay(t *testing.T) {
	h := newHome(t)
	n := h.up()
	if err := n.s3().MakeBucket(t.Context(), "photos", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	finish := slowUpload(t, n, make([]byte, 3<<20), make([]byte, 1<<20))
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitRefused(t, n.status.S3.Address)
	resp, err := finish()
	if err != nil {
		t.Fatalf("the upload was cut off: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the upload was answered %s", resp.Status)
	}
	if code := n.wait(); code != 0 {
		t.Errorf("exit %d:\n%s", code, n.said)
	}
	again := h.up()
	if again.status.Objects != 1 || again.status.Bytes != 4<<20 {
		t.Errorf("%d objects of %d bytes were kept", again.status.Objects, again.status.Bytes)
	}
}

func TestSIGTERMDoesNotWaitForEver(t *testing.T) {
	n := newHome(t).up()
	if err := n.s3().MakeBucket(t.Context(), "photos", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	finish := slowUpload(t, n, make([]byte, 3<<20), make([]byte, 1<<20))
	if code := n.stop(); code != 0 {
		t.Errorf("exit %d:\n%s", code, n.said)
	}
	if resp, err := finish(); err == nil {
		resp.Body.Close()
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	n := newHome(t).up()
	if err := n.s3().MakeBucket(t.Context(), "photos", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	finish := slowUpload(t, n, make([]byte, 3<<20), make([]byte, 1<<20))
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitRefused(t, n.status.S3.Address)
	// Of signals within a second only the first counts.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-n.ended:
			ended = true
		case <-tick.C:
			_ = n.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	if code := n.wait(); code != 130 {
		t.Errorf("exit %d", code)
	}
	if resp, err := finish(); err == nil {
		resp.Body.Close()
	}
}

// waitRefused waits until nobody listens at the address.
func waitRefused(t *testing.T, address string) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		c.Close()
		select {
		case <-deadline:
			t.Fatal("the node goes on listening")
		case <-tick.C:
		}
	}
}

func TestKillIsSafe(t *testing.T) {
	h := newHome(t)
	n := h.up()
	c := n.s3()
	if err := c.MakeBucket(t.Context(), "photos", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		body := strings.NewReader(strings.Repeat("x", 100000*i))
		if _, err := c.PutObject(t.Context(), "photos", fmt.Sprint(i), body, body.Size(), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	n.wait()
	again := h.up()
	if again.status.Objects != 5 || again.status.Bytes != 1000000 {
		t.Errorf("%d objects of %d bytes are left", again.status.Objects, again.status.Bytes)
	}
}

// TestKitCountsOnceItIsWritten: until then the kits that exist stay of no use.
func TestKitCountsOnceItIsWritten(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "recovery-kit", "--out", h.dir)
	mark := filepath.Join(h.data, "kit.outdated")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.refused("there is no folder", "recovery-kit", "--out", filepath.Join(h.dir, "none"))
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("no kit was written: %v", err)
	}
	h.must(nil, "recovery-kit", "--out", t.TempDir())
	if _, err := os.Stat(mark); !os.IsNotExist(err) {
		t.Errorf("a kit was written: %v", err)
	}
}
