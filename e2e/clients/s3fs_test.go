package clients

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// mount mounts the bucket on dir with s3fs and returns what unmounts it again.
func mount(t *testing.T, n *harness.Node, bucket, dir string) func() {
	t.Helper()
	home := t.TempDir()
	secret := harness.WriteFile(t, home, "passwd", []byte(n.Key.ID+":"+n.Key.Secret))
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("s3fs", bucket, dir, "-f", "-o", "url="+n.URL(), "-o", "use_path_request_style",
		"-o", "passwd_file="+secret, "-o", "multipart_size=10", "-o", "endpoint=us-east-1")
	cmd.Env = harness.Env(home)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("s3fs: %v (run tools/setup)", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	up := false
	harness.Eventually(t, 30*time.Second, "the bucket is mounted", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("s3fs ended: %v (it needs /dev/fuse and the right to mount)\n%s", err, out.String())
		default:
		}
		up = exec.Command("mountpoint", "-q", dir).Run() == nil
		return up
	})
	return func() {
		if !up {
			return
		}
		up = false
		if msg, err := exec.Command("fusermount3", "-u", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %v %s", err, msg)
			_ = cmd.Process.Kill()
		}
		<-ended
	}
}

func TestS3fs(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	do(t, n, &wire.Request{Method: "PUT", Path: "/s3fs"})
	dir := filepath.Join(t.TempDir(), "mnt")
	unmount := mount(t, n, "s3fs", dir)
	defer func() { unmount() }()
	large := harness.Random(1, 30<<20)
	harness.WriteFile(t, dir, "a/b c é", []byte("hello"))
	harness.WriteFile(t, dir, "a/large", large)
	harness.WriteFile(t, dir, "gone", []byte("gone"))
	must(t, os.Remove(filepath.Join(dir, "gone")))
	must(t, os.Rename(filepath.Join(dir, "a", "large"), filepath.Join(dir, "moved")))
	f, err := os.OpenFile(filepath.Join(dir, "moved"), os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.Write([]byte("appended"))
	must(t, err)
	must(t, f.Close())
	unmount()
	unmount = mount(t, n, "s3fs", dir)
	got, err := os.ReadFile(filepath.Join(dir, "moved"))
	if err != nil || !bytes.Equal(got, append(large, "appended"...)) {
		t.Errorf("after a second mount: %d bytes, %v", len(got), err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a", "b c é")); err != nil || string(got) != "hello" {
		t.Errorf("after a second mount: %q, %v", got, err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 2 {
		t.Errorf("the folder holds %v, %v", list, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
