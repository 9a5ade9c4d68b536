package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Check returns nil if the history is linearizable, and else what is wrong with it. Each
// key is searched for as long as limit; a search that does not end is an error too.
func (h *History) Check(limit time.Duration) error {
	h.mu.Lock()
	odd := slices.Clone(h.odd)
	h.mu.Unlock()
	if len(odd) > 0 {
		return fmt.Errorf("impossible answers:\n%s", strings.Join(odd, "\n"))
	}
	return CheckOps(h.Ops(), limit)
}

// CheckOps is Check for operations alone.
func CheckOps(ops []Op, limit time.Duration) error {
	keys := map[string][]Op{}
	for _, o := range ops {
		keys[o.Key] = append(keys[o.Key], o)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch result := check(keys[key], limit); result {
		case porcupine.Ok:
		case porcupine.Illegal:
			return fmt.Errorf("%s: no order of its operations explains all answers:\n%s", key, describe(shortest(keys[key], limit)))
		default:
			return fmt.Errorf("%s: %d operations were not decided in %v", key, len(keys[key]), limit)
		}
	}
	return nil
}

// shortest returns the beginning of the operations that is wrong already, with the
// operation that makes it so last. It looks at ends: at each, only what had begun.
func shortest(ops []Op, limit time.Duration) []Op {
	var ends []time.Duration
	for _, o := range ops {
		if o.Outcome != Unknown {
			ends = append(ends, o.Return)
		}
	}
	slices.Sort(ends)
	until := func(end time.Duration) (part []Op) {
		for _, o := range ops {
			switch {
			case o.Call > end:
			case o.Return <= end || o.Outcome == Unknown:
				part = append(part, o)
			case !o.Kind.reads(): // under way: it may come true, or not yet
				o.Outcome = Unknown
				part = append(part, o)
			}
		}
		return part
	}
	at, _ := slices.BinarySearchFunc(ends, porcupine.Illegal, func(end time.Duration, _ porcupine.CheckResult) int {
		if check(until(end), limit) == porcupine.Illegal {
			return 0
		}
		return -1
	})
	if at == len(ends) {
		return ops
	}
	return until(ends[at])
}

// describe lists the last operations.
func describe(ops []Op) string {
	const most = 60
	var b strings.Builder
	if len(ops) > most {
		fmt.Fprintf(&b, "(%d operations before)\n", len(ops)-most)
		ops = ops[len(ops)-most:]
	}
	for _, o := range ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}
