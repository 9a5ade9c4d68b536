package simtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/gateway/s3"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
	"rhizome/net/rpc"
)

// town is several homes that are one rhizome, and who plans its layouts.
type town struct {
	t      testing.TB
	rng    *rand.Rand // of the test's own goroutine
	net    *rpc.Memory
	who    objecttest.Identity
	key    *account.Key
	homes  []*home
	plan   plan
	graves sync.WaitGroup // lives that ended and are being put away
	leaver *home          // who leaves for good, or has left
	comer  *home          // who joins later, or has joined; nil: nobody
	came   bool           // it has

	mu    sync.Mutex
	chain []*layout.Layout
	hot   []int    // partitions that layouts move, in order
	open  ident.ID // an upload that nobody completes, nor aborts
}

const bucket = "family"

// newTown starts homes by a plan. Its bucket is there.
func newTown(t testing.TB, p plan) *town {
	seed := p.seed
	w := &town{t: t, rng: rand.New(rand.NewPCG(seed, 0)), who: objecttest.NewIdentity(), plan: p}
	w.net = rpc.NewMemory(rpc.MemoryOptions{Seed: seed, Detect: time.Second + time.Duration(w.rng.IntN(4))*time.Second})
	for i := range p.homes {
		w.homes = append(w.homes, newHome(w, i, rand.New(rand.NewPCG(seed, uint64(1000+i)))))
	}
	w.chain = []*layout.Layout{w.first()}
	if slices.Contains(p.kinds, "join") {
		w.expect()
	}
	for _, h := range w.homes {
		h.up()
	}
	w.settle()
	w.setWays(p.way)
	return w
}

// first is the layout to begin with: three replicas of each partition, or one. Of five homes two
// may have no share yet, as those that have just joined. The last home may be a witness.
func (w *town) first() *layout.Layout {
	l := &layout.Layout{Version: 1, Lineage: ident.ID{1}}
	for _, h := range w.homes {
		l.Nodes = append(l.Nodes, h.node())
	}
	n, of := len(w.homes), 3
	if w.rng.IntN(8) == 0 {
		of = 1
	}
	if n == 5 && w.rng.IntN(2) == 0 {
		n = 3
	}
	if last := &l.Nodes[len(l.Nodes)-1]; of == 3 && w.rng.IntN(6) == 0 {
		last.Witness, last.Capacity = true, 0
	}
	for p := range layout.DefaultPartitions {
		var set []uint16
		for i := range of {
			set = append(set, uint16((p+i)%n))
		}
		l.Assigned = append(l.Assigned, set)
	}
	return l
}

// settle makes the key and the bucket, and finds out which partitions matter.
func (w *town) settle() {
	x := w.homes[0].life
	ctx := w.t.Context()
	var err error
	w.key, err = x.accounts.ImportKey(ctx, account.Key{ID: "owner", Secret: "a-secret-of-one", CreateBuckets: true})
	must(w.t, err)
	b, err := x.objects.CreateBucket(ctx, bucket, w.key, false)
	must(w.t, err)
	u, err := x.objects.CreateUpload(ctx, b, object.NewUpload{Key: "open"})
	must(w.t, err)
	w.open = u.ID
	l := w.chain[0]
	for i := range 16 {
		w.hot = append(w.hot, l.Partition(b.ID.Key()+string([]byte{byte(i)})))
	}
	w.hot = append(w.hot, l.Partition(b.ID.Key()))
	for range 48 { // extents and uploads lie anywhere
		w.hot = append(w.hot, w.rng.IntN(len(l.Assigned)))
	}
	slices.Sort(w.hot)
	w.hot = slices.Compact(w.hot)
}

// setWays makes all links alike, but for chance.
func (w *town) setWays(way rpc.Way) {
	for _, a := range w.homes {
		for _, b := range w.homes {
			if a != b {
				w.net.SetWay(a.id, b.id, way)
			}
		}
	}
}

