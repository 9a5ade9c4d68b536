package node

import (
	"errors"
	"os"
	"strings"
	"testing"

	"rhizome/base/errs"
)

// TestAnOldCopyDoesNotTakePart: a folder that is put back as it was an hour before is refused,
// said on both sides, and nothing is lost.
func TestAnOldCopyDoesNotTakePart(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, _, c := h.three()
	name, dir := "lille", c.config.Data
	h.kill(name)
	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	h.up(name)
	h.settled(3)
	a.put(t, "since", []byte("the copy"))
	h.kill(name)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), c.config)
	if err == nil {
		_ = n.Close()
	}
	if !errors.Is(err, errs.Denied) || !strings.Contains(err.Error(), "old copy") {
		t.Fatalf("the copy starts: %v", err)
	}
	h.eventually("the others say so", func() bool {
		all, err := a.Nodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			if n.OlderCopy && !n.Up && n.ID == c.keys.id().String() {
				return true
			}
		}
		return false
	})
	if got := a.get(t, "since"); string(got) != "the copy" {
		t.Errorf("read %q", got)
	}
}
