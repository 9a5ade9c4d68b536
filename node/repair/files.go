package repair

import (
	"errors"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// writeDurably makes or replaces a file: whole or not at all.
func writeDurably(fs vfs.FS, dir, name string, b []byte) error {
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+".new", "rhizome-repair")
	if err == nil {
		_, err = f.Write(b)
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = fs.Rename(path+".new", path)
	}
	if err != nil {
		return errs.Newf(errs.Unavailable, "%s cannot be written: %w", path, err)
	}
	return syncDir(fs, dir)
}

func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return errs.Newf(errs.Unavailable, "the folder %s cannot be made durable: %w", dir, err)
	}
	return nil
}
