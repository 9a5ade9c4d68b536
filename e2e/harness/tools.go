package harness

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// toolTimeout bounds one run of a client.
const toolTimeout = 10 * time.Minute

// Tool is a client program with the environment it needs.
type Tool struct {
	t    testing.TB
	name string
	home string
	env  []string
	pre  []string
}

// NewTool returns a client that runs in a home folder of its own, with the environment
// given beside the usual, and with arguments that precede all others.
func NewTool(t testing.TB, name string, env []string, pre ...string) *Tool {
	t.Helper()
	home := t.TempDir()
	return &Tool{t: t, name: name, home: home, env: append(Env(home), env...), pre: pre}
}

// Home is the folder in which the client runs.
func (c *Tool) Home() string { return c.home }

// Run runs the client and returns all it wrote; it must succeed.
func (c *Tool) Run(args ...string) string {
	c.t.Helper()
	out, err := c.Try(args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// Try runs the client and returns all it wrote, and an error if it failed.
func (c *Tool) Try(args ...string) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), toolTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, Installed(c.t, c.name), append(append([]string{}, c.pre...), args...)...)
	cmd.Env, cmd.Dir = c.env, c.home
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", c.name, strings.Join(args, " "), err, tail(out, 4000))
	}
	return string(out), err
}

// Installed returns the path of a program that tools/setup installs.
func Installed(t testing.TB, name string) string {
	t.Helper()
	path := strings.TrimPrefix(Env("")[0], "PATH=")
	for dir := range strings.SplitSeq(path, ":") {
		if p := filepath.Join(dir, name); isProgram(p) {
			return p
		}
	}
	t.Fatalf("%s is not installed: run tools/setup", name)
	return ""
}

func isProgram(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func tail(b []byte, max int) []byte {
	if len(b) > max {
		return b[len(b)-max:]
	}
	return b
}

// Random returns n bytes that cannot be compressed, the same for the same seed.
func Random(seed uint64, n int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

// WriteFile writes a file below dir, folders included, and returns its path.
func WriteFile(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// SameTree fails the test unless both folders hold the same files with the same bytes.
func SameTree(t testing.TB, want, got string) {
	t.Helper()
	a, b := tree(t, want), tree(t, got)
	for name, data := range a {
		if other, ok := b[name]; !ok {
			t.Errorf("%s is missing", name)
		} else if other != data {
			t.Errorf("%s differs: %d bytes, want %d", name, len(other), len(data))
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			t.Errorf("%s is too many", name)
		}
	}
}

func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		name, _ := filepath.Rel(root, p)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Eventually waits until ok, asked again and again, says yes; it fails the test with
// what is awaited when time is up.
func Eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("after %v still not so: %s", limit, what)
		case <-tick.C:
		}
	}
}
