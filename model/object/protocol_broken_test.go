package object_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// bent is a register.Store that breaks one rule of the protocol.
type bent struct {
	register.Store
	update func(ctx context.Context, row register.Row, c *register.Change) (v *register.Value, err error, done bool)
	read   func(ctx context.Context, row register.Row) (v *register.Value, done bool)
	scan   func(context.Context, *register.Scan) error
	fence  func(register.Table) bool
	affirm func() bool
	settle func(row register.Row, v *register.Value) *register.Value
	after  func(error) error
	create func(ctx context.Context, row register.Row, v *register.Value, err error) error
}

func (b *bent) Update(ctx context.Context, row register.Row, c register.Change) (*register.Value, error) {
	if b.update != nil {
		if v, err, done := b.update(ctx, row, &c); done {
			return v, err
		}
	}
	v, err := b.Store.Update(ctx, row, c)
	if b.after != nil {
		err = b.after(err)
	}
	return v, err
}

func (b *bent) Read(ctx context.Context, row register.Row) (*register.Value, register.Ballot, error) {
	if b.read != nil {
		if v, done := b.read(ctx, row); done {
			return v, register.Ballot{}, nil
		}
	}
	return b.Store.Read(ctx, row)
}

func (b *bent) Scan(ctx context.Context, s register.Scan) (*register.Page, error) {
	if b.scan != nil {
		if err := b.scan(ctx, &s); err != nil {
			return nil, err
		}
	}
	return b.Store.Scan(ctx, s)
}

func (b *bent) Fence(ctx context.Context, t register.Table, part string, epoch uint64) error {
	if b.fence != nil && b.fence(t) {
		return nil
	}
	return b.Store.Fence(ctx, t, part, epoch)
}

func (b *bent) Affirm(ctx context.Context, rows ...register.Row) error {
	if b.affirm != nil && b.affirm() {
		return nil
	}
	return b.Store.Affirm(ctx, rows...)
}

func (b *bent) Settle(row register.Row, v *register.Value) {
	if b.settle != nil {
		v = b.settle(row, v)
	}
	b.Store.Settle(row, v)
}

func (b *bent) Create(ctx context.Context, row register.Row, ballot register.Ballot, v *register.Value) error {
	err := b.Store.Create(ctx, row, ballot, v)
	if b.create != nil {
		return b.create(ctx, row, v, err)
	}
	return err
}

// identity is what collectors do to a row that a reference names.
func identity(c *register.Change) bool { return !c.Above.IsZero() }

// variant is a rule left out, and where that shows.
type variant struct {
	name     string
	scenario string
	replicas int
	break_   func(s *side, b *bent)
	// The schedule that shows it: a seed of TestProtocol, or else a script.
	seed   uint64
	script []turn
}

// without returns an update hook that changes what is asked.
func without(f func(row register.Row, c *register.Change)) func(context.Context, register.Row, *register.Change) (*register.Value, error, bool) {
	return func(_ context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
		f(row, c)
		return nil, nil, false
	}
}

