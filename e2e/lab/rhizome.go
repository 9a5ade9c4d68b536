package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"rhizome/e2e/harness"
	"rhizome/e2e/wire"
)

// The ports of every node.
const (
	s3Port   = 3900
	peerPort = 3901
)

// Rhizome is the real program in several hosts, which together are one store.
type Rhizome struct {
	Nodes []*Node
	KeyID string
	Key   string // the secret

	lab *Lab
	bin string
}

// Node is one of them. Its methods are not safe for concurrent use with each other.
type Node struct {
	*Host
	ID    string   // once it was up
	Home  string   // the name of its home
	Dir   string   // its data folder
	Flags []string // beyond those that every node gets, at each start
	Bin   string   // the program, from its next start on

	rhizome *Rhizome
	mu      sync.Mutex
	proc    *Process
}

// Rhizome starts a node in each host, in homes named as the hosts: the first alone, the
// others each by an invitation from it. It returns when all are up, have their share and
// have taken over its rows, and makes a key. The binary is harness.Program's.
func (l *Lab) Rhizome(hosts ...*Host) *Rhizome {
	l.t.Helper()
	r, err := l.rhizome(hosts)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l *Lab) rhizome(hosts []*Host) (*Rhizome, error) {
	r := l.nobody()
	for _, h := range hosts {
		if _, err := r.Join(h); err != nil {
			return nil, err
		}
	}
	return r, r.founded()
}

// nobody returns a rhizome without nodes. See Join, then founded.
func (l *Lab) nobody() *Rhizome {
	r := &Rhizome{lab: l}
	if l.clocks {
		r.bin = harness.LabProgram(l.t)
	} else {
		r.bin = harness.Program(l.t)
	}
	l.t.Cleanup(r.lastWords)
	return r
}

// founded waits for those that joined so far and makes a key.
func (r *Rhizome) founded() error {
	if err := r.Settled(3 * time.Minute); err != nil {
		return err
	}
	return r.newKey("lab")
}

// Join starts a node in another host: alone if it is the first, else by an invitation of
// the first node that runs. It returns when the node answers; see Settled.
func (r *Rhizome) Join(h *Host, flags ...string) (*Node, error) {
	return r.JoinHome(h, h.Name, flags...)
}

// JoinHome does it in a home of another name than the host's, which may have a node.
func (r *Rhizome) JoinHome(h *Host, home string, flags ...string) (*Node, error) {
	n := &Node{Host: h, Home: home, Dir: filepath.Join(h.Dir(), "data"), Flags: flags, Bin: r.bin, rhizome: r}
	var once []string
	if from := r.running(); from != nil {
		invitation, err := from.CLI("invite")
		if err != nil {
			return nil, err
		}
		once = []string{"--join", strings.TrimSpace(invitation)}
	}
	r.Nodes = append(r.Nodes, n)
	return n, n.Up(once...)
}

func (r *Rhizome) running() *Node {
	for _, n := range r.Nodes {
		if n.Running() {
			return n
		}
	}
	return nil
}

func (r *Rhizome) newKey(name string) error {
	var key struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
	}
	err := r.Nodes[0].JSON(&key, "key", "create", name)
	r.KeyID, r.Key = key.ID, key.Secret
	return err
}

// lastWords logs the end of what each node wrote, if the test failed.
func (r *Rhizome) lastWords() {
	if !r.lab.t.Failed() {
		return
	}
	for _, n := range r.Nodes {
		r.lab.t.Logf("the last words of %s:\n%s", n.Name, n.Log(4000))
	}
}

// Up starts the node's process and waits until it answers its own command line. Flags
// beyond those of every start are for this one.
func (n *Node) Up(flags ...string) error {
	args := append([]string{"up", "--data", n.Dir, "--home", n.Home,
		"--s3", fmt.Sprintf("0.0.0.0:%d", s3Port), "--peer", fmt.Sprintf("0.0.0.0:%d", peerPort)}, n.Flags...)
	p, err := n.Start(n.program(append(args, flags...)...))
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.proc = p
	n.mu.Unlock()
	return await(time.Minute, n.Name+" answers", func() error {
		select {
		case <-p.Ended():
			return errEnded{fmt.Errorf("%s ended: %v\n%s", n.Name, p.err, p.Log(4000))}
		default:
			s, err := n.Status()
			n.ID = s.Node
			return err
		}
	})
}

// program returns a command of the program.
func (n *Node) program(args ...string) *exec.Cmd {
	cmd := n.Command(n.Bin, args...)
	cmd.Env = append(cmd.Env, "RHIZOME_LAB_CLOCK="+n.clockFile())
	return cmd
}

func (n *Node) clockFile() string { return filepath.Join(n.Host.Dir(), "clock") }

