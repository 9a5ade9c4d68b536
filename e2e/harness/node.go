package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rhizome/bench/wire"
)

// Node is one running store.
type Node struct {
	Dir     string // data folder
	Address string // of S3, host:port; changes at each start
	Key     wire.Key

	t     testing.TB
	bin   string
	flags []string
	home  string
	log   string
	cmd   *exec.Cmd
	ended chan error
}

// startTimeout is how long a node may take to answer, and to end when asked.
const startTimeout = time.Minute

// Start starts a node with an empty data folder and the given flags, and makes a key.
func Start(t testing.TB, flags ...string) *Node {
	t.Helper()
	return StartIn(t, filepath.Join(t.TempDir(), "data"), flags...)
}

// StartIn is Start with a data folder that the caller made or will fill.
func StartIn(t testing.TB, dir string, flags ...string) *Node {
	t.Helper()
	n := New(t, dir, flags...)
	if err := n.Up(); err != nil {
		t.Fatal(err)
	}
	if n.Key.ID == "" {
		n.Key = n.NewKey("test")
	}
	return n
}

// New returns a node that is not started yet.
func New(t testing.TB, dir string, flags ...string) *Node {
	t.Helper()
	home := t.TempDir()
	n := &Node{Dir: dir, t: t, bin: Program(t), flags: flags, home: home, log: filepath.Join(home, "log")}
	t.Cleanup(func() {
		n.Kill()
		if t.Failed() {
			t.Logf("the node's last words:\n%s", n.LogTail(4000))
		}
	})
	return n
}

// Up starts the process and waits until S3 answers. It fails with what the process said
// if it ends before.
func (n *Node) Up() error {
	if foreign := os.Getenv("RHIZOME_FOREIGN"); foreign != "" {
		return n.upForeign(foreign)
	}
	args := append([]string{"up", "--data", n.Dir, "--s3", "127.0.0.1:0"}, n.flags...)
	if err := n.spawn(n.bin, args, nil); err != nil {
		return err
	}
	return n.await(func() bool {
		var status struct {
			S3 struct{ Address string } `json:"s3"`
		}
		out, err := n.CLI("status", "--json")
		if err != nil || json.Unmarshal([]byte(out), &status) != nil || status.S3.Address == "" {
			return false
		}
		n.Address = status.S3.Address
		return n.answers()
	})
}

func (n *Node) spawn(bin string, args, env []string) error {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	n.cmd = exec.Command(bin, args...)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	n.cmd.Env = append(Env(n.home), env...)
	if err := n.cmd.Start(); err != nil {
		return err
	}
	cmd, ended := n.cmd, make(chan error, 1)
	n.ended = ended
	go func() { ended <- cmd.Wait(); close(ended) }()
	return nil
}

// await waits until ready says so, the process ends, or time is up.
func (n *Node) await(ready func() bool) error {
	deadline := time.After(startTimeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case err := <-n.ended:
			n.cmd = nil
			return fmt.Errorf("the program ended before it was ready: %w\n%s", err, n.LogTail(4000))
		case <-deadline:
			return fmt.Errorf("the program was not ready after %v\n%s", startTimeout, n.LogTail(4000))
		case <-tick.C:
		}
	}
	return nil
}

// answers reports whether S3 answers anything at all.
func (n *Node) answers() bool {
	c, err := wire.Dial(wire.Target{Address: n.Address})
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = c.Do(&wire.Request{Method: "GET", Path: "/"})
	return err == nil
}

// Kill ends the process at once, as a power cut does to it, and waits for its end.
func (n *Node) Kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	<-n.ended
	n.cmd = nil
}

// Stop asks the process to end and returns how it ended; it is killed when it does not.
func (n *Node) Stop() error {
	if n.cmd == nil {
		return errors.New("not running")
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-n.ended:
		n.cmd = nil
		return err
	case <-time.After(startTimeout):
		n.Kill()
		return errors.New("the program did not end when asked")
	}
}

// Restart kills the process and starts it again on the same folder.
func (n *Node) Restart() {
	n.t.Helper()
	n.Kill()
	if err := n.Up(); err != nil {
		n.t.Fatal(err)
	}
}

// Pid returns the process's number.
func (n *Node) Pid() int { return n.cmd.Process.Pid }

// Ended is closed, after one error, when the process has ended by itself.
func (n *Node) Ended() <-chan error { return n.ended }

// Signal sends the process a signal.
func (n *Node) Signal(s os.Signal) error { return n.cmd.Process.Signal(s) }

// CLI runs a command of the program on this node's folder and returns what it wrote to
// its standard output; the error holds what it wrote to the other.
func (n *Node) CLI(args ...string) (string, error) {
	cmd := exec.Command(n.bin, append(args, "--data", n.Dir)...)
	cmd.Env = Env(n.home)
	var out, msg strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("rhizome %s: %w: %s", strings.Join(args, " "), err, msg.String())
	}
	return out.String(), nil
}

// MustCLI is CLI for commands that must succeed.
func (n *Node) MustCLI(args ...string) string {
	n.t.Helper()
	out, err := n.CLI(args...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

// NewKey makes a key on the node.
func (n *Node) NewKey(name string) wire.Key {
	n.t.Helper()
	var key struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
	}
	out := n.MustCLI("key", "create", name, "--json")
	if err := json.Unmarshal([]byte(out), &key); err != nil || key.ID == "" || key.Secret == "" {
		n.t.Fatalf("key create --json wrote %q: %v", out, err)
	}
	return wire.Key{ID: key.ID, Secret: key.Secret}
}

// Target says how to reach the node with its key.
func (n *Node) Target() wire.Target { return wire.Target{Address: n.Address, Key: n.Key} }

// URL is the S3 endpoint.
func (n *Node) URL() string { return "http://" + n.Address }

// LogTail returns the last max bytes that the process wrote.
func (n *Node) LogTail(max int) string {
	b, _ := os.ReadFile(n.log)
	if len(b) > max {
		b = b[len(b)-max:]
	}
	return string(b)
}
