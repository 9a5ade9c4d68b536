package cli

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do sends a request to the node that must be answered with 2xx.
func do(t *testing.T, n *harness.Node, r *wire.Request) *wire.Response {
	t.Helper()
	c := wire.Client{Target: n.Target()}
	defer c.Close()
	resp, err := c.Must(r)
	must(t, err)
	return resp
}

func put(t *testing.T, n *harness.Node, path, body string) {
	t.Helper()
	do(t, n, &wire.Request{Method: "PUT", Path: path, Body: []byte(body)})
}

// into reads the JSON that a command writes.
func into(t *testing.T, n *harness.Node, v any, args ...string) {
	t.Helper()
	out := n.MustCLI(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("%v wrote %q: %v", args, out, err)
	}
}

// TestFirstStart: the first start makes what is needed, says where S3 is, and tells the
// secret to nobody but the owner.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	said := n.LogTail(1 << 20)
	if !strings.Contains(said, n.Address) {
		t.Errorf("the first start does not say where S3 is:\n%s", said)
	}
	info, err := os.Stat(n.Dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder has mode %v", info.Mode())
	}
	must(t, filepath.WalkDir(n.Dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && strings.Contains(d.Name(), "key") && info.Mode().IsRegular() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
		return err
	}))
	var keys []struct {
		ID string `json:"access_key_id"`
	}
	into(t, n, &keys, "key", "list")
	if len(keys) != 2 {
		t.Fatalf("key list shows %v, want the first key and the test's", keys)
	}
	for _, k := range keys {
		var key struct {
			Secret string `json:"secret_access_key"`
		}
		into(t, n, &key, "key", "show", k.ID, "--secret")
		if key.Secret == "" || strings.Contains(said, key.Secret) {
			t.Errorf("key %s: the secret %q is empty, or was written where it is no terminal", k.ID, key.Secret)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	_, err := n.CLI("up", "--s3", "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), n.Dir) {
		t.Errorf("a second process on the same folder: %v; want a refusal that names it", err)
	}
	put(t, n, "/still", "")
}

// TestTerminated: SIGTERM lets a request in flight finish, refuses new ones, and ends the
// process soon.
func TestTerminated(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	put(t, n, "/term", "")
	body := harness.Random(1, 3<<20)
	c, err := wire.Dial(n.Target())
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(time.Minute)))
	// The server says "100 Continue" once it reads the body: from then on the request is in
	// flight, which a connection that waits to be accepted is not.
	flight := &wire.Request{Method: "PUT", Path: "/term/flight", Body: body, Headers: []wire.Header{{Name: "Expect", Value: "100-continue"}}}
	_, err = c.Write(c.Head(nil, flight, time.Now()))
	must(t, err)
	answers := bufio.NewReader(c)
	line, err := answers.ReadString('\n')
	if err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("the request in flight: %q, %v; want to be told to go on", line, err)
	}
	_, err = answers.ReadString('\n') // the empty line after it
	must(t, err)
	_, err = c.Write(body[:1<<20])
	must(t, err)
	idle, err := net.Dial("tcp", n.Address)
	must(t, err)
	defer idle.Close()
	began := time.Now()
	must(t, n.Signal(syscall.SIGTERM))
	harness.Eventually(t, 10*time.Second, "no new connection is taken", func() bool {
		conn, err := net.Dial("tcp", n.Address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	_, err = c.Write(body[1<<20:])
	must(t, err)
	resp, err := http.ReadResponse(answers, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the request in flight: %v, %v", resp, err)
	}
	select {
	case err := <-n.Ended():
		if err != nil {
			t.Errorf("the process ended with %v", err)
		}
	case <-time.After(12*time.Second - time.Since(began)):
		t.Error("the process did not end in ten seconds")
	}
	again := harness.New(t, n.Dir)
	again.Key = n.Key
	again.Start()
	if got := do(t, again, &wire.Request{Method: "GET", Path: "/term/flight"}); string(got.Body) != string(body) {
		t.Error("the request in flight was acknowledged, but its bytes are not there")
	}
}

// TestTerminatedDespiteClients: a client that does not go on does not hold the end up.
func TestTerminatedDespiteClients(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	put(t, n, "/term", "")
	c, err := wire.Dial(n.Target())
	must(t, err)
	defer c.Close()
	_, err = c.Write(c.Head(nil, &wire.Request{Method: "PUT", Path: "/term/stuck", Body: make([]byte, 1<<20)}, time.Now()))
	must(t, err)
	must(t, n.Signal(syscall.SIGTERM))
	select {
	case err := <-n.Ended():
		if err != nil {
			t.Errorf("the process ended with %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Error("the process did not end")
	}
	_, _ = io.Copy(io.Discard, c)
}