func (w *town) at(n int) *layout.Layout {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chain[n-1]
}

func (w *town) latest() *layout.Layout {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chain[len(w.chain)-1]
}

func (w *town) home(id ident.NodeID) *home {
	for _, h := range w.homes {
		if h.id == id {
			return h
		}
	}
	return nil
}

// members returns the homes of the newest layout.
func (w *town) members() (out []*home) {
	for _, n := range w.latest().Nodes {
		out = append(out, w.home(n.ID))
	}
	return out
}

// untouched reports whether no layout followed the first one, and that keeps bytes at three homes: of what
// is done one of two others has a copy then. Beside a witness there is one, which may be yet to hear of it.
func (w *town) untouched() bool {
	l := w.latest()
	witness := slices.ContainsFunc(l.Nodes, func(n layout.Node) bool { return n.Witness })
	return l.Version == 1 && len(l.Assigned[0]) > 1 && !witness
}

// change makes the next layout: some partitions get other replicas. Who hears of it first
// is one home. It reports false if a partition's replicas have not come so far yet.
func (w *town) change() bool {
	last := w.latest()
	there := slices.DeleteFunc(w.members(), func(h *home) bool { return h == w.leaver })
	n := len(there)
	order := w.rng.Perm(n)[:1+w.rng.IntN(min(n, 5))]
	some := w.rng.IntN(3)
	return w.follow(last.Nodes, func(p int, now []*home) (set []*home) {
		if !slices.Contains(w.hot, p) || some == 1 && p%2 == 0 {
			return now
		}
		for i, h := range order {
			if some == 0 && p%2 == 0 { // or half of them, one replica differs
				h = order[(i+1)%len(order)]
			}
			set = append(set, there[h])
		}
		if len(set) == 1 && last.Node(set[0].id).Witness {
			return now
		}
		return set
	})
}

// ready reports whether a majority of the replicas of every partition that may move has
// imported its present term, for good.
func (w *town) ready(l *layout.Layout) bool {
	for p := range l.Assigned {
		have := 0
		for _, id := range l.Replicas(p) {
			if h := w.home(id); h.serves(p, l.Term(p)) {
				have++
			}
		}
		if l.Term(p) > 1 && have <= len(l.Assigned[p])/2 {
			return false
		}
	}
	return true
}

// keeps fails unless the upload that was begun before all trouble is still there: whatever a
// home takes for the time, nothing of minutes is old.
func (w *town) keeps(ctx context.Context) {
	if w.plan.flaw.name != "" {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		err := w.lookFor(ctx, w.present())
		if err == nil {
			return
		}
		if errors.Is(err, object.ErrNoSuchUpload) || ctx.Err() != nil {
			w.t.Errorf("seed %d: the upload that was begun first: %v", w.plan.seed, err)
			return
		}
		<-tick.C
	}
}

// present is a home's program that runs, after all trouble.
func (w *town) present() *life {
	at := slices.IndexFunc(w.homes, func(h *home) bool { return !h.gone.Load() })
	return w.homes[at].life
}

func (w *town) lookFor(ctx context.Context, x *life) error {
	b, err := x.objects.Bucket(ctx, bucket, w.key)
	if err == nil {
		_, _, err = x.objects.ListParts(ctx, b, "open", w.open, 0, 1)
	}
	return err
}

// close ends everything and waits for it.
func (w *town) close() {
	for _, h := range w.homes {
		h.die(false)
	}
	w.graves.Wait()
	w.net.Close()
}

func (x *life) gateway(h *home) {
	var objects object.Service = x.objects
	if h.town.plan.flaw.model != nil {
		objects = h.town.plan.flaw.model(objects)
	}
	x.front = s3.New(s3.Config{Objects: objects, Keys: x.accounts.Key, Clock: x.clock})
	if h.town.plan.flaw.front != nil {
		x.front = h.town.plan.flaw.front(x.front)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