// SetClock makes the node's clock be off by so much from now on, in a lab with Clocks.
func (n *Node) SetClock(off time.Duration) error {
	next := n.clockFile() + ".new"
	if err := os.WriteFile(next, []byte(off.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(next, n.clockFile())
}

// Running reports whether the process runs.
func (n *Node) Running() bool {
	p := n.process()
	if p == nil {
		return false
	}
	select {
	case <-p.Ended():
		return false
	default:
		return true
	}
}

func (n *Node) process() *Process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.proc
}

// Kill ends the process at once, as a power cut does to it.
func (n *Node) Kill() { n.process().Kill() }

// Pause stops the process where it is, until Resume: a machine that sleeps.
func (n *Node) Pause() error { return n.process().Signal(syscall.SIGSTOP) }

// Resume undoes Pause.
func (n *Node) Resume() error { return n.process().Signal(syscall.SIGCONT) }

// Stop asks the process to end and returns how it did.
func (n *Node) Stop() error { return n.process().Stop(time.Minute) }

// Pid is the number of the node's process.
func (n *Node) Pid() int { return n.process().Pid() }

// Log returns the last max bytes that the node wrote.
func (n *Node) Log(max int) string {
	if p := n.process(); p != nil {
		return p.Log(max)
	}
	return ""
}

// CLI runs a command of the program on the node and returns its standard output; the
// error holds what it wrote to the other.
func (n *Node) CLI(args ...string) (string, error) {
	cmd := n.program(append(args, "--data", n.Dir)...)
	var out, msg strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := n.runFor(cmd, time.Minute); err != nil {
		return out.String(), fmt.Errorf("%s: rhizome %s: %w: %s", n.Name, args[0], err, msg.String())
	}
	return out.String(), nil
}

func (n *Node) runFor(cmd *exec.Cmd, limit time.Duration) error {
	p, err := n.Start(cmd)
	if err != nil {
		return err
	}
	timer := time.AfterFunc(limit, p.Kill)
	defer timer.Stop()
	return p.Wait()
}

// JSON runs a command with --json and reads what it writes.
func (n *Node) JSON(v any, args ...string) error {
	out, err := n.CLI(append(args, "--json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), v); err != nil {
		return fmt.Errorf("%s: rhizome %s wrote %q: %w", n.Name, args[0], out, err)
	}
	return nil
}

// Status is what the lab reads of `status --json`.
type Status struct {
	Node   string
	Home   string
	Layout uint64
	Health struct {
		State   string
		Reasons []string
	}
	Homes   []struct{ Name, State string }
	Mending []struct {
		Name       string
		Partitions int   `json:"partitions_left"`
		Extents    int64 `json:"extents_left"`
		Bytes      int64 `json:"bytes_left"`
	}
}

// Status returns the node's own view of the rhizome.
func (n *Node) Status() (s Status, err error) {
	err = n.JSON(&s, "status")
	return s, err
}

// Member is what the lab reads of `node list --json`.
type Member struct {
	ID, Home   string
	This, Up   bool
	Relayed    bool
	Draining   bool
	Partitions int
	Imported   uint64 `json:"imported_layout"`
	Health     struct {
		Partitions int   `json:"partitions_left"`
		Extents    int64 `json:"extents_left"`
		Bytes      int64 `json:"bytes_left"`
	}
}

// Members returns all nodes as this one sees them.
func (n *Node) Members() (m []Member, err error) {
	err = n.JSON(&m, "node", "list")
	return m, err
}

// Settled waits until every node that runs sees all that run up, with the rows of the
// present layout taken over and nothing left to fetch.
func (r *Rhizome) Settled(limit time.Duration) error {
	return await(limit, "the rhizome is settled", func() error {
		running := map[string]bool{}
		for _, n := range r.Nodes {
			running[n.ID] = n.Running()
		}
		for _, n := range r.Nodes {
			if err := n.settled(running); err != nil && running[n.ID] {
				return fmt.Errorf("as %s sees it: %w", n.Name, err)
			}
		}
		return nil
	})
}

func (n *Node) settled(running map[string]bool) error {
	status, err := n.Status()
	if err != nil {
		return err
	}
	members, err := n.Members()
	if err != nil {
		return err
	}
	seen := 0
	for _, m := range members {
		switch {
		case !running[m.ID]:
			continue
		case !m.Up:
			return fmt.Errorf("%s is away", m.Home)
		case m.Draining:
			return fmt.Errorf("%s has no share yet", m.Home)
		case !m.This: // what others have left to do they say themselves, without delay
		case m.Imported < status.Layout:
			return fmt.Errorf("%s has imported layout %d of %d", m.Home, m.Imported, status.Layout)
		case m.Health.Partitions > 0 || m.Health.Extents > 0 || m.Health.Bytes > 0:
			return fmt.Errorf("%s has left to do: %+v", m.Home, m.Health)
		}
		seen++
	}
	for _, up := range running {
		if up {
			seen--
		}
	}
	if seen != 0 {
		return fmt.Errorf("sees %d nodes, %+d of those that run", len(members), seen)
	}
	return nil
}

// Endpoint is the node's S3 as other hosts reach it.
func (n *Node) Endpoint() string { return fmt.Sprintf("http://%s:%d", n.IP, s3Port) }

// S3 returns a client of the node for one bucket, without retries, that stands in the
// given host.
func (n *Node) S3(from *Host, bucket string) *wire.S3 {
	return wire.NewS3(n.Endpoint(), n.rhizome.KeyID, n.rhizome.Key, bucket, from.HTTPClient())
}

// errEnded is an error after which nothing is waited for any more.
type errEnded struct{ error }

// await asks until there is no error, or time is up.
func await(limit time.Duration, what string, ask func() error) error {
	deadline := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		var ended errEnded
		if err == nil || errors.As(err, &ended) {
			return err
		}
		select {
		case <-deadline:
			return fmt.Errorf("after %v still not so: %s: %w", limit, what, err)
		case <-tick.C:
		}
	}
}
