package core

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"rhizome/base/seeds"
)

// history plays one world and returns what its clients saw, by key.
func history(seed uint64, broken rules) map[string][]porcupine.Operation {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := &sim{rng: rng, slow: 1 + rng.IntN(10), rules: broken}
	if rng.IntN(3) > 0 {
		s.loss, s.repeat = rng.Float64()*0.2, rng.Float64()*0.2
	}
	n := []int{1, 3, 3, 5}[rng.IntN(4)]
	for range n {
		s.replicas = append(s.replicas, &simReplica{cells: make(map[string]*Cell), limits: Limits{rules: broken}})
	}
	hist := make(map[string][]porcupine.Operation)
	nodes := make([]*simNode, 1+rng.IntN(3))
	for i := range nodes {
		nodes[i] = &simNode{sim: s, id: uint64(i), skew: rng.IntN(60) - 30, hist: hist}
	}
	keys := []string{"a", "b/1", "b/2", "c", "d", "e"}[:1+rng.IntN(6)]
	span := 40 * s.slow
	s.load(nodes, keys, span)
	s.trouble(keys, span)
	s.run()
	return hist
}

// load starts the clients' operations. Each node runs several at once.
func (s *sim) load(nodes []*simNode, keys []string, span int) {
	focus := s.rng.IntN(int(opKinds))
	for id := range 6 + s.rng.IntN(12) {
		node, key := nodes[s.rng.IntN(len(nodes))], keys[s.rng.IntN(len(keys))]
		kind := opKind(s.rng.IntN(int(opKinds)))
		if s.rng.IntN(4) == 0 {
			kind = opKind(focus)
		}
		s.after(s.rng.IntN(span), func() {
			node.start(id, key, input{kind, fmt.Sprintf("%d,", id)}, nil)
		})
	}
	for id := range s.rng.IntN(4) {
		node, limit, delimiter := nodes[s.rng.IntN(len(nodes))], 1+s.rng.IntN(3), byte(s.rng.IntN(2)*'/')
		s.after(s.rng.IntN(2*span), func() { node.scan(100+id, keys, "", limit, delimiter) })
	}
}

// trouble crashes replicas and makes them forget.
func (s *sim) trouble(keys []string, span int) {
	for range s.rng.IntN(6) {
		i := s.rng.IntN(len(s.replicas))
		s.after(s.rng.IntN(span), func() {
			s.replicas[i].down = true
			s.after(s.delay(), s.replicas[i].restart)
		})
	}
	for range s.rng.IntN(12) {
		i, key := s.rng.IntN(len(s.replicas)), keys[s.rng.IntN(len(keys))]
		s.after(s.rng.IntN(2*span), func() { s.forget(i, key) })
	}
	for range s.rng.IntN(3) {
		i := s.rng.IntN(len(s.replicas))
		s.after(s.rng.IntN(span), func() { s.replicas[i].shed() })
	}
}

// judge returns what is wrong with a history, "" if nothing.
func judge(hist map[string][]porcupine.Operation) string {
	for key, ops := range hist {
		if porcupine.CheckOperationsTimeout(registerModel, ops, 20*time.Second) == porcupine.Illegal {
			var b strings.Builder
			fmt.Fprintf(&b, "row %s is not linearizable:\n", key)
			for _, o := range ops {
				fmt.Fprintf(&b, "%6d-%6d client %d: %+v -> %+v\n", o.Call, o.Return, o.ClientId, o.Input, o.Output)
			}
			return b.String()
		}
	}
	return ""
}

func TestSimulation(t *testing.T) {
	known, unknown := 0, 0
	for seed := range seeds.Of(t, 2000, 40_000) {
		hist := history(seed, rules{})
		if wrong := judge(hist); wrong != "" {
			t.Fatalf("RHIZOME_SEED=%d plays it again\n%s", seed, wrong)
		}
		for _, ops := range hist {
			for _, o := range ops {
				if o.Output.(output).known {
					known++
				} else {
					unknown++
				}
			}
		}
	}
	t.Logf("%d operations ended, %d with an unknown outcome", known, unknown)
	if unknown > known/5 {
		t.Errorf("%d operations of %d had an unknown outcome", unknown, known+unknown)
	}
}

func TestSimulationReplays(t *testing.T) {
	if a, b := fmt.Sprint(history(7, rules{})), fmt.Sprint(history(7, rules{})); a != b {
		t.Fatalf("one seed, two histories:\n%s\n%s", a, b)
	}
}

// TestSimulationSeesBrokenRules is no substitute for the explorer: some broken rules
// show themselves in no random history.
func TestSimulationSeesBrokenRules(t *testing.T) {
	for name, broken := range map[string]rules{
		"promises do not bind":           {noPromise: true},
		"promises are lost by a restart": {noCeiling: true},
		"forgetting leaves no floor":     {noFloor: true},
		"forgetting by majority":         {forgetByMost: true},
		"reads answer with the highest":  {readAny: true},
		"retries do not know themselves": {noRecent: true},
		"pages end with the last answer": {longPage: true},
	} {
		seed := uint64(1)
		for seed <= 20_000 && judge(history(seed, broken)) == "" {
			seed++
		}
		if t.Logf("%s: seed %d", name, seed); seed > 20_000 {
			t.Errorf("%s: not seen", name)
		}
	}
}
