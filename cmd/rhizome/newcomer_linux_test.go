package main

import (
	"os"
	"strings"
	"testing"
)

// TestTheLastOwnerIsNamed when its key is to be deleted, and saying no is no mistake.
func TestTheLastOwnerIsNamed(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(nil, "bucket", "create", "photos")
	s := h.onTerminal("key", "delete", "first key", "--data", h.data)
	s.expect(`No other key owns what it owns: photos\.`)
	s.typeIn("n")
	s.expect("nothing was done")
	if strings.Contains(s.text(), "Error") {
		t.Errorf("an answer is called an error:\n%s", s.text())
	}
	kit := h.onTerminal("recovery-kit", "--data", h.data)
	kit.expect(`Into which folder`)
	kit.typeIn(os.TempDir() + "/none/there")
	kit.expect("there is no folder")
}
