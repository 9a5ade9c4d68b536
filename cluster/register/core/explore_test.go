package core

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"rhizome/base/seeds"
)

// visited is a set of hashes, with the parent of each when a trace is wanted.
type visited struct {
	keys    []uint64
	parents []uint64
	n       int
}

func newVisited(size int, traced bool) *visited {
	v := &visited{keys: make([]uint64, size)}
	if traced {
		v.parents = make([]uint64, size)
	}
	return v
}

// add reports whether h is new.
func (v *visited) add(h, parent uint64) bool {
	if 4*v.n > 3*len(v.keys) {
		v.grow()
	}
	at := v.find(h)
	if v.keys[at] == h {
		return false
	}
	v.keys[at] = h
	if v.parents != nil {
		v.parents[at] = parent
	}
	v.n++
	return true
}

func (v *visited) find(h uint64) int {
	mask := uint64(len(v.keys) - 1)
	at := h & mask
	for v.keys[at] != 0 && v.keys[at] != h {
		at = (at + 1) & mask
	}
	return int(at)
}

func (v *visited) grow() {
	old := *v
	*v = *newVisited(2*len(old.keys), old.parents != nil)
	for i, h := range old.keys {
		if h == 0 {
			continue
		}
		p := uint64(0)
		if old.parents != nil {
			p = old.parents[i]
		}
		v.add(h, p)
	}
}

// result is what an exploration found.
type result struct {
	states int
	depth  int
	whole  bool     // every world was visited
	trace  []string // of a violation, nil if there is none
}

var hashSeed = maphash.MakeSeed()

func hash(b []byte) uint64 { return maphash.Bytes(hashSeed, b) | 1 }

// explore visits, breadth first, every world of a scope, or limit of them.
func explore(sc scope, limit int, traced bool) result {
	t := newTable(sc)
	seen := newVisited(1<<16, traced)
	var buf [headerSize + maxReplicas*columnSize]byte
	w := t.first()
	code := t.encode(&w, buf[:0])
	size := len(code)
	root := hash(code)
	seen.add(root, 0)
	front := append([]byte(nil), code...)
	res := result{whole: true}
	var bad uint64
	for len(front) > 0 && bad == 0 {
		var next []byte
		for at := 0; at < len(front) && bad == 0; at += size {
			t.decode(front[at:at+size], &w)
			parent := hash(front[at : at+size])
			t.steps(&w, func(n *world, _ step, done bool) {
				if bad != 0 {
					return
				}
				t.confirm(n)
				code := t.encode(n, buf[:0])
				h := hash(code)
				if !seen.add(h, parent) {
					return
				}
				if done && !t.linear(n) {
					bad = h
					return
				}
				next = append(next, code...)
			})
			if seen.n > limit {
				res.whole = false
				res.states = seen.n
				return res
			}
		}
		front = next
		res.depth++
	}
	res.states = seen.n
	if bad != 0 {
		res.trace = []string{"violation"}
		if traced {
			res.trace = t.trace(seen, root, bad)
		}
	}
	return res
}

// trace retells how a world came about.
func (t *table) trace(seen *visited, root, bad uint64) (out []string) {
	var path []uint64
	for h := bad; h != root; h = seen.parents[seen.find(h)] {
		path = append(path, h)
	}
	var buf [headerSize + maxReplicas*columnSize]byte
	w := t.first()
	for i := len(path) - 1; i >= 0; i-- {
		found := false
		var then world
		t.steps(&w, func(n *world, s step, _ bool) {
			t.confirm(n)
			code := t.encode(n, buf[:0])
			if found || hash(code) != path[i] {
				return
			}
			found = true
			out = append(out, fmt.Sprintf("%s %d (of %s)", s.kind, s.b, fmt.Sprint(s.a)))
			t.decode(code, &then)
		})
		w = then
	}
	return out
}

