package object_test

import (
	"io"
	"os"
	"path/filepath"

	pvfs "github.com/cockroachdb/pebble/v2/vfs"

	"rhizome/base/vfs"
)

// under is a file system whose relative names lie in a folder.
type under struct {
	vfs.FS
	dir string
}

func (u under) at(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(u.dir, name)
}

func (u under) Create(n string, c pvfs.DiskWriteCategory) (vfs.File, error) {
	return u.FS.Create(u.at(n), c)
}
func (u under) Link(a, b string) error { return u.FS.Link(u.at(a), u.at(b)) }
func (u under) Open(n string, o ...pvfs.OpenOption) (vfs.File, error) {
	return u.FS.Open(u.at(n), o...)
}
func (u under) OpenReadWrite(n string, c pvfs.DiskWriteCategory, o ...pvfs.OpenOption) (vfs.File, error) {
	return u.FS.OpenReadWrite(u.at(n), c, o...)
}
func (u under) OpenDir(n string) (vfs.File, error) { return u.FS.OpenDir(u.at(n)) }
func (u under) Remove(n string) error              { return u.FS.Remove(u.at(n)) }
func (u under) RemoveAll(n string) error           { return u.FS.RemoveAll(u.at(n)) }
func (u under) Rename(a, b string) error           { return u.FS.Rename(u.at(a), u.at(b)) }
func (u under) ReuseForWrite(a, b string, c pvfs.DiskWriteCategory) (vfs.File, error) {
	return u.FS.ReuseForWrite(u.at(a), u.at(b), c)
}
func (u under) MkdirAll(n string, p os.FileMode) error { return u.FS.MkdirAll(u.at(n), p) }
func (u under) Lock(n string) (io.Closer, error)       { return u.FS.Lock(u.at(n)) }
func (u under) List(n string) ([]string, error)        { return u.FS.List(u.at(n)) }
func (u under) Stat(n string) (pvfs.FileInfo, error)   { return u.FS.Stat(u.at(n)) }
func (u under) GetDiskUsage(n string) (pvfs.DiskUsage, error) {
	return u.FS.GetDiskUsage(u.at(n))
}
