package extentstore

import (
	"encoding/binary"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Keys in the row store. All begin with 'x'; the second byte says what follows.
const (
	space       = 'x'
	keyExtent   = 'e' // extent ID -> entry
	keySegment  = 's' // disk ID, segment number -> segmentRow
	keyLive     = 'l' // disk ID, segment number -> counter: bytes of live records
	keyFiles    = 'f' // disk ID -> counter: bytes in extents' own files
	keyGarbage  = 'g' // disk ID, file name -> its size, 8 bytes: a file to remove
	keyDisk     = 'd' // disk ID -> diskRow
	keyClean    = 'c' // present: the last process closed the store
	keyTick     = 't' // rewritten to make what came before it durable
	keyProgress = 'p' // where the scrubber is
)

func key(kind byte, parts ...[]byte) []byte {
	k := []byte{space, kind}
	for _, p := range parts {
		k = append(k, p...)
	}
	return k
}

func extentKey(id ident.ID) []byte { return key(keyExtent, id[:]) }

func segmentKey(kind byte, disk ident.ID, num uint64) []byte {
	return binary.BigEndian.AppendUint64(key(kind, disk[:]), num)
}

func garbageKey(disk ident.ID, name string) []byte { return key(keyGarbage, disk[:], []byte(name)) }

// after returns the least key behind all that begin with k, which never ends in 0xff
// for the prefixes used here.
func after(k []byte) []byte {
	end := append([]byte(nil), k...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// entry says where an extent lies.
type entry struct {
	disk  ident.ID
	seg   uint64 // 0: a file of its own
	meta  int64  // offset of the meta block in its file
	data  int64  // offset of the first frame
	desc  int    // length of the descriptor
	table table
}

type entryRecord struct {
	Disk  []byte `cbor:"1,keyasint"`
	Seg   uint64 `cbor:"2,keyasint,omitempty"`
	Meta  int64  `cbor:"3,keyasint,omitempty"`
	Data  int64  `cbor:"4,keyasint,omitempty"`
	Desc  int    `cbor:"5,keyasint,omitempty"`
	Table []byte `cbor:"6,keyasint"`
}

func (e *entry) encode() []byte {
	return codec.Encode(entryRecord{e.disk[:], e.seg, e.meta, e.data, e.desc, e.table})
}

func decodeEntry(b []byte) (*entry, error) {
	var r entryRecord
	if err := codec.Decode(b, &r); err != nil {
		return nil, err
	}
	disk, err := ident.FromKey(string(r.Disk))
	if err != nil || r.Meta < 0 || r.Data < 0 || r.Desc < 0 || r.Desc > MaxDescriptor {
		return nil, errs.New(errs.Corrupt, "an extent's index entry is out of bounds")
	}
	e := &entry{disk, r.Seg, r.Meta, r.Data, r.Desc, r.Table}
	return e, e.table.check()
}

func (e *entry) metaLen() int64 { return metaLen(e.table.frames(), e.desc) }

// bytes is what the extent occupies on its disk.
func (e *entry) bytes() int64 {
	n := e.metaLen() + e.table.bytes()
	if e.seg == 0 {
		n += tailSize
	}
	return n
}

// same reports whether both entries name the same place.
func (e *entry) same(o *entry) bool {
	return e.disk == o.disk && e.seg == o.seg && e.meta == o.meta
}

// segmentRow is what the row store knows of a segment.
type segmentRow struct {
	// Mark is the offset up to which every record is in the index, or was.
	Mark int64 `cbor:"1,keyasint"`
	// Sealed: nothing behind Mark counts.
	Sealed bool `cbor:"2,keyasint,omitempty"`
}

// diskRow is what the row store knows of a disk.
type diskRow struct {
	Dir      string `cbor:"1,keyasint"`
	Capacity int64  `cbor:"2,keyasint,omitempty"`
	Draining bool   `cbor:"3,keyasint,omitempty"`
	// Unread: the index was made anew while the disk was away. When it comes back it
	// is taken whosever it is by its identity, and all of it is indexed.
	Unread bool `cbor:"4,keyasint,omitempty"`
	// Uncompared: the rows of what uses extents were made anew without this disk, so
	// one that no row uses may be somebody's. Only another rebuild ends that.
	Uncompared bool `cbor:"5,keyasint,omitempty"`
	// Doubtful: nodes were lost for good, and with them perhaps rows that others had not,
	// so an extent that no row uses may be somebody's: see Store.Doubt.
	Doubtful bool `cbor:"6,keyasint,omitempty"`
}
