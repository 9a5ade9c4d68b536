package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sys/unix"

	"rhizome/gateway/admin/api"
)

// screen is a pseudo-terminal with a program on it.
type screen struct {
	t       *testing.T
	master  *os.File
	mu      sync.Mutex
	seen    bytes.Buffer
	ended   chan error
	program *os.Process
	read    chan struct{}
}

// onTerminal runs a command with a terminal for all its streams.
func (h *home) onTerminal(args ...string) *screen {
	h.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		h.t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		h.t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	defer slave.Close()
	s := &screen{t: h.t, master: master, ended: make(chan error, 1), read: make(chan struct{})}
	cmd := h.command(context.Background(), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append(cmd.Env, "TERM=xterm")
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	s.program = cmd.Process
	go func() { s.ended <- cmd.Wait(); close(s.ended) }()
	go s.watch()
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-s.ended
		master.Close()
		<-s.read
	})
	return s
}

func (s *screen) watch() {
	defer close(s.read)
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.seen.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

// expect waits until the screen shows what a pattern matches, and returns the match.
func (s *screen) expect(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if m := re.FindStringSubmatch(s.text()); m != nil {
			return m
		}
		select {
		case <-deadline:
			s.t.Fatalf("the terminal does not show %s:\n%s", pattern, s.text())
		case <-tick.C:
		}
	}
}

func (s *screen) typeIn(line string) {
	if _, err := s.master.WriteString(line + "\n"); err != nil {
		s.t.Fatal(err)
	}
}

func TestOnATerminalTheSecretIsShownAndNotKept(t *testing.T) {
	h := newHome(t)
	s := h.onTerminal("up", "--data", h.data, "--s3", "127.0.0.1:0")
	m := s.expect(`AWS_ACCESS_KEY_ID=(\S+) AWS_SECRET_ACCESS_KEY=([0-9a-f]{64})`)
	if _, err := os.Stat(filepath.Join(h.data, "first-key.txt")); !os.IsNotExist(err) {
		t.Errorf("the key was kept in a file too: %v", err)
	}
	var k struct {
		Secret string `json:"secret_access_key"`
	}
	if h.must(&k, "key", "show", m[1], "--secret"); k.Secret != m[2] {
		t.Error("the terminal shows another secret")
	}
}

func TestQuestionsOnATerminal(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "bucket", "create", "photos")
	no := h.onTerminal("bucket", "delete", "photos", "--data", h.data)
	no.expect(`Delete the bucket "photos"\? \[y/N\] `)
	no.typeIn("n")
	no.expect("nothing was done")
	h.must(nil, "bucket", "info", "photos")
	h.env = []string{"LANG=fr_FR.UTF-8"}
	yes := h.onTerminal("bucket", "delete", "photos", "--data", h.data)
	yes.expect(`\[o/N\] `)
	yes.typeIn("oui")
	yes.expect("est supprimé")
}

// TestCtrlCEndsAtAQuestion at once, and what is typed is seen again after a secret.
func TestCtrlCEndsAtAQuestion(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "bucket", "create", "photos")
	for prompt, args := range map[string][]string{
		`\[y/N\] `:            {"bucket", "delete", "photos"},
		`Access key ID: `:     {"key", "import", "website"},
		`Secret access key: `: {"remote", "add", "offsite", "--endpoint", "https://s3.example.org", "--access-key", "GK123"},
	} {
		s := h.onTerminal(append(args, "--data", h.data)...)
		s.expect(prompt)
		for hidden := strings.Contains(prompt, "Secret"); hidden; { // it is asked before the terminal is told to hide what is typed
			state, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			hidden = state.Lflag&unix.ECHO != 0
		}
		if err := s.program.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		s.expect("nothing was done")
		if err := <-s.ended; err == nil || err.Error() != "exit status 130" {
			t.Errorf("%v: %v", args, err)
		}
		state, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
		if err != nil || state.Lflag&unix.ECHO == 0 {
			t.Errorf("%v: what is typed is not seen: %v", args, err)
		}
	}
	h.must(nil, "bucket", "info", "photos")
}

func TestColoursAndHiddenSecrets(t *testing.T) {
	h := newHome(t)
	h.up()
	h.onTerminal("status", "--data", h.data).expect("\x1b\\[32mAll is well here.")
	h.env = []string{"NO_COLOR=1"}
	plain := h.onTerminal("status", "--data", h.data)
	plain.expect("All is well here.")
	if strings.Contains(plain.text(), "\x1b") {
		t.Error("colours in spite of NO_COLOR")
	}
	ask := h.onTerminal("key", "import", "old", "--data", h.data)
	ask.expect("Access key ID: ")
	ask.typeIn("GK0123456789")
	ask.expect("Secret access key: ")
	ask.typeIn("do-not-echo-this")
	ask.expect("May make buckets")
	if strings.Count(ask.text(), "do-not-echo-this") != 1 { // in the result, not as it was typed
		t.Errorf("the secret was echoed:\n%s", ask.text())
	}
}

// TestGoingBackCounts: on a terminal it is seen how far a restore is; for a program there is the
// end alone.
func TestGoingBackCounts(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	h.must(nil, "bucket", "versioning", "photos", "on")
	before := time.Now().Add(-time.Minute).Format("2006-01-02 15:04:05")
	for _, key := range []string{"d/a", "d/b", "e"} {
		if _, err := n.s3().PutObject(t.Context(), "photos", key, strings.NewReader(key), int64(len(key)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	restore := []string{"object", "restore", "photos/d/", "--prefix", "--at", before, "--data", h.data}
	s := h.onTerminal(append(restore, "--yes")...)
	s.expect(`2 objects looked at`)
	s.expect(`\[#{30}\]  0 brought back, 2 deleted, 0 as they were\.`)
	s.expect(`\n?To take that back`)
	r := h.bare(append(restore, "--yes", "--json")...)
	var done api.Restored
	if err := json.Unmarshal([]byte(r.out), &done); err != nil || r.err != "" || done != (api.Restored{Same: 2}) {
		t.Errorf("%+v, %v: %+v", done, err, r)
	}
}

// TestRemoveWaits: a node that keeps data is emptied and taken out by one command, which asks
// once.
func TestRemoveWaits(t *testing.T) {
	garden, attic := newHome(t), newHome(t)
	local := []string{"--peer", "127.0.0.1:0", "--capacity", "1GB", "--home"}
	n := garden.up(append(local, "garden")...)
	garden.must(nil, "bucket", "create", "photos")
	var in struct{ Text string }
	garden.must(&in, "invite")
	attic.up(append(local, "attic", "--join", in.Text)...)
	body := bytes.Repeat([]byte("rose"), 1<<18)
	if _, err := n.s3().PutObject(t.Context(), "photos", "large", bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	remove := func(node string) []string { return []string{"node", "remove", node, "--wait"} }
	n.until(func() bool { return strings.Contains(garden.must(nil, "layout", "show"), "attic") })
	garden.refused("ask another node", append(remove("garden"), "--yes")...)
	garden.refused("--yes", remove("attic")...)
	s := garden.onTerminal(append(remove("attic"), "--data", garden.data)...)
	s.expect(`Empty the node, and take it out as soon as it is empty\? \[y/N\] `)
	s.typeIn("y")
	s.expect(`The node attic is out of the rhizome`)
	var l api.Layout
	if garden.must(&l, "layout", "show"); len(l.Homes) != 1 || l.Moving != nil {
		t.Errorf("%+v", l)
	}
	garden.must(nil, "object", "stat", "photos/large")
}
