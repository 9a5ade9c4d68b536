package extent

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// asleep is a node whose rounds run ahead and which is suspended when a row is about to be
// created.
type asleep struct {
	register.Store
	ahead       uint64
	sleeps, not chan struct{}
	row         register.Row
}

func (s *asleep) NewBallot() register.Ballot {
	b := s.Store.NewBallot()
	b.Round += s.ahead
	return b
}

func (s *asleep) Create(ctx context.Context, row register.Row, b register.Ballot, v *register.Value) error {
	s.row = row
	close(s.sleeps)
	<-s.not
	return s.Store.Create(ctx, row, b, v)
}

// TestSuspendedWriter: a writer is suspended with its bytes stored and its row not made.
// It must not succeed once the bytes are gone.
func TestSuspendedWriter(t *testing.T) {
	for name, forgets := range map[string]bool{"tombstone kept": false, "tombstone forgotten": true} {
		t.Run(name, func(t *testing.T) {
			h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
			x := h.all[3]
			s := &asleep{Store: x.regs, ahead: 600_000_000, sleeps: make(chan struct{}), not: make(chan struct{})}
			x.Store.regs = s
			wrote := make(chan error)
			go func() {
				w := x.NewWriter(ctx, x.ref("k"), -1, nil)
				_, err := w.ReadFrom(bytes.NewReader(noise(FrameSize + 5)))
				must(t, err)
				_, err = w.Close(ctx)
				wrote <- err
			}()
			<-s.sleeps
			h.quiet()
			id, err := ident.FromKey(s.row.Part)
			must(t, err)
			if !slices.ContainsFunc(h.all[:3], func(y *home) bool { return y.has(id) }) {
				t.Fatal("nobody has the bytes")
			}
			h.settle()
			h.wantOn(id)
			for _, y := range h.all[:3] {
				if forgets {
					_, err := y.regs.Forget(ctx, 0)
					must(t, err)
				}
			}
			close(s.not)
			if err := <-wrote; err == nil {
				t.Error("a row stands for bytes that are gone")
			}
			if v, _, err := h.all[0].regs.Read(ctx, Row(id)); v != nil || err != nil {
				t.Errorf("the row: %v, %v", v, err)
			}
		})
	}
}

// TestUnreadableDescriptionIsKept: what does not say at which ballot its row may come is
// not deleted.
func TestUnreadableDescriptionIsKept(t *testing.T) {
	w := newHomes(t, 1).all[0]
	b, err := w.disks.Create(ctx, ident.ID{7}, 10)
	must(t, err)
	must(t, b.Append([]byte("ciphertext")))
	must(t, b.Commit([]byte("not a record")))
	if rep, err := w.Sweep(ctx, func(ident.ID) {}); rep.Failed != 1 || !errors.Is(err, errs.Corrupt) {
		t.Errorf("%+v, %v", rep, err)
	}
	if !w.has(ident.ID{7}) {
		t.Error("it was deleted")
	}
}
