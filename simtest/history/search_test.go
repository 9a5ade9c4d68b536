package history

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// plainly is check by a search that tries everything.
func plainly(ops []Op, limit time.Duration) porcupine.CheckResult {
	var all []porcupine.Operation
	for _, o := range ops {
		end := int64(o.Return)
		if o.Outcome == Unknown {
			end = math.MaxInt64
		}
		all = append(all, porcupine.Operation{ClientId: o.Client, Input: o, Call: int64(o.Call), Return: end})
	}
	return porcupine.CheckOperationsTimeout(porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, _ any) (bool, any) {
			ok, next := step(state.(int), input.(Op))
			return ok, next
		},
	}, all, limit)
}

// anyOps draws operations that may or may not have happened in some order.
func anyOps(rng *rand.Rand) (out []Op) {
	for i := range 3 + rng.IntN(6) {
		call := time.Duration(rng.IntN(12))
		o := Op{Client: i, Key: "key", Call: call, Return: call + time.Duration(1+rng.IntN(6)), Value: i + 1, Outcome: Done}
		switch rng.IntN(6) {
		case 0, 1:
			o.Kind, o.Value = Get, rng.IntN(5)
		case 2:
			o.Kind, o.Value = Delete, 0
		default:
			o.Kind = Put
			if rng.IntN(8) == 0 {
				o.Value = 1 // as a copy of another
			}
			switch rng.IntN(4) {
			case 0:
				o.New = true
			case 1:
				o.Match = 1 + rng.IntN(4)
			}
		}
		if !o.Kind.reads() && rng.IntN(2) == 0 {
			o.Outcome = Unknown
		} else if (o.New || o.Match != 0) && rng.IntN(2) == 0 {
			o.Outcome = Mismatch
			if o.Match != 0 && rng.IntN(3) == 0 {
				o.Outcome = Absent
			}
		}
		out = append(out, o)
	}
	return out
}

// TestSearchLeavesNothingOut: the search says the same as one that tries every order.
func TestSearchLeavesNothingOut(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	said := map[porcupine.CheckResult]int{}
	for range 30_000 {
		ops := anyOps(rng)
		want, got := plainly(ops, time.Minute), check(ops, time.Minute)
		if got != want {
			t.Fatalf("%v, and %v if everything is tried:\n%s", got, want, describe(ops))
		}
		said[got]++
	}
	t.Log(said)
	if said[porcupine.Ok] < 5000 || said[porcupine.Illegal] < 5000 {
		t.Errorf("too much of one kind: %v", said)
	}
}

// TestManyUnknownOutcomesAreDecided: forty writes and deletes without an answer, of which no one
// knows which came true, take no longer than as many that were answered.
func TestManyUnknownOutcomesAreDecided(t *testing.T) {
	t.Parallel()
	var ops []Op
	for i := range 40 {
		at := time.Duration(10 * i)
		o := Op{Client: i, Key: "key", Kind: Put, Value: i + 1, Call: at, Return: at + 5, Outcome: Unknown}
		if o.New = i%4 == 3; i%2 == 0 {
			o.Kind, o.Value = Delete, 0
		}
		ops = append(ops, o, Op{Client: 100, Key: "key", Kind: Put, Value: 1000 + i, Call: at + 6, Return: at + 7, Outcome: Done},
			Op{Client: 101, Key: "key", Kind: Get, Value: (1000 + i) * min(i%3, 1), Call: at + 8, Return: at + 9, Outcome: Done})
	}
	last := &ops[len(ops)-1]
	last.Value = 1000 // long overwritten
	if got := check(ops, time.Minute); got != porcupine.Illegal {
		t.Errorf("%v for a read of what was overwritten", got)
	}
	last.Value = 0
	if got := check(ops, time.Minute); got != porcupine.Ok {
		t.Errorf("%v for answers that unknown deletes explain", got)
	}
}
