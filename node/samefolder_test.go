package node

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWithin(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"disk/sub", "disk2", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": "disk", "deep": "disk/sub", "other/up": "../disk"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{
		"disk": true, "disk/": true, "disk/sub": true, "disk/new/newer": true, "link": true, "link/sub": true,
		"link/new": true, "deep": true, "deep/new": true, "other/up/new": true,
		"": false, "disk2": false, "other": false, "new": false, "disknew": false,
	} {
		if got := within(dir+"/"+path, filepath.Join(dir, "disk")); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
	if !sameFolder(dir+"/link", dir+"/disk/") || sameFolder(dir+"/disk", dir+"/disk2") {
		t.Error("which folders are one is not told right")
	}
}