// scopes are explored to the end on every run, and longScopes too with RHIZOME_SOAK.
var scopes = []scope{
	{name: "two swaps and an identity", ops: "SSI", old: "123", live: true},
	{name: "two swaps and two reads", ops: "SSRR", old: "123", live: true, fixed: true},
	{name: "two swaps, a read, the ceiling and two restarts", ops: "SSR", old: "123", crashes: 2, fixed: true, late: true, rounds: true},
	{name: "put-if-absent against delete and swap", ops: "XDSR", old: "123", live: true, fixed: true},
	{name: "create, delete, read; forgetting", ops: "CDR", old: "123", forgets: 2, ballots: 3, rounds: true},
	{name: "delete, swap; forgetting beside other rows' floors", ops: "DSR", old: "123", live: true, fixed: true, forgets: 1, floors: 1},
	{name: "delete, identity; forgetting and a restart", ops: "DI", old: "123", live: true, forgets: 2, crashes: 1},
	{name: "retries with update IDs", ops: "SS", old: "123", ballots: 3, retry: true, unheard: true},
	{name: "retries after a deletion was forgotten", ops: "SD", old: "1", ballots: 4, retry: true, unheard: true, crashes: 1, forgets: 1},
	{name: "a fence against swaps", ops: "SXF", old: "123"},
	{name: "five replicas, a swap, a delete, a read", ops: "SDR", old: "12345", live: true, fixed: true},
	{name: "import 123 to 345", ops: "SSR", old: "123", new: "345", live: true, fixed: true, modes: "21*"},
	{name: "import 1 to 123, forgetting", ops: "DSR", old: "1", new: "123", live: true, fixed: true, forgets: 1},
	{name: "three layouts, 1 to 2 to 12, forgetting", ops: "DSR", old: "1", new: "2", third: "12", live: true, fixed: true, forgets: 1, modes: "**3"},
	{name: "three layouts, 12 to 23 to 14", ops: "SSR", old: "12", new: "23", third: "14", live: true, fixed: true, modes: "123"},
	{name: "three layouts, 123 to 3 to 4", ops: "SSR", old: "123", new: "3", third: "4", live: true, fixed: true, modes: "123"},
	{name: "import 1 to 12, again or after a restart", ops: "SSR", old: "1", new: "12", live: true, fixed: true, crashes: 2, marks: true, drops: true},
	{name: "import 12 to 23, again or after a restart, forgetting", ops: "DS", old: "12", new: "23", live: true, fixed: true, crashes: 2, forgets: 1, marks: true, drops: true},
	{name: "create, foreclose, read; forgetting", ops: "CGR", old: "123", ballots: 3, forgets: 2},
	{name: "create again, foreclose; forgetting", ops: "CG", old: "123", ballots: 3, retry: true, forgets: 2},
	{name: "create, foreclose; import 1 to 12", ops: "CG", old: "1", new: "12", ballots: 4, retry: true, forgets: 2},
	{name: "import 123 to 3, a restart", ops: "SI", old: "123", new: "3", live: true, crashes: 1},
	{name: "two replicas, reads alone", ops: "SSAA", old: "12", live: true},
	{name: "two replicas, reads alone and together, a restart", ops: "SSAR", old: "12", live: true, fixed: true, crashes: 1, rounds: true},
	{name: "two replicas, delete, swap, reads alone; forgetting beside floors", ops: "DSAA", old: "12", live: true, fixed: true, forgets: 2, floors: 1},
	{name: "two replicas, create, delete, reads alone; forgetting", ops: "CDAA", old: "12", forgets: 2, ballots: 3},
	{name: "two replicas, a fence, a read alone", ops: "SXFA", old: "12", heal: true},
	{name: "two replicas, retries, a read alone", ops: "SSA", old: "12", ballots: 3, retry: true, unheard: true},
	{name: "import 1 to 12, reads alone", ops: "SSAA", old: "1", new: "12", live: true, heal: true},
	{name: "import 1 to 12, reads alone, again after a restart", ops: "SSAA", old: "1", new: "12", live: true, fixed: true, crashes: 1, marks: true},
	{name: "import 123 to 12, reads alone", ops: "SSAA", old: "123", new: "12", live: true, fixed: true},
	{name: "import 123 to 34, reads alone, healing", ops: "SSAA", old: "123", new: "34", live: true, fixed: true, heal: true, modes: "1*22"},
	{name: "import 12 to 13, reads alone", ops: "SSAA", old: "12", new: "13", live: true, fixed: true},
	{name: "three layouts, 12 to 1 to 12, reads alone, forgetting", ops: "DSAA", old: "12", new: "1", third: "12", live: true, fixed: true, forgets: 1, inorder: true},
}

