package register

import (
	"encoding/binary"
	"math/bits"

	"rhizome/base/errs"
	"rhizome/base/short"
)

// Keys in the row store, by first byte:
//
//	'r' ROW          head of a row: see record.go
//	'b' ROW          its blob, if it has one
//	't' ROW          its ballot: it is a tombstone, to be forgotten one day
//	'w' ROW          the row is on the table's work list
//	'u' ROW ballot   the row's record at that ballot is in doubt: see doubt.go
//	'g' PART kind    counter of (table, part): kind 0 sums Count, 1 sums Bytes
//	'd' G bucket     counter: digest of the rows of G in a bucket; of bucket 64, the sum of
//	                 those of all others, see digest.go
//	'f' 'c'          ceiling, a ballot
//	'f' 'i'          whose store this is: 32 bytes, the node's ID
//	'f' 't' G        tenure of slot group G: see tenure.go
//	'f' 'p' G        import of G: up to where it has come, see importing.go
//	'f' 's' G        doubts of G are listed: the term, 8 bytes, and 1 if it is sure
//	'f' 'd'          digests are kept: 1 byte, their version
//	'f' 'v'          of the first release: layout version that is served, 8 bytes
//	'f' 'l' G        floor of slot group G (2 bytes), a ballot
//	'f' 'e' PART     fence of (table, part): epoch, 8 bytes
//
// where numbers are big-endian and
//
//	PART  =  table (1)  slot (2)  length of part (2)  part
//	ROW   =  PART  sort
//
// so that the order of the keys of one (table, part) is the byte order of Sort.
// A slot is the low 16 bits of the first 8 bytes of BLAKE3(part), in reverse order:
// the rows of a partition are then one range per table, for each power of two of
// partitions up to 65,536. A slot group is the high 10 bits of a slot.
const (
	headKey   = 'r'
	blobKey   = 'b'
	tombKey   = 't'
	workKey   = 'w'
	doubtKey  = 'u'
	weightKey = 'g'
	ownKey    = 'f'

	groupBits = 10
	groups    = 1 << groupBits

	partAt = 6 // where part begins in a ROW key, first byte included
)

// MaxKey is the limit on the bytes of Part and Sort together.
const MaxKey = 2000

var (
	ceilingKey = []byte{ownKey, 'c'}
	nodeKey    = []byte{ownKey, 'i'}
	versionKey = []byte{ownKey, 'v'}
)

// slotOf returns the slot of a partition key.
func slotOf(part string) uint16 {
	sum := short.Sum256(part)
	return bits.Reverse16(binary.BigEndian.Uint16(sum[6:8]))
}

func groupOf(slot uint16) int { return int(slot >> (16 - groupBits)) }

// appendPart appends first and the PART of (t, part).
func appendPart(dst []byte, first byte, t Table, part string) []byte {
	dst = append(dst, first, byte(t))
	dst = binary.BigEndian.AppendUint16(dst, slotOf(part))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(part)))
	return append(dst, part...)
}

// rowKey returns first and the ROW of row.
func rowKey(first byte, row Row) []byte {
	dst := make([]byte, 0, partAt+len(row.Part)+len(row.Sort)+8)
	return append(appendPart(dst, first, row.Table, row.Part), row.Sort...)
}

// keySlot returns the slot inside a ROW key.
func keySlot(key []byte) uint16 { return binary.BigEndian.Uint16(key[2:4]) }

// withFirst returns a copy of key with another first byte.
func withFirst(first byte, key []byte) []byte {
	out := append(make([]byte, 0, len(key)), key...)
	out[0] = first
	return out
}

// DecodeKey reads a ROW key of any of the kinds above. It fails with errs.Corrupt.
func DecodeKey(key []byte) (Row, error) {
	if len(key) < partAt {
		return Row{}, errs.Newf(errs.Corrupt, "a row's key has only %d bytes", len(key))
	}
	n := int(binary.BigEndian.Uint16(key[4:6]))
	if n > len(key)-partAt {
		return Row{}, errs.Newf(errs.Corrupt, "a row's key names a partition key of %d bytes and has %d", n, len(key)-partAt)
	}
	s := string(key[partAt:])
	row := Row{Table: Table(key[1]), Part: s[:n], Sort: s[n:]}
	if len(s) > MaxKey || keySlot(key) != slotOf(row.Part) {
		return Row{}, errs.New(errs.Corrupt, "a row's key is not one that this program writes")
	}
	return row, nil
}

// after returns the least key above all that begin with prefix, nil if there is
// none.
func after(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

func floorKey(group int) []byte {
	return binary.BigEndian.AppendUint16([]byte{ownKey, 'l'}, uint16(group))
}

func fenceKey(t Table, part string) []byte {
	return appendPart([]byte{ownKey}, 'e', t, part)
}

func checkRow(row Row) error {
	if n := len(row.Part) + len(row.Sort); n > MaxKey {
		return errs.Newf(errs.TooLarge, "a row's key has %d bytes, the limit is %d", n, MaxKey)
	}
	return nil
}
