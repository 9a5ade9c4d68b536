package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"rhizome/base/errs"
)

// TestWhoseFolder: a data folder and an empty one are taken and closed to others, a
// folder that is somebody's is refused and stays as it is.
func TestWhoseFolder(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		mode  fs.FileMode
		ours  bool
	}{
		"empty":                {nil, 0o755, true},
		"an empty file system": {[]string{"lost+found/"}, 0o755, true},
		"a start that failed":  {[]string{"lock", "pid", "root.key.new"}, 0o755, true},
		"a data folder":        {[]string{"root.key", "rows/", "notes.txt"}, 0o755, true},
		"only extents left":    {[]string{"disk/disk", "disk/extents/"}, 0o750, true},
		"only rows left":       {[]string{"rows.damaged-20260101T000000Z/"}, 0o755, true},
		"somebody's files":     {[]string{"photo.jpg"}, 0o755, false},
		"a folder of locks":    {[]string{"lock/", "run.pid"}, 0o755, false},
		"everybody's":          {nil, 0o777 | fs.ModeSticky, false},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		fill(t, dir, c.files)
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(dir)
		if err == nil {
			f.close()
		}
		info, serr := os.Stat(dir)
		if serr != nil {
			t.Fatal(serr)
		}
		left, _ := os.ReadDir(dir)
		switch {
		case c.ours && (err != nil || info.Mode().Perm() != 0o700):
			t.Errorf("%s: %v, mode %o", name, err, info.Mode().Perm())
		case !c.ours && (!errors.Is(err, errs.Invalid) || info.Mode().Perm() != c.mode.Perm() || len(left) != len(c.files)):
			t.Errorf("%s: %v, mode %o, %v", name, err, info.Mode().Perm(), left)
		}
	}
}

// fill makes files, and folders where a name ends in a slash.
func fill(t *testing.T, dir string, names []string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if name[len(name)-1] == '/' {
			err = os.MkdirAll(path, 0o700)
		} else if err == nil {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestADiskFolderIsClosedToOthersIfItIsEmpty(t *testing.T) {
	for name, want := range map[string]fs.FileMode{"empty": 0o700, "theirs": 0o755, "new/and/deep": 0o700} {
		dir := filepath.Join(t.TempDir(), name)
		switch name {
		case "empty":
			fill(t, dir, nil)
		case "theirs":
			fill(t, dir, []string{"photo.jpg"})
		}
		if name != "new/and/deep" {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := ownFolder(dir); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want mode %o (%v)", name, info.Mode(), want, err)
		}
	}
}
