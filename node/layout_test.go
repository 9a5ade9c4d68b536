package node

import (
	"errors"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// TestAnotherRootKeyIsRefused: rows open under the root key that they were made with,
// and under no other.
func TestAnotherRootKeyIsRefused(t *testing.T) {
	rows, err := kv.Open(vfs.NewCrashable(), "/rows", kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	root := ident.NewSecret()
	for range 2 {
		if err := checkRoot(rows, root); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkRoot(rows, ident.NewSecret()); !errors.Is(err, errs.Corrupt) {
		t.Errorf("another root key: %v", err)
	}
}