// longScopes take minutes to hours and gigabytes; the largest are only bounded.
var longScopes = []scope{
	{name: "three swaps and a read", ops: "SSSR", old: "123", live: true},
	{name: "two swaps and two reads, two restarts", ops: "SSRR", old: "123", crashes: 2, late: true, rounds: true},
	{name: "create, delete, two reads; forgetting", ops: "CDRR", old: "123", forgets: 2, ballots: 3, rounds: true},
	{name: "create, delete, swap, read; forgetting", ops: "CDSR", old: "123", forgets: 2, heal: true, crashes: 1},
	{name: "delete, swap, read; forgetting, a restart, floors", ops: "DSR", old: "123", live: true, fixed: true, forgets: 1, crashes: 1, floors: 1},
	{name: "retries with update IDs, two each", ops: "SS", old: "123", ballots: 4, retry: true},
	{name: "retries, lost answers, a restart", ops: "SSR", old: "123", ballots: 4, retry: true, unheard: true, crashes: 1},
	{name: "import 123 to 345, two swaps, two reads", ops: "SSRR", old: "123", new: "345", live: true, fixed: true, modes: "1122"},
	{name: "import 123 to 345, any mode", ops: "SSR", old: "123", new: "345", live: true},
	{name: "import 123 to 345, healing", ops: "SSR", old: "123", new: "345", live: true, fixed: true, heal: true},
	{name: "import 123 to 4", ops: "SSR", old: "123", new: "4", live: true, heal: true},
	{name: "import 12345 to 123", ops: "SSR", old: "12345", new: "123", live: true, fixed: true},
	{name: "import 123 to 145, forgetting", ops: "DSR", old: "123", new: "145", live: true, fixed: true, forgets: 2},
	{name: "import 1 to 123, forgetting twice", ops: "DSR", old: "1", new: "123", live: true, forgets: 2},
	{name: "import 123 to 345, again after a restart", ops: "SSR", old: "123", new: "345", live: true, fixed: true, crashes: 1, marks: true, modes: "12*"},
	{name: "three layouts, 123 to 145 to 123", ops: "SSR", old: "123", new: "145", third: "123", live: true, fixed: true, modes: "123"},
	{name: "three layouts, 1 to 12 to 23, forgetting", ops: "DSR", old: "1", new: "12", third: "23", live: true, fixed: true, forgets: 2},
	{name: "three layouts, 1 to 123 to 3", ops: "SSR", old: "1", new: "123", third: "3", live: true, fixed: true, modes: "123"},
	{name: "three layouts, 123 to 145 to 123, forgetting", ops: "DR", old: "123", new: "145", third: "123", live: true, fixed: true, forgets: 2},
	{name: "import 1 to 123, again after a restart", ops: "SSR", old: "1", new: "123", live: true, fixed: true, inorder: true, crashes: 1, marks: true, modes: "222"},
	{name: "import 12 to 123, restarts", ops: "SSR", old: "12", new: "123", live: true, crashes: 1},
	{name: "two replicas, retries, reads alone, a restart", ops: "SSAA", old: "12", ballots: 4, retry: true, unheard: true, crashes: 1},
	{name: "import 123 to 12, reads alone, any mode, healing, a restart", ops: "SSAA", old: "123", new: "12", live: true, heal: true, crashes: 1},
	{name: "three layouts, 1 to 12 to 23, reads alone, forgetting", ops: "DSAA", old: "1", new: "12", third: "23", live: true, fixed: true, forgets: 2},
}

func TestExplore(t *testing.T) {
	limit, list := 4_000_000, scopes
	if seeds.Long() {
		limit, list = 10_000_000, append(list[:len(list):len(list)], longScopes...)
	}
	for _, sc := range list {
		t.Run(sc.name, func(t *testing.T) {
			r := explore(sc, limit, false)
			t.Logf("%d worlds, depth %d, whole %v", r.states, r.depth, r.whole)
			if r.trace != nil {
				t.Fatalf("a violation:\n%s", strings.Join(explore(sc, limit, true).trace, "\n"))
			}
			if !r.whole && !seeds.Long() {
				t.Error("the scope is too large to be explored to the end")
			}
		})
	}
}

