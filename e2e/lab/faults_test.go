package lab

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rhizome/e2e/harness"
	"rhizome/simtest/history"
)

// ground is three homes with clients at work, and what may go wrong with them.
type ground struct {
	*testing.T
	lab  *Lab
	r    *Rhizome
	rng  *rand.Rand
	path Path // of all ways, when nothing is wrong
}

// fault is something that goes wrong for a while: do makes it, the other one undoes it.
type fault struct {
	name string
	do   func(g *ground, n *Node) (undo func())
}

// faults are everything that may go wrong.
var faults = []fault{
	{"killed", func(g *ground, n *Node) func() {
		n.Kill()
		return func() { must(g.T, n.Up()) }
	}},
	{"asleep", func(g *ground, n *Node) func() {
		must(g.T, n.Pause())
		return func() { must(g.T, n.Resume()) }
	}},
	{"cut off", func(g *ground, n *Node) func() {
		g.lab.Isolate(n.Host)
		return g.lab.Heal
	}},
	{"cut one way", func(g *ground, n *Node) func() {
		for _, o := range g.r.Nodes {
			if o != n && g.rng.IntN(3) > 0 {
				g.lab.Cut(n.Host, o.Host)
			}
		}
		return g.lab.Heal
	}},
	{"lossy", func(g *ground, _ *Node) func() {
		p := g.path
		p.Loss = 0.01 * float64(1+g.rng.IntN(10))
		g.lab.SetAll(p)
		return func() { g.lab.SetAll(g.path) }
	}},
	{"far", func(g *ground, _ *Node) func() {
		d := time.Duration(20+g.rng.IntN(180)) * time.Millisecond
		g.lab.SetAll(Path{Delay: d, Jitter: d / 2})
		return func() { g.lab.SetAll(g.path) }
	}},
	{"clock", func(g *ground, n *Node) func() {
		must(g.T, n.SetClock(time.Duration(g.rng.Int64N(int64(20*time.Hour)))-10*time.Hour))
		return func() { must(g.T, n.SetClock(0)) }
	}},
	{"full", func(g *ground, n *Node) func() {
		ballast := filepath.Join(n.Host.Dir(), "data", "ballast")
		fillUp(g.T, ballast)
		return func() {
			must(g.T, os.Remove(ballast))
			select { // a node whose log cannot be written ends itself, which may take a while
			case <-n.process().Ended():
				must(g.T, n.Up())
			case <-time.After(10 * time.Second):
			}
		}
	}},
	{"drained", func(g *ground, n *Node) func() {
		made := g.begin(n, "node", "drain", n.Name, "--yes")
		return func() { made(); g.change(n, "node", "undrain", n.Name, "--yes") }
	}},
	{"one replica", func(g *ground, n *Node) func() {
		made := g.begin(n, "layout", "replicas", "1", "--yes")
		return func() { made(); g.change(n, "layout", "replicas", "3", "--yes") }
	}},
	{"small", func(g *ground, n *Node) func() {
		made := g.begin(n, "node", "capacity", n.Name, "0", "--yes")
		return func() { made(); g.change(n, "node", "capacity", n.Name, "200MB", "--yes") }
	}},
}

// begin begins a change of the layout and returns what waits until it was made.
func (g *ground) begin(n *Node, args ...string) (made func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.change(n, args...)
	}()
	return func() { <-done }
}

// change changes the layout through any node, as soon as that can be done. It ends with
// the test.
func (g *ground) change(n *Node, args ...string) {
	var err error
	for tries := 0; g.Context().Err() == nil; tries++ {
		if tries > 0 {
			g.Logf("%v: %.300v", args, err)
		}
		if tries == 30 {
			g.Errorf("%v cannot be done", args)
			return
		}
		for _, through := range append([]*Node{n}, g.r.Nodes...) {
			if !through.Running() {
				continue
			}
			if _, err = through.CLI(args...); err == nil {
				return
			}
		}
		pause(g.T, time.Second)
	}
}

// newGround starts the homes on small disks.
func newGround(t *testing.T) *ground {
	l := New(t, Options{Clocks: true})
	g := &ground{T: t, lab: l, rng: l.Rand("faults"), path: Path{Delay: 10 * time.Millisecond, Jitter: 3 * time.Millisecond}}
	l.SetAll(g.path)
	g.r = l.nobody()
	for _, name := range []string{"lyon", "paris", "lille"} {
		g.join(name)
	}
	must(t, g.r.founded())
	makeBucket(t, g.r.Nodes[0], "race")
	return g
}

// join adds a home on a small disk.
func (g *ground) join(name string, flags ...string) *Node {
	g.Helper()
	h := g.lab.Home(name)
	smallDisk(g.T, filepath.Join(h.Dir(), "data"), "256m")
	n, err := g.r.Join(h, flags...)
	must(g.T, err)
	return n
}

// smallDisk mounts a disk in memory.
func smallDisk(t *testing.T, dir, size string) {
	t.Helper()
	must(t, os.Mkdir(dir, 0o700))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size+",mode=700", "rhizome-lab", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v (this test mounts a small disk: run it as root)\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
}

// fillUp writes a file until there is no room left.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for block := bytes.Repeat([]byte("ballast "), 1<<13); err == nil; {
		_, err = f.Write(block)
	}
}

// clients work until the returned function is called, which checks what they saw.
func (g *ground) clients() (judge func()) {
	end := g.work()
	return func() {
		g.Helper()
		h := end()
		g.calm()
		g.check(h)
	}
}

