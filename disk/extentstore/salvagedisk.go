package extentstore

import (
	"bytes"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/disk/kv"
)

// SalvagedDisk reads a row of a damaged row store that tells of a disk: where it was,
// and the capacity it had. ok is false for any other row.
func SalvagedDisk(key, value []byte) (d Disk, ok bool) {
	id, ok := bytes.CutPrefix(key, []byte{space, keyDisk})
	if !ok || len(id) != len(ident.ID{}) {
		return Disk{}, false
	}
	var row diskRow
	if err := codec.Decode(value, &row); err != nil {
		return Disk{}, false
	}
	return Disk{ID: ident.ID(id), Dir: row.Dir, Capacity: row.Capacity}, true
}

// Expect makes a fresh row store know a disk that is not there at present, so that it
// is taken as absent and not as new.
func Expect(rows *kv.Store, d Disk) error {
	b := rows.NewBatch()
	b.Set(key(keyDisk, d.ID[:]), codec.Encode(diskRow{Dir: d.Dir, Capacity: d.Capacity}))
	return b.Commit()
}