// TestEveryRuleIsNeeded breaks each rule and looks for the harm.
func TestEveryRuleIsNeeded(t *testing.T) {
	moved := scope{ops: "SSR", old: "123", new: "345", live: true, fixed: true, modes: "21*"}
	for _, b := range []struct {
		name   string
		in     scope
		broken rules
	}{
		{"promises do not bind", scope{ops: "SS", old: "123"}, rules{noPromise: true}},
		{"promises are lost by a restart", scope{ops: "SS", old: "123", crashes: 1}, rules{noCeiling: true}},
		{"forgetting leaves no floor", scope{ops: "CDR", old: "123", forgets: 3}, rules{noFloor: true}},
		{"forgetting by majority", scope{ops: "CDR", old: "123", forgets: 2, ballots: 3, rounds: true}, rules{forgetByMost: true}},
		{"confirmations count across layouts", scope{ops: "DI", old: "123", new: "145", live: true, fixed: true, forgets: 2, modes: "*2"}, rules{anyVersion: true}},
		{"reads answer with the highest", scope{ops: "SRR", old: "123", live: true}, rules{readAny: true}},
		{"a second attempt skips Prepare", scope{ops: "CSR", old: "123", retry: true, ballots: 3}, rules{createAgain: true}},
		{"a row is foreclosed below its maker's ballot", scope{ops: "CG", old: "123"}, rules{forgoBelow: true}},
		{"the same, and it was forgotten since", scope{ops: "CG", old: "1", ballots: 3, retry: true, forgets: 1}, rules{makeAnew: true}},
		{"retries do not know themselves", scope{ops: "SS", old: "123", ballots: 3, retry: true}, rules{noRecent: true}},
		{"not listed means not done", scope{ops: "SD", old: "1", ballots: 3, retry: true, unheard: true, forgets: 1}, rules{noHorizon: true}},
		{"refused means never accepted", scope{ops: "SS", old: "1", ballots: 3, retry: true, unheard: true}, rules{neverTwice: true}},
		{"a refusal rests on what may vanish", scope{ops: "SXR", old: "123"}, rules{blindRefusal: true}},
		{"reads count answers from behind a fence", scope{ops: "SF", old: "123"}, rules{anyFence: true}},
		{"a source goes on serving", moved, rules{noSeal: true}},
		{"promises are not imported", moved, rules{noImportBound: true}},
		{"soft records count in reads", scope{ops: "SSRR", old: "123", new: "345", live: true, fixed: true, inorder: true, modes: "1122"}, rules{noSoft: true}},
		{"one source is enough", moved, rules{importOne: true}},
		{"imported records count though they are not chosen", scope{ops: "SSRR", old: "123", new: "345", live: true, fixed: true, inorder: true, modes: "1122"}, rules{softNever: true}},
		{"a source that has not imported", scope{ops: "SSR", old: "1", new: "2", third: "3", live: true, fixed: true, modes: "123"}, rules{anySource: true}},
		{"stale rows on a new tenure", scope{ops: "DR", old: "12", new: "1", third: "12", live: true, fixed: true, forgets: 2, ballots: 3, rounds: true, modes: "23"}, rules{keepStale: true}},
		{"who imports again confirms a deletion", scope{ops: "DR", old: "1", new: "2", live: true, fixed: true, forgets: 1, ballots: 4, rounds: true, crashes: 1, marks: true, modes: "22"}, rules{confirmEarly: true}},
		{"who votes again takes what is not its vote", scope{ops: "SSR", old: "1", new: "123", live: true, fixed: true, inorder: true, crashes: 1, marks: true, modes: "222"}, rules{importAgain: true}},
		{"alone, a replica answers what is in doubt", scope{ops: "SAA", old: "12", live: true}, rules{aloneAny: true}},
		{"alone, one of three answers", scope{ops: "SA", old: "123", live: true}, rules{aloneOfThree: true}},
		{"alone, a replica answers before it has all rows", scope{ops: "SSA", old: "1", new: "12", live: true}, rules{aloneEarly: true}},
		{"a record inherits that the one before it is in no doubt", scope{ops: "SAA", old: "12", live: true}, rules{staleVouch: true}},
		{"what one of several sources held is in no doubt", scope{ops: "SAA", old: "123", new: "12", live: true, fixed: true}, rules{importSure: true}},
	} {
		t.Run(b.name, func(t *testing.T) {
			b.in.broken = b.broken
			r := explore(b.in, 4_000_000, true)
			if t.Logf("%d worlds, depth %d", r.states, r.depth); r.trace == nil {
				t.Error("nothing is wrong without the rule")
			}
			if testing.Verbose() {
				t.Logf("\n%s", strings.Join(r.trace, "\n"))
			}
		})
	}
}

// TestWorldsAreWrittenDownWhole checks the explorer's own memory of a world.
func TestWorldsAreWrittenDownWhole(t *testing.T) {
	for _, sc := range scopes {
		tab := newTable(sc)
		w := tab.first()
		for n := range 300 {
			count := 0
			var pick []byte
			tab.steps(&w, func(next *world, _ step, _ bool) {
				tab.confirm(next)
				if count++; (n*7+count*13)%5 == 0 || pick == nil {
					pick = tab.encode(next, nil)
				}
			})
			if pick == nil {
				w = tab.first()
				continue
			}
			tab.decode(pick, &w)
			if again := tab.encode(&w, nil); string(again) != string(pick) {
				t.Fatalf("%s: after %d steps\n%v\nbecame\n%v", sc.name, n, pick, again)
			}
		}
	}
}
