package object_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"rhizome/cluster/register"
	"rhizome/model/object"
)

// run is one schedule. Operations run in goroutines that stop at every message; the
// schedule then chooses what happens next. By default the first of the operations in
// order that has a message out gets its oldest one delivered and answered; a
// deviation is anything else.
type run struct {
	w      *world
	rng    *rand.Rand
	broken func(*side) register.Store

	mu      sync.Mutex
	pending []*message
	jitters int
	sending int

	net    []*message // requests whose callers count them as lost, or did not wait
	order  []*op      // first: whose messages are delivered next
	ops    []*op
	sides  []*side
	steps  int
	faults bool
	pick   func(step int, n int) int // of n choices; 0 is the default
	script []turn
	widths []int // choices there were at each step
	trace  []string
	swept  int // bytes that only the sweep found
	b      *object.Bucket
	up     *object.Upload
	hist   history
	// versions says that the bucket keeps them; ids are those of the stage, by ETag.
	versions bool
	ids      map[string]string
	marked   []string // versions of which the marks are read in the end
	failed   string
	// verify is what a scenario checks at the end beside everything else.
	verify func(context.Context, *side) error
}

func (w *world) newRun(seed uint64) *run {
	cryptotest.SetGlobalRandom(w.t, seed)
	return &run{w: w, rng: rand.New(rand.NewPCG(seed, 7)), pick: func(int, int) int { return 0 }}
}

func (r *run) post(m *message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// What is sent side by side comes in any order: only the place in the schedule and
	// the receiver count.
	m.step = r.sending
	i, _ := slices.BinarySearchFunc(r.pending, m, func(a, b *message) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.to, b.to), cmp.Compare(a.String(), b.String()))
	})
	r.pending = slices.Insert(r.pending, i, m)
}

func (r *run) fail(format string, args ...any) {
	if r.failed == "" {
		r.failed = fmt.Sprintf(format, args...)
	}
}

func (r *run) note(format string, args ...any) {
	r.trace = append(r.trace, fmt.Sprintf("%3d ", r.steps)+fmt.Sprintf(format, args...))
}

// begin adds an operation; it starts when the schedule says so.
func (r *run) begin(s *side, name string, f func(context.Context)) *op {
	o := &op{name: name, side: s, f: f}
	o.ctx, o.cancel = context.WithCancel(context.WithValue(context.Background(), opKey{}, o))
	r.ops, r.order = append(r.ops, o), append(r.order, o)
	return o
}

func (o *op) start() {
	o.state = opRunning
	go func() {
		o.f(o.ctx)
		o.done.Store(true)
	}()
}

// choice is one thing that may happen next.
type choice struct {
	name string
	do   func()
}

// choices lists what may happen next, the default first. Empty: everybody waits for
// time to pass, or all is done.
func (r *run) choices() []choice {
	r.mu.Lock()
	out := slices.Clone(r.pending)
	r.mu.Unlock()
	var list []choice
	firsts := map[string]bool{}
	for _, o := range append([]*op{nil}, r.order...) {
		if o != nil && o.state == opWaiting && !o.side.crashed {
			list = append(list, choice{"start " + o.name, func() { r.front(o); o.start() }})
			continue
		}
		for _, m := range out {
			key := fmt.Sprint(m.to, " ", o == nil)
			if o != nil {
				key += o.name
			}
			if m.op == o && !m.side.crashed && !firsts[key] {
				firsts[key] = true
				list = append(list, choice{"deliver " + m.String(), func() { r.deliver(m) }})
			}
		}
	}
	if len(list) == 0 || !r.faults {
		return list[:min(len(list), 1)]
	}
	return append(list, r.deviations(out)...)
}

// deviations are the faults that may strike now.
func (r *run) deviations(out []*message) (list []choice) {
	var m *message
	for _, o := range append([]*op{nil}, r.order...) {
		for _, x := range out {
			if m == nil && x.op == o && !x.side.crashed {
				m = x
			}
		}
	}
	if m != nil {
		list = append(list,
			choice{"lose " + m.String(), func() { r.take(m); m.reply <- reply{err: errLost} }},
			choice{"lose the answer to " + m.String(), func() { r.take(m); _, _ = m.exec(); m.reply <- reply{err: errLost} }},
			choice{"delay " + m.String(), func() { r.take(m); r.net = append(r.net, m); m.reply <- reply{err: errLost} }},
			choice{"duplicate " + m.String(), func() { r.net = append(r.net, m); r.deliver(m) }})
		if o := m.op; o != nil {
			list = append(list, choice{"put off " + o.name, func() { r.back(o) }})
			if !o.gaveUp {
				list = append(list, choice{"give up " + o.name, func() { r.giveUp(o) }})
			}
		}
		if m.side == r.sides[0] {
			list = append(list, choice{"crash " + m.side.name, func() { r.crash(m.side) }})
		}
	}
	for _, m := range r.net {
		list = append(list, choice{"late " + m.String(), func() { r.late(m) }})
	}
	return list
}

