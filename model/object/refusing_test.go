package object_test

import (
	"context"
	"testing"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// refusing fails reads of a table, and updates of one of its rows.
type refusing struct {
	register.Store
	table register.Table
	part  string // of the row whose updates fail
	err   error
}

func (s *refusing) Read(ctx context.Context, row register.Row) (*register.Value, register.Ballot, error) {
	if row.Table == s.table && s.part == "" {
		return nil, register.Ballot{}, s.err
	}
	return s.Store.Read(ctx, row)
}

func (s *refusing) Update(ctx context.Context, row register.Row, c register.Change) (*register.Value, error) {
	if row.Table == s.table && s.part == row.Part {
		return nil, s.err
	}
	return s.Store.Update(ctx, row, c)
}

// TestDropsGoOn: work that fails keeps none of the other work of its row.
func TestDropsGoOn(t *testing.T) {
	f := newFixture(t)
	f.put("k", random(100_000))
	first := f.extentIDs()[0]
	f.put("k", random(100_001))
	f.put("k", random(100_002))
	fail := &refusing{Store: f.Regs, table: extent.Extents, part: first.Key(), err: errs.New(errs.Unavailable, "the disk is away")}
	f.failExtents(fail)
	if err := f.Objects.CleanUp(f.ctx); err == nil {
		t.Error("nobody is told")
	}
	if n := f.extents(); n != 2 {
		t.Errorf("%d extents are left, want the one that fails and the present one", n)
	}
}

// failExtents makes the extents of the fixture work on other registers.
func (f *fixture) failExtents(regs register.Store) {
	f.t.Helper()
	var err error
	if f.Objects.Extents, err = extent.New(regs, f.Replica, f.Disks, nil); err != nil {
		f.t.Fatal(err)
	}
}
