package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind of an operation on one key. A copy is two of them.
type Kind string

const (
	Get    Kind = "GET"
	Head   Kind = "HEAD"
	List   Kind = "LIST" // one key of a LIST
	Put    Kind = "PUT"
	Upload Kind = "COMPLETE"
	Copy   Kind = "COPY"   // the key copied to
	Source Kind = "SOURCE" // the key copied from
	Delete Kind = "DELETE"
)

func (k Kind) reads() bool { return k == Get || k == Head || k == List || k == Source }

// Outcome of an operation.
type Outcome string

const (
	Done     Outcome = "done"
	Absent   Outcome = "absent"   // 404: a write with If-Match was refused by it
	Mismatch Outcome = "mismatch" // 412
	Unknown  Outcome = "unknown"  // of writes only: it happens later, or never
)

// Op is one operation on one key. Values are numbers of bodies; 0 is absence.
type Op struct {
	Client       int
	Key          string
	Kind         Kind
	Value        int // written or read
	New          bool
	Match        int // the value that If-Match names; 0 is no condition
	Outcome      Outcome
	Call, Return time.Duration // since the run began
}

func (o Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10.3f to %10.3f ms  client %2d  %s %s", ms(o.Call), ms(o.Return), o.Client, o.Kind, o.Key)
	if !o.Kind.reads() && o.Kind != Delete {
		fmt.Fprintf(&b, " %d", o.Value)
	}
	if o.New {
		b.WriteString(" if absent")
	}
	if o.Match != 0 {
		fmt.Fprintf(&b, " if %d", o.Match)
	}
	switch {
	case o.Kind.reads() && o.Value == 0:
		b.WriteString(": absent")
	case o.Kind.reads():
		fmt.Fprintf(&b, ": %d", o.Value)
	default:
		fmt.Fprintf(&b, ": %s", o.Outcome)
	}
	return b.String()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// History is what clients did and saw. Safe for concurrent use.
type History struct {
	mu     sync.Mutex
	began  time.Time
	ops    []Op
	bodies map[int]Body
	byETag map[string]int
	odd    []string       // answers that no order can explain
	failed map[string]int // operations that taught nothing, by why
}

func newHistory() *History {
	return &History{began: time.Now(), bodies: map[int]Body{}, byETag: map[string]int{}, failed: map[string]int{}} // stopwatch
}

func (h *History) now() time.Duration { return time.Since(h.began) } // stopwatch

// body makes the body of a new write.
func (h *History) body(make func(id int) Body) Body {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := make(len(h.bodies) + 1)
	h.bodies[b.ID] = b
	h.byETag[b.ETag()] = b.ID
	return b
}

// value returns the write that an answer shows. An answer that shows none, or the bytes
// of one and the ETag of another, is odd.
func (h *History) value(who string, etag string, body []byte, whole bool) (int, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.byETag[etag]
	if !ok {
		h.odd = append(h.odd, fmt.Sprintf("%s: ETag %q, which nobody wrote", who, etag))
	} else if whole && string(h.bodies[id].Bytes()) != string(body) {
		ok = false
		h.odd = append(h.odd, fmt.Sprintf("%s: ETag of write %d, but other bytes (%d): %.60q", who, id, len(body), body))
	}
	return id, ok
}

// strange notes an answer that no order can explain.
func (h *History) strange(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.odd = append(h.odd, text)
}

// etag returns the ETag of a write.
func (h *History) etag(id int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bodies[id].ETag()
}

func (h *History) add(ops ...Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, ops...)
}

// fail notes an operation that taught nothing.
func (h *History) fail(kind Kind, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed[fmt.Sprintf("%s taught nothing (%.100v)", kind, err)]++
}

// Ops returns the operations in the order of their calls.
func (h *History) Ops() []Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(slices.Values(h.ops), func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
}

// Count returns how many operations of a kind had an outcome.
func (h *History) Count(k Kind, out Outcome) (n int) {
	for _, o := range h.Ops() {
		if o.Kind == k && o.Outcome == out {
			n++
		}
	}
	return n
}

// Summary says how many operations there were of each kind and outcome, a line each.
func (h *History) Summary() string {
	counts := map[string]int{}
	for _, o := range h.Ops() {
		counts[string(o.Kind)+" "+string(o.Outcome)]++
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.Copy(counts, h.failed)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%6d %s", counts[name], name))
	}
	return strings.Join(lines, "\n")
}
