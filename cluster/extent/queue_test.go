package extent

import (
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// TestLearntWhileBusy: what is learnt of an extent while a worker looks at it changes
// nothing under the worker's hands, and how the look ends does not undo it.
func TestLearntWhileBusy(t *testing.T) {
	for name, end := range map[string]error{
		"done":   nil,
		"later":  errLater{Unused, 0},
		"failed": errs.New(errs.Unavailable, "nobody answers"),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMender(&Store{life: t.Context()}, 0)
			m.retry = 0
			id := ident.ID{1}
			m.add(id, Missing, 0, 0)
			before := m.take(t.Context())[0]
			m.add(id, Damaged, 0, time.Hour)
			m.offer(id, ident.NodeID{2})
			if before.why != Missing || before.from != (ident.NodeID{}) {
				t.Errorf("taken: %+v", before)
			}
			m.done(before, end)
			if after := m.take(t.Context())[0]; after.id != id || after.why != Damaged || after.from != (ident.NodeID{2}) {
				t.Errorf("taken again: %+v", after)
			}
		})
	}
}
