package layout

import (
	"errors"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// TestALayoutNamesItsLineage: one that does not could be of any history, and is refused
// wherever it comes from.
func TestALayoutNamesItsLineage(t *testing.T) {
	l := Single(ident.ID{}, Node{ID: ident.NodeID{1}, Zone: "a", Capacity: 1})
	if _, err := Decode(l.Encode()); !errors.Is(err, errs.Corrupt) {
		t.Errorf("a record without a lineage is read: %v", err)
	}
	if _, err := NewChain(l); !errors.Is(err, errs.Corrupt) {
		t.Errorf("a chain begins without a lineage: %v", err)
	}
	l.Lineage = ident.New()
	if _, err := Decode(l.Encode()); err != nil {
		t.Error(err)
	}
}
