package harness

import (
	"os"
	"path/filepath"
	"testing"

	"rhizome/bench/store"
)

// Node is one running store that belongs to a test.
type Node struct {
	*store.Process
	t testing.TB
}

// Start starts a node with an empty data folder and the given flags, and makes a key.
func Start(t testing.TB, flags ...string) *Node {
	t.Helper()
	return StartIn(t, filepath.Join(t.TempDir(), "data"), flags...)
}

// StartIn is Start with a data folder that the caller chose.
func StartIn(t testing.TB, dir string, flags ...string) *Node {
	t.Helper()
	n := New(t, dir, flags...)
	n.Start()
	if n.Key.ID == "" {
		if err := n.NewKey("test"); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// New returns a node that is not started yet.
func New(t testing.TB, dir string, flags ...string) *Node {
	t.Helper()
	home := t.TempDir()
	p := &store.Process{Bin: Program(t), Dir: dir, Flags: flags, Env: Env(home), Log: filepath.Join(home, "log")}
	if foreign := os.Getenv("RHIZOME_FOREIGN"); foreign != "" {
		p.Bin, p.Foreign = foreign, true
	}
	n := &Node{Process: p, t: t}
	t.Cleanup(func() {
		n.Kill()
		if t.Failed() {
			t.Logf("the node's last words:\n%s", n.LogTail(4000))
		}
	})
	return n
}

// Start starts the node's process; it must come up.
func (n *Node) Start() {
	n.t.Helper()
	if err := n.Up(); err != nil {
		n.t.Fatal(err)
	}
}

// Restart kills the process and starts it again on the same folder.
func (n *Node) Restart() {
	n.t.Helper()
	n.Kill()
	n.Start()
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

// Usage returns the bytes that the data folder takes on the disk.
func (n *Node) Usage() int64 {
	n.t.Helper()
	sum, err := store.Usage(n.Dir)
	if err != nil {
		n.t.Fatal(err)
	}
	return sum
}