// work has clients work at all homes until the returned function is called.
func (g *ground) work() (end func() *history.History) {
	c := history.Clients{Seed: g.lab.Seed(), Ops: 1 << 20, Timeout: 10 * time.Second, Pause: 30 * time.Millisecond}
	for _, n := range g.r.Nodes {
		c.Stores = append(c.Stores, n.S3(n.Host, "race"), n.S3(n.Host, "race"))
	}
	ctx, stop := context.WithCancel(g.Context())
	g.Cleanup(stop)
	seen := make(chan *history.History, 1)
	go func() { seen <- c.Run(ctx) }()
	return func() *history.History {
		pause(g.T, time.Second)
		stop()
		return <-seen
	}
}

// check waits until nothing is left to do and checks what clients saw.
func (g *ground) check(h *history.History) {
	g.Helper()
	must(g.T, g.r.Settled(3*time.Minute))
	ctx, stop := context.WithTimeout(g.Context(), 2*time.Minute)
	defer stop()
	must(g.T, h.ReadAll(ctx, g.r.Nodes[0].S3(g.r.Nodes[0].Host, "race")))
	g.Log("\n" + h.Summary())
	if n := h.Count(history.Put, history.Done); n < 30 {
		g.Errorf("%d PUTs were done: too few to show anything", n)
	}
	if err := h.Check(2 * time.Minute); err != nil {
		g.Error(err)
	}
}

// calm undoes changes of the layout once more: one that nobody answered may come late.
func (g *ground) calm() {
	for _, n := range g.r.Nodes {
		g.change(n, "node", "undrain", n.Name, "--yes")
		g.change(n, "node", "capacity", n.Name, "200MB", "--yes")
	}
	g.change(g.r.Nodes[0], "layout", "replicas", "3", "--yes")
}

// strike has a fault happen to some node for a while.
func (g *ground) strike(f fault, while func()) {
	n := g.r.Nodes[g.rng.IntN(len(g.r.Nodes))]
	began := time.Now()
	undo := f.do(g, n)
	while()
	undo()
	g.Logf("%s: %s for %v", n.Name, f.name, time.Since(began).Round(time.Millisecond))
}

// TestFaults: what clients at three homes see is linearizable while everything goes wrong
// that may, two things at a time. RHIZOME_SOAK does it five times, and then each alone
// for half a minute.
func TestFaults(t *testing.T) {
	t.Parallel()
	if os.Getenv("RHIZOME_SOAK") == "" {
		newGround(t).together()
		return
	}
	for range 5 {
		t.Run("together", func(t *testing.T) { newGround(t).together() })
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) { newGround(t).again(f, 30*time.Second) })
	}
}

// together has all faults happen, every second one in the midst of another.
func (g *ground) together() {
	judge := g.clients()
	order := g.rng.Perm(len(faults))
	for len(order) > 0 {
		one, other := faults[order[0]], faults[order[len(order)-1]]
		order = order[1:]
		if len(order) == 0 || clash(one, other) {
			g.strike(one, func() { pause(g.T, 3*time.Second) })
			continue
		}
		order = order[:len(order)-1]
		if layouts[other.name] { // it is undone when every node is there again
			one, other = other, one
		}
		g.strike(one, func() {
			pause(g.T, time.Second)
			g.strike(other, func() { pause(g.T, 2*time.Second) })
		})
	}
	judge()
}

// again has a fault happen again and again.
func (g *ground) again(f fault, long time.Duration) {
	judge := g.clients()
	for end := time.After(long); ; {
		select {
		case <-end:
			judge()
			return
		default:
			g.strike(f, func() { pause(g.T, time.Duration(1+g.rng.IntN(5))*time.Second) })
			pause(g.T, time.Second)
		}
	}
}

// layouts are the faults that change the layout, processes those that stop a process.
var (
	layouts   = map[string]bool{"drained": true, "one replica": true, "small": true}
	processes = map[string]bool{"killed": true, "asleep": true, "full": true}
)

// clash reports whether two faults would hit one process, or undo each other.
func clash(a, b fault) bool {
	return processes[a.name] && processes[b.name] || layouts[a.name] && layouts[b.name]
}

// TestClocksAreWrong: the build for the lab goes by its file, and the program's own does
// not know of it.
func TestClocksAreWrong(t *testing.T) {
	t.Parallel()
	l := New(t, Options{Clocks: true})
	r := l.Rhizome(l.Home("lyon"))
	n := r.Nodes[0]
	makeBucket(t, n, "race")
	s := n.S3(n.Host, "race")
	must(t, n.SetClock(-3*time.Hour))
	harness.Eventually(t, time.Minute, "the clock is wrong", func() bool {
		_, err := s.Put(t.Context(), "a", []byte("x"), history.Condition{})
		return err != nil
	})
	must(t, n.SetClock(0))
	harness.Eventually(t, time.Minute, "the clock is right", func() bool {
		_, err := s.Put(t.Context(), "a", []byte("x"), history.Condition{})
		return err == nil
	})
	program, err := os.ReadFile(harness.Program(t))
	must(t, err)
	if bytes.Contains(program, []byte("RHIZOME_LAB_CLOCK")) {
		t.Error("the program that people get can be told a wrong time")
	}
}

// pause lets the clients work for a while; nothing is waited for.
func pause(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func makeBucket(t *testing.T, n *Node, name string) {
	t.Helper()
	harness.Eventually(t, time.Minute, "the bucket is made", func() bool {
		_, err := n.S3(n.Host, name).Client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
		if err != nil {
			t.Log(err)
		}
		return err == nil
	})
}
