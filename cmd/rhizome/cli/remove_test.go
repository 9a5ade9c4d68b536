package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// TestRefusedForHowLong: why a node may not go yet is told once; one that is down for minutes, or that
// is refused though it keeps nothing, is not waited for for ever; a node that keeps data again stays, which is
// not said of one that never kept any.
func TestRefusedForHowLong(t *testing.T) {
	for name, c := range map[string]struct {
		emptied bool
		node    api.Node
		kind    errs.Kind
		ends    bool
	}{
		"being emptied":          {true, api.Node{Up: true, Draining: true}, 0, false},
		"down":                   {true, api.Node{Draining: true}, errs.Unavailable, true},
		"keeps data again":       {true, api.Node{Up: true}, errs.Conflict, true},
		"refused, keeps nothing": {false, api.Node{Up: true}, errs.Unavailable, true},
	} {
		var told bytes.Buffer
		w := &taking{emptied: c.emptied, line: newLine(&App{Err: &told})}
		var err error
		looks := 0
		for ; looks < 2*maxDown && err == nil; looks++ {
			err = w.refused(&c.node, fmt.Sprintf("%d MB are left", looks))
		}
		if (err != nil) != c.ends || c.ends && !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		if n := strings.Count(told.String(), "Not yet: 0 MB are left"); c.kind != errs.Conflict && n != 1 {
			t.Errorf("%s: it is told %d times", name, n)
		}
		if c.kind == errs.Unavailable && looks != maxDown+1 {
			t.Errorf("%s: %d looks", name, looks)
		}
	}
}
