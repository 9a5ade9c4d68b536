package object_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/cluster/register/core"
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
}

// without returns an update hook that changes what is asked.
func without(f func(row register.Row, c *register.Change)) func(context.Context, register.Row, *register.Change) (*register.Value, error, bool) {
	return func(_ context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
		f(row, c)
		return nil, nil, false
	}
}

var variants = []variant{
	{"references are not raised", "overwrite", 1, func(_ *side, b *bent) {
		b.update = without(func(_ register.Row, c *register.Change) { c.Raise = nil })
	}},
	{"references are raised after the Accept", "overwrite", 1, func(s *side, b *bent) {
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
	}},
	{"collectors read instead of fencing", "overwrite", 1, func(s *side, b *bent) {
		b.update = func(ctx context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
			if !identity(c) {
				return nil, nil, false
			}
			v, _, err := s.regs.Read(ctx, row)
			return v, err, true
		}
	}},
	{"collectors write nothing on an absent row", "delete", 3, func(_ *side, b *bent) {
		b.update = without(func(_ register.Row, c *register.Change) {
			if identity(c) {
				c.AbsentToo = false
			}
		})
	}},
	{"collectors fence below the named ballot", "overwrite", 1, func(s *side, b *bent) {
		low := s.regs.NewBallot()
		b.update = without(func(_ register.Row, c *register.Change) {
			if identity(c) {
				c.Ballot, c.Above = low, register.Ballot{}
			}
		})
	}},
	{"settling takes rows off the lists whatever they hold", "copy", 1, func(s *side, b *bent) {
		b.settle = func(row register.Row, v *register.Value) *register.Value {
			if now, err := s.run.w.reps[0].Read(context.Background(), 1, row); err == nil {
				return now.Record.Value
			}
			return v
		}
	}},
	{"buckets are deleted without a fence", "delete bucket", 1, func(_ *side, b *bent) {
		b.scan = func(_ context.Context, s *register.Scan) error { s.Fence = 0; return nil }
	}},
	{"the fence goes before the scan, not with it", "delete bucket", 3, func(s *side, b *bent) {
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
	}},
	{"uploads are completed without a fence", "complete", 1, func(_ *side, b *bent) {
		b.fence = func(t register.Table) bool { return t == object.Parts }
	}},
	{"uploads are completed without affirming their parts", "complete", 3, func(_ *side, b *bent) {
		b.affirm = func() bool { return true }
	}},
	{"settling passes a final fence", "delete bucket", 3, func(_ *side, b *bent) {
		b.update = without(func(_ register.Row, c *register.Change) {
			if c.Epoch == register.EpochSettle {
				c.Epoch = register.EpochFinal
			}
		})
	}},
	{"an unknown outcome is taken for a refusal", "overwrite", 1, func(_ *side, b *bent) {
		b.after = func(err error) error {
			if errs.KindOf(err) == errs.Unavailable {
				return errs.Newf(errs.Conflict, "refused: %w", errors.New(err.Error()))
			}
			return err
		}
	}},
	{"pending work runs from a value that is not chosen", "overwrite", 3, func(s *side, b *bent) {
		b.read = func(ctx context.Context, row register.Row) (*register.Value, bool) {
			o, _ := ctx.Value(opKey{}).(*op)
			if row.Table != object.Objects || o == nil || o.name != "collect" {
				return nil, false
			}
			var best core.Record
			for _, rep := range s.run.w.reps {
				if a, err := rep.Read(ctx, 1, row); err == nil && best.Ballot.Less(a.Record.Ballot) {
					best = a.Record
				}
			}
			return best.Value, true
		}
	}},
	{"an extent's row that a majority lacks counts as deleted", "overwrite", 3, func(s *side, b *bent) {
		b.update = func(ctx context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
			if row.Table != extent.Extents || !c.AbsentToo {
				return nil, nil, false
			}
			v, _, err := s.regs.Read(ctx, row)
			return v, err, true
		}
	}},
	{"an extent's row is written over a tombstone", "overwrite", 3, func(s *side, b *bent) {
		b.create = func(ctx context.Context, row register.Row, v *register.Value, err error) error {
			if errors.Is(err, errs.Exists) {
				_, err = s.regs.Update(ctx, row, register.Change{Apply: func(*register.Value) (*register.Value, error) { return v, nil }})
			}
			return err
		}
	}},
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
			for _, sc := range scenarios {
				if sc.name != v.scenario && os.Getenv("RHIZOME_PROTOCOL_BROKEN") == "" {
					continue
				}
				for _, n := range []int{1, 3} {
					if n != v.replicas && os.Getenv("RHIZOME_PROTOCOL_BROKEN") == "" {
						continue
					}
					caught := explore(t, sc, n, 400, bend(v))
					if len(caught) > 150 {
						caught = caught[:150]
					}
					fmt.Printf("BROKEN %s | %s/%d | %s\n", v.name, sc.name, n, strings.ReplaceAll(caught, "\n", " "))
				}
			}
		})
	}
}