// turn is a deviation by name: when the default contains the one, what begins with
// the other happens, so many times. Each turn waits for those before it, but for the
// ones that happen every time.
type turn struct {
	when, then string
	times      int
}

const everyTime = -1

// scripted returns what the script wants now, 0 if nothing.
func (r *run) scripted(list []choice) int {
	for i := range r.script {
		t := &r.script[i]
		if t.times == 0 {
			continue
		}
		if !strings.Contains(list[0].name, t.when) {
			if t.times != everyTime {
				return 0
			}
			continue
		}
		for k, c := range list {
			if k > 0 && strings.HasPrefix(c.name, t.then) {
				if t.times != everyTime {
					t.times--
				}
				return k
			}
		}
		if t.times != everyTime {
			return 0
		}
	}
	return 0
}

func (r *run) take(m *message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = slices.DeleteFunc(r.pending, func(x *message) bool { return x == m })
}

func (r *run) deliver(m *message) {
	r.take(m)
	if m.op != nil {
		r.front(m.op)
	}
	v, err := m.exec()
	m.reply <- reply{v, err}
}

func (r *run) late(m *message) {
	r.net = slices.DeleteFunc(r.net, func(x *message) bool { return x == m })
	_, _ = m.exec()
}

func (r *run) front(o *op) {
	i := slices.Index(r.order, o)
	r.order = slices.Insert(slices.Delete(r.order, i, i+1), 0, o)
}

func (r *run) back(o *op) {
	i := slices.Index(r.order, o)
	r.order = append(slices.Delete(r.order, i, i+1), o)
}

// giveUp ends an operation's context; what it sent stays under way.
func (r *run) giveUp(o *op) {
	o.gaveUp = true
	o.cancel()
}

// abandon notes that a message's caller no longer waits.
func (r *run) abandon(m *message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.pending, m); i >= 0 {
		r.pending = slices.Delete(r.pending, i, i+1)
		r.net = append(r.net, m)
	}
}

// crash ends a side for ever; what it sent stays under way.
func (r *run) crash(s *side) {
	s.crashed = true
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.pending {
		if m.side == s {
			r.net = append(r.net, m)
		}
	}
	r.pending = slices.DeleteFunc(r.pending, func(m *message) bool { return m.side == s })
}

// play carries out the schedule until all operations are done or dead.
func (r *run) play() {
	idle := time.Millisecond
	for r.failed == "" {
		synctest.Wait()
		for _, o := range r.ops {
			if o.state == opRunning && o.done.Load() {
				o.state = opDone
				r.note("%s is done", o.name)
			}
		}
		list := r.choices()
		if len(list) == 0 {
			if r.finished() {
				return
			}
			if idle > time.Hour {
				buf := make([]byte, 1<<20)
				r.fail("stuck: %s\n%s", r.running(), buf[:runtime.Stack(buf, true)])
				return
			}
			<-time.After(idle)
			idle *= 2
			continue
		}
		idle = time.Millisecond
		k := 0
		if r.faults {
			k = r.pick(len(r.widths), len(list))
			if i := r.scripted(list); i > 0 {
				k = i
			}
			r.widths = append(r.widths, len(list))
		}
		if r.steps++; r.steps > 20_000 {
			r.fail("no end after %d steps: %s", r.steps, r.running())
			return
		}
		if k != 0 {
			r.note("* %s", list[k].name)
		} else {
			r.note("%s", list[k].name)
		}
		r.mu.Lock()
		r.sending = r.steps
		r.mu.Unlock()
		list[k].do()
	}
}

func (r *run) finished() bool {
	for _, o := range r.ops {
		if !o.side.crashed && o.state != opDone {
			return false
		}
	}
	return true
}

func (r *run) running() string {
	var names []string
	for _, o := range r.ops {
		if !o.side.crashed && o.state != opDone {
			names = append(names, o.name)
		}
	}
	return strings.Join(names, ", ")
}

// do carries out one operation by itself, in the schedule's own order.
func (r *run) do(s *side, name string, f func(context.Context) error) {
	var err error
	r.begin(s, name, func(ctx context.Context) { err = f(ctx) })
	r.play()
	if err != nil {
		r.fail("%s: %v", name, err)
	}
}

// end lets every goroutine of the schedule end.
func (r *run) end() {
	for _, s := range r.sides {
		s.over.Store(true)
		close(s.ended)
	}
	for _, o := range r.ops {
		o.cancel()
	}
	for range 100 {
		synctest.Wait()
		if !slices.ContainsFunc(r.ops, func(o *op) bool { return o.state != opWaiting && !o.done.Load() }) {
			break
		}
		<-time.After(time.Second)
	}
	for _, s := range r.sides {
		s.regs.Close()
	}
}
