package extentstore

import (
	"bytes"
	"errors"
	"os"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// SalvagedDisk reads a row of a damaged row store that tells of a disk: where it was,
// and the capacity it had. compared: the rows were made with what it holds, and no node with others was lost. ok is false
// for any other row.
func SalvagedDisk(key, value []byte) (d Disk, compared, ok bool) {
	id, ok := bytes.CutPrefix(key, []byte{space, keyDisk})
	if !ok || len(id) != len(ident.ID{}) {
		return Disk{}, false, false
	}
	var row diskRow
	if err := codec.Decode(value, &row); err != nil {
		return Disk{}, false, false
	}
	return Disk{ID: ident.ID(id), Dir: row.Dir, Capacity: row.Capacity}, !row.Unread && !row.Uncompared && !row.Doubtful, true
}

// Expect makes a fresh row store know a disk that is not there at present: it is taken
// as absent and not as new, and when it comes back it is this node's, whosever it was,
// and all of it is indexed. It stays uncompared.
func Expect(rows *kv.Store, d Disk) error {
	b := rows.NewBatch()
	b.Set(key(keyDisk, d.ID[:]), codec.Encode(diskRow{Dir: d.Dir, Capacity: d.Capacity, Unread: true, Uncompared: true}))
	return b.Commit()
}

// MendIdentity gives a disk folder that has extents and no readable identity one: the
// given disk's, or a fresh one if that is zero. It is for a disk whose index is made
// anew: a folder without its identity is otherwise taken for a disk that is not there.
func MendIdentity(fs vfs.FS, dir string, id ident.ID, owner Owner) error {
	_, err := readIdentity(fs, dir)
	if err == nil || !errors.Is(err, os.ErrNotExist) && errs.KindOf(err) != errs.Corrupt {
		return err
	}
	if _, err := fs.Stat(fs.PathJoin(dir, extentsDir)); err != nil {
		return nil // nothing of a disk is here
	}
	if id.IsZero() {
		id = ident.New()
	}
	return writeSynced(fs, fs.PathJoin(dir, identityName), identity{id, owner}.encode())
}

// OwnerOf returns which disk a folder is and whose, by its identity file: os.ErrNotExist
// if it has none, errs.Corrupt if that is damaged.
func OwnerOf(fs vfs.FS, dir string) (ident.ID, Owner, error) {
	is, err := readIdentity(fs, dir)
	return is.disk, is.owner, err
}
