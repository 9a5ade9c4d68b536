package extentstore

import (
	"encoding/binary"

	"github.com/zeebo/blake3"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Limits of the format. A reader refuses what is beyond them.
const (
	// MaxFrame is the largest frame in stored bytes: 1 MiB and some overhead.
	MaxFrame = 1<<20 + 4<<10
	// MaxFrames is the largest number of frames of one extent.
	MaxFrames = 1024
	// MaxDescriptor is the largest descriptor in bytes.
	MaxDescriptor = 8 << 10
)

const (
	formatVersion = 1
	sumSize       = 16
	rowSize       = 4 + sumSize // one frame in the table: length, checksum
	metaFixed     = 64
	maxMeta       = metaFixed + MaxFrames*rowSize + MaxDescriptor
	tailSize      = 16
	headSize      = 64 // of a segment file
)

const (
	metaMagic = "RZXM"
	tailMagic = "RZXTAIL1"
	segMagic  = "RZXS"
)

const (
	inSegment = 1
	inFile    = 2
)

// sum is the first half of a BLAKE3-256. 128 bits tell damage from chance; who
// wants to forge a frame meets the caller's authenticated encryption, not this.
func sum(b []byte) (out [sumSize]byte) {
	full := blake3.Sum256(b)
	copy(out[:], full[:])
	return out
}

// meta is what an extent says about itself on disk.
type meta struct {
	id    ident.ID
	place byte
	moved bool     // a record that was copied into its segment
	salt  ident.ID // the segment's own, zero in a file
	table table
	desc  []byte
}

func metaLen(frames, desc int) int64 { return int64(metaFixed + frames*rowSize + desc) }

func (m *meta) encode() []byte {
	b := make([]byte, metaFixed, metaLen(m.table.frames(), len(m.desc)))
	copy(b, metaMagic)
	b[4], b[5] = formatVersion, m.place
	binary.BigEndian.PutUint16(b[6:], uint16(len(m.desc)))
	binary.BigEndian.PutUint32(b[8:], uint32(m.table.frames()))
	if m.moved {
		b[12] = 1
	}
	copy(b[16:], m.id[:])
	copy(b[32:], m.salt[:])
	b = append(append(b, m.table...), m.desc...)
	s := sum(b)
	copy(b[48:], s[:])
	return b
}

// metaSize reads from a meta block's fixed part how long the block is.
func metaSize(fixed []byte) (int64, error) {
	if len(fixed) < metaFixed || string(fixed[:4]) != metaMagic {
		return 0, errs.New(errs.Corrupt, "no extent begins here")
	}
	if fixed[4] != formatVersion {
		return 0, errs.Newf(errs.Corrupt, "an extent has format version %d, this program reads version %d", fixed[4], formatVersion)
	}
	desc, frames := int(binary.BigEndian.Uint16(fixed[6:])), binary.BigEndian.Uint32(fixed[8:])
	if desc > MaxDescriptor || frames > MaxFrames {
		return 0, errs.New(errs.Corrupt, "an extent's description is out of bounds")
	}
	return metaLen(int(frames), desc), nil
}

// decodeMeta reads a whole meta block; the result shares b's memory.
func decodeMeta(b []byte) (*meta, error) {
	n, err := metaSize(b)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != n {
		return nil, errs.Newf(errs.Corrupt, "an extent's description has %d bytes, not %d", len(b), n)
	}
	var want, zero [sumSize]byte
	copy(want[:], b[48:])
	copy(b[48:64], zero[:])
	got := sum(b)
	copy(b[48:], want[:])
	if got != want {
		return nil, errs.New(errs.Corrupt, "an extent's description fails its checksum")
	}
	m := &meta{place: b[5], moved: b[12] == 1}
	copy(m.id[:], b[16:])
	copy(m.salt[:], b[32:])
	frames := int(binary.BigEndian.Uint32(b[8:]))
	m.table = table(b[metaFixed : metaFixed+frames*rowSize])
	m.desc = b[metaFixed+frames*rowSize:]
	return m, m.table.check()
}

// table holds one row per frame: stored length and checksum.
type table []byte

func (t table) frames() int      { return len(t) / rowSize }
func (t table) length(i int) int { return int(binary.BigEndian.Uint32(t[i*rowSize:])) }

func (t table) sum(i int) (s [sumSize]byte) {
	copy(s[:], t[i*rowSize+4:])
	return s
}

func (t table) add(length int, s [sumSize]byte) table {
	return append(binary.BigEndian.AppendUint32(t, uint32(length)), s[:]...)
}

// offset returns where frame i begins, counted from the first frame; offset(frames)
// is the length of all.
func (t table) offset(i int) (n int64) {
	for j := range i {
		n += int64(t.length(j))
	}
	return n
}

func (t table) bytes() int64 { return t.offset(t.frames()) }

func (t table) check() error {
	if len(t)%rowSize != 0 || t.frames() > MaxFrames {
		return errs.New(errs.Corrupt, "an extent's frame table is out of bounds")
	}
	for i := range t.frames() {
		if t.length(i) > MaxFrame {
			return errs.Newf(errs.Corrupt, "frame %d of an extent claims %d bytes", i, t.length(i))
		}
	}
	return nil
}

// encodeTail makes the end of an extent's own file: where its meta block begins.
func encodeTail(metaOffset int64) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(metaOffset)), tailMagic...)
}

func decodeTail(b []byte, fileSize int64) (metaOffset int64, err error) {
	if len(b) != tailSize || string(b[8:]) != tailMagic {
		return 0, errs.New(errs.Corrupt, "an extent's file has no end mark")
	}
	off := binary.BigEndian.Uint64(b)
	if n := uint64(fileSize) - tailSize - off; off > uint64(fileSize) || n < metaFixed || n > maxMeta {
		return 0, errs.New(errs.Corrupt, "an extent's end mark points nowhere")
	}
	return int64(off), nil
}

// encodeSegmentHead makes the first headSize bytes of a segment file.
func encodeSegmentHead(num uint64, salt ident.ID) []byte {
	b := make([]byte, headSize)
	copy(b, segMagic)
	b[4] = formatVersion
	binary.BigEndian.PutUint64(b[8:], num)
	copy(b[16:], salt[:])
	s := sum(b[:48])
	copy(b[48:], s[:])
	return b
}

func decodeSegmentHead(b []byte) (num uint64, salt ident.ID, err error) {
	if len(b) != headSize || string(b[:4]) != segMagic || b[4] != formatVersion {
		return 0, salt, errs.New(errs.Corrupt, "a segment file has no readable head")
	}
	if s := sum(b[:48]); string(s[:]) != string(b[48:]) {
		return 0, salt, errs.New(errs.Corrupt, "a segment file's head fails its checksum")
	}
	copy(salt[:], b[16:])
	return binary.BigEndian.Uint64(b[8:]), salt, nil
}
