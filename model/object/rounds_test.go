package object_test

import (
	"context"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// waiting returns how many rows have work left.
func (f *fixture) waiting() (n int64) {
	f.t.Helper()
	for _, t := range []register.Table{object.Objects, object.Parts, object.Uploads, object.Buckets, extent.Extents} {
		c, err := f.Replica.PendingCount(f.ctx, t)
		if err != nil {
			f.t.Fatal(err)
		}
		n += c
	}
	return n
}

// died fails what a coordinator does to uploads once their object stands.
type died struct {
	register.Store
	stands bool
}

func (s *died) Update(ctx context.Context, row register.Row, c register.Change) (*register.Value, error) {
	if row.Table == object.Uploads && s.stands {
		return nil, errs.New(errs.Unavailable, "the node was killed")
	}
	v, err := s.Store.Update(ctx, row, c)
	s.stands = s.stands || row.Table == object.Objects
	return v, err
}

// leaveCompleting completes an upload that leaves a part out, and dies before it is confirmed.
func (f *fixture) leaveCompleting() {
	f.t.Helper()
	u := f.upload("big")
	p := f.part(u, 1, random(100_000))
	f.part(u, 2, random(50_000))
	f.Objects.Registers = &died{Store: f.Regs}
	if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, p)); err != nil {
		f.t.Fatal(err)
	}
	f.Objects.Registers = f.Regs
}

// TestStepsOfOneRound: what is old enough is brought to its end in one round, however
// many steps that takes.
func TestStepsOfOneRound(t *testing.T) {
	f := newFixture(t)
	f.leaveCompleting()
	for range 2 { // it is seen, then old enough
		if f.waiting() == 0 {
			t.Fatal("nothing was left to be done")
		}
		if err := f.Objects.CleanUp(f.ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.waiting(); n != 0 {
		t.Errorf("%d rows have work left", n)
	}
	if n := f.extents(); n != 1 {
		t.Errorf("%d extents, want that of the part that was named", n)
	}
	f.same("big", random(100_000))
}

// TestStepsAfterCompleting: completing itself leaves no step to a later round.
func TestStepsAfterCompleting(t *testing.T) {
	f := newFixture(t)
	u := f.upload("big")
	p := f.part(u, 1, random(100_000))
	f.part(u, 2, random(50_000))
	if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, p)); err != nil {
		t.Fatal(err)
	}
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	if n := f.waiting(); n != 0 {
		t.Errorf("%d rows have work left", n)
	}
}

// TestStartAlone: on the only node what a crash left is done at the start, whatever the
// age at which it would be looked at else.
func TestStartAlone(t *testing.T) {
	f := newFixture(t)
	f.Objects.Ages.Orphan = 1000 * time.Hour
	f.leaveCompleting()
	w := f.Extents.NewWriter(f.ctx, extent.Ref{ID: [16]byte{1}, Row: register.Row{Table: object.Objects, Part: "nobody"}}, -1, nil)
	if _, err := w.Write(random(1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(f.ctx); err != nil {
		t.Fatal(err)
	}
	f.Extents.Release(w.ID())
	ctx, stop := context.WithCancel(f.ctx)
	ended := make(chan error)
	go func() { ended <- f.Objects.Run(ctx) }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for f.waiting() > 0 {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("work is left that nobody will come back to")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestOthersFirst: a replica leaves work to those before it for a few rounds.
func TestOthersFirst(t *testing.T) {
	f := newFixture(t)
	rank := 1
	f.Objects.Rank = func(string) int { return rank }
	f.put("k", random(100_000))
	if _, err := f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	left := func(rounds int) int64 {
		for range rounds {
			if err := f.Objects.CleanUp(f.ctx); err != nil {
				t.Fatal(err)
			}
		}
		n, err := f.Replica.PendingCount(f.ctx, object.Objects)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if left(2) == 0 {
		t.Error("another replica's work was done before its time")
	}
	if left(1) != 0 {
		t.Error("what another replica did not do is left")
	}
	f.put("k", random(100_000))
	if _, err := f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if rank = 0; left(1) != 0 {
		t.Error("the first replica waits")
	}
}
