package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rhizome/gateway/admin/api"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// TestMain builds the program once; the tests run it as a person does.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "rhizome-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "rhizome"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		os.Exit(1)
	}
	os.Setenv("RHIZOME_TEST_PROGRAM", filepath.Join(dir, "rhizome"))
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// home is a person's computer: a home folder with a data folder in it.
type home struct {
	t    *testing.T
	dir  string
	data string
	env  []string
}

func newHome(t *testing.T) *home {
	dir := t.TempDir()
	return &home{t: t, dir: dir, data: filepath.Join(dir, "data")}
}

// command returns the program with args in a bare environment.
func (h *home) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Getenv("RHIZOME_TEST_PROGRAM"), args...)
	cmd.Env = append([]string{"HOME=" + h.dir, "XDG_DATA_HOME=" + h.dir + "/share", "XDG_CONFIG_HOME=" + h.dir + "/config", "PATH=" + os.Getenv("PATH")}, h.env...)
	cmd.Dir = h.dir
	return cmd
}

// result is what a run of the program left.
type result struct {
	out, err string
	code     int
}

// run runs a command on the data folder.
func (h *home) run(args ...string) result {
	h.t.Helper()
	return h.bare(append(args, "--data", h.data)...)
}

// bare runs a command as it is.
func (h *home) bare(args ...string) result {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, msg bytes.Buffer
	cmd := h.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &msg
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		h.t.Fatal(err)
	}
	return result{out.String(), msg.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that must succeed and decodes its JSON into v, if v is not nil.
func (h *home) must(v any, args ...string) string {
	h.t.Helper()
	if v != nil {
		args = append(args, "--json")
	}
	r := h.run(args...)
	if r.code != 0 {
		h.t.Fatalf("rhizome %s: exit %d\n%s", strings.Join(args, " "), r.code, r.err)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(r.out), v); err != nil {
			h.t.Fatalf("rhizome %s wrote no JSON: %v\n%s", strings.Join(args, " "), err, r.out)
		}
	}
	return r.out
}

// refused runs a command that must fail and say want.
func (h *home) refused(want string, args ...string) {
	h.t.Helper()
	r := h.run(args...)
	if r.code == 0 || !strings.Contains(r.err, want) {
		h.t.Errorf("rhizome %s: exit %d, says %q; want a failure that says %q", strings.Join(args, " "), r.code, r.err, want)
	}
}

// running is a node at work.
type running struct {
	*home
	cmd    *exec.Cmd
	said   *bytes.Buffer // what it wrote, to be read when it ended
	ended  chan error
	status api.Status
}

// up starts a node and waits until it answers.
func (h *home) up(flags ...string) *running {
	h.t.Helper()
	r := &running{home: h, said: new(bytes.Buffer), ended: make(chan error, 1)}
	args := append([]string{"up", "--data", h.data}, flags...)
	if !strings.Contains(strings.Join(flags, " "), "--s3 ") {
		args = append(args, "--s3", "127.0.0.1:0")
	}
	r.cmd = h.command(context.Background(), args...)
	r.cmd.Stdout, r.cmd.Stderr = r.said, r.said
	if err := r.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait(); close(r.ended) }()
	h.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
	})
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got := h.run("status", "--json")
		if got.code == 0 && json.Unmarshal([]byte(got.out), &r.status) == nil {
			return r
		}
		select {
		case <-r.ended:
			h.t.Fatalf("the node ended: %s", r.said)
		case <-deadline:
			h.t.Fatalf("the node does not answer: %s", got.err)
		case <-tick.C:
		}
	}
}

// stop asks the node to end and returns its exit status.
func (r *running) stop() int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	return r.wait()
}

func (r *running) wait() int {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.t.Fatal("the node does not end")
	}
	return r.cmd.ProcessState.ExitCode()
}

// get fetches a URL, of a host if one is given.
func get(t *testing.T, url string, host ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = strings.Join(host, "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// until waits for something that the node does in the background.
func (r *running) until(done func() bool) {
	r.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			r.t.Fatal("it does not happen")
		case <-tick.C:
		}
	}
}