var variants = []variant{
	{"references are not raised", "put", 1, func(_ *side, b *bent) {
		b.update = without(func(_ register.Row, c *register.Change) { c.Raise = nil })
	}, 0, nil},
	{"references are raised after the Accept", "put", 1, func(s *side, b *bent) {
		b.update = func(ctx context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
			raise := c.Raise
			if raise == nil {
				return nil, nil, false
			}
			var at register.Ballot
			c.Raise = func(_ context.Context, b register.Ballot) error { at = b; return nil }
			v, err := s.regs.Update(ctx, row, *c)
			if !at.IsZero() {
				_ = raise(ctx, at)
			}
			return v, err, true
		}
	}, 0, nil},
	{"collectors read instead of fencing", "put", 1, func(s *side, b *bent) {
		b.update = func(ctx context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
			if !identity(c) {
				return nil, nil, false
			}
			v, _, err := s.regs.Read(ctx, row)
			return v, err, true
		}
	}, 189, nil},
	{"collectors write nothing on an absent row", "first put", 3, func(_ *side, b *bent) {
		b.update = without(func(_ register.Row, c *register.Change) {
			if identity(c) {
				c.AbsentToo = false
			}
		})
	}, 0, []turn{{"a/put big1 Accept>0 object", "crash a", 1}, {"b/collect Prepare>0 object", "lose b", everyTime}, {"b/- Settle", "late a/put big1 Accept>0 object", 1}, {"b/collect Read>0 bucket", "late a/put big1 Accept>0 object", 1}}},
	{"buckets are deleted without a fence", "delete bucket", 1, func(_ *side, b *bent) {
		b.scan = func(_ context.Context, s *register.Scan) error { s.Fence = 0; return nil }
	}, 5, nil},
	{"the fence goes before the scan, not with it", "put and delete bucket", 3, func(s *side, b *bent) {
		b.scan = func(ctx context.Context, sc *register.Scan) error {
			epoch := sc.Fence
			sc.Fence = 0
			for _, p := range sc.Parts {
				if epoch != 0 {
					if err := s.regs.Fence(ctx, sc.Table, p, epoch); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}, 0, []turn{{"a/put big1 Accept>0 object", "deliver a/put big1 Accept>2", 1}, {"a/put big1 Accept>0 object", "put off put big1", 1},
		{"b/delete bucket Fence>0 object", "lose b", everyTime}, {"start collect", "deliver a/put big1 Accept>0", 1}}},
	{"uploads are completed without a fence", "complete", 1, func(_ *side, b *bent) {
		b.fence = func(t register.Table) bool { return t == object.Parts }
	}, 109, nil},
	{"uploads are completed without affirming their parts", "part and complete", 3, func(_ *side, b *bent) {
		b.affirm = func() bool { return true }
	}, 0, []turn{{"a/part big2 Accept>1 part", "crash a", 1}, {"b/complete Scan>0 part", "lose b", 2}}},
	{"settling passes a final fence", "put and delete bucket", 3, func(_ *side, b *bent) {
		b.update = without(func(_ register.Row, c *register.Change) {
			if c.Epoch == register.EpochSettle {
				c.Epoch = register.EpochFinal
			}
		})
	}, 0, []turn{{"a/put big1 Accept>1 object", "crash a", 1}, {"b/delete bucket Scan>0 object", "lose b", 2}, {"b/collect Scan>0 object", "lose b", 1}}},
	{"an unknown outcome is taken for a refusal", "put", 1, func(_ *side, b *bent) {
		b.after = func(err error) error {
			if errs.KindOf(err) == errs.Unavailable {
				return errs.Newf(errs.Conflict, "refused: %w", errors.New(err.Error()))
			}
			return err
		}
	}, 0, []turn{{"a/put big1 Accept>0 object", "lose the answer", 1}, {"a/put big1 Prepare>0 object", "give up put", 1}}},
	{"an extent's row that a majority lacks counts as deleted", "put", 3, func(s *side, b *bent) {
		b.update = func(ctx context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
			if row.Table != extent.Extents || !c.AbsentToo {
				return nil, nil, false
			}
			v, _, err := s.regs.Read(ctx, row)
			return v, err, true
		}
	}, 0, []turn{{"a/put big1 Accept>1 extent", "put off put big1", 1}}},
}

func bend(v variant) func(*side) register.Store {
	return func(s *side) register.Store {
		b := &bent{Store: s.regs}
		v.break_(s, b)
		return b
	}
}

// TestBroken: a protocol that lacks any one rule is caught.
func TestBroken(t *testing.T) {
	for _, v := range variants {
		t.Run(strings.ReplaceAll(v.name, " ", "_"), func(t *testing.T) {
			if caught := v.hunt(t); caught == "" {
				t.Error("nothing shows that the rule is missing")
			} else {
				t.Log(caught)
			}
		})
	}
}

// hunt plays the schedule that a variant does not survive.
func (v *variant) hunt(t *testing.T) string {
	sc, ok := scenarioOf(v.scenario)
	if !ok {
		t.Fatal("no such scenario")
	}
	var r *run
	inWorld(t, v.replicas, func(w *world) {
		if v.seed != 0 {
			r = w.walk(sc, v.seed, bend(*v))
			return
		}
		r = w.newRun(1)
		r.broken, r.script = bend(*v), slices.Clone(v.script)
		skew := time.Duration(0)
		if len(v.script) > 0 {
			skew = time.Second // so that the first side's first ballots win
		}
		r.play1(sc, skew)
	})
	if testing.Verbose() {
		t.Log(r.report())
	}
	return r.failed
}

// TestScripts: the schedules that break the variants do not break the protocol.
func TestScripts(t *testing.T) {
	for _, v := range variants {
		whole := v
		whole.break_ = func(*side, *bent) {}
		if failed := whole.hunt(t); failed != "" {
			t.Errorf("%s: %s", v.name, failed)
		}
	}
}
