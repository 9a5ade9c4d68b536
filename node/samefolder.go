package node

import (
	"os"
	"path/filepath"
)

// sameFolder reports whether two paths name one folder, by whatever links or mounts.
func sameFolder(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// within reports whether path is dir or lies in it, by whatever links or mounts. What
// does not exist yet lies where its nearest folder that exists does.
func within(path, dir string) bool {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	for {
		if sameFolder(path, dir) {
			return true
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		if real, err := filepath.EvalSymlinks(up); err == nil {
			up = real
		}
		path = up
	}
}
