package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/blob"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/sstable/colblk"
)

func tableName(num uint64) string  { return fmt.Sprintf("%06d.sst", num) }
func valuesName(num uint64) string { return fmt.Sprintf("%06d.blob", num) }
func logName(num uint64) string    { return fmt.Sprintf("%06d.log", num) }

// Tables and value files are runs of blocks, each followed by five bytes: how it is
// compressed, and a checksum of both. So a file is read block by block with no help
// but the places where they begin, and without those from the start of the file as
// far as the blocks are whole.

const trailerLen = block.TrailerLen

// place is where one block lies, without its trailer.
type place struct{ offset, length int }

var errBlock = errors.New("a block fails its checksum")

// readBlock checks and unpacks a block. The result is aligned as its decoder needs.
func readBlock(file []byte, p place) ([]byte, error) {
	end := p.offset + p.length
	if p.offset < 0 || p.length < 0 || end+trailerLen > len(file) || end < p.offset {
		return nil, errors.New("a block lies beyond the end of the file")
	}
	packed, kind := file[p.offset:end], file[end]
	if checksum(crc32.Update(0, crcTable(), file[p.offset:end+1])) != binary.LittleEndian.Uint32(file[end+1:]) {
		return nil, errBlock
	}
	return unpack(packed, kind)
}

func unpack(packed []byte, kind byte) ([]byte, error) {
	ci := block.CompressionIndicator(kind)
	switch ci {
	case block.NoCompressionIndicator:
		return append(aligned(len(packed))[:0], packed...), nil
	case block.SnappyCompressionIndicator, block.ZstdCompressionIndicator, block.MinLZCompressionIndicator:
	default:
		return nil, fmt.Errorf("a block is compressed in a way (%d) that is unknown", kind)
	}
	n, err := block.DecompressedLen(ci, packed)
	if err != nil || n < 0 || n > 64<<20 {
		return nil, errors.New("a block does not say how long it is")
	}
	out := aligned(n)
	return out, block.DecompressInto(ci, packed, out)
}

// aligned returns n bytes that begin at a multiple of eight.
func aligned(n int) []byte {
	words := make([]uint64, n/8+1)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)[:n]
}

func crcTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// checksum is how Pebble stores a CRC.
func checksum(crc uint32) uint32 { return (crc>>15 | crc<<17) + 0xa282ead8 }

// nextBlock finds the end of the block that begins at an offset by its checksum.
func nextBlock(file []byte, offset int) (place, bool) {
	t := crcTable()
	crc := ^uint32(0)
	for at := offset; at+trailerLen <= len(file); at++ {
		crc = t[byte(crc)^file[at]] ^ crc>>8 // over the kind too, should it stand here
		kind := file[at]
		if kind > byte(block.MinLZCompressionIndicator) || at == offset {
			continue
		}
		if checksum(^crc) == binary.LittleEndian.Uint32(file[at+1:]) {
			return place{offset, at - offset}, true
		}
	}
	return place{}, false
}

// guarded turns a panic over damaged bytes, which no checksum covers, into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("its form is not understood: %v", r)
		}
	}()
	return f()
}

// tablePlaces returns where a table's data blocks are, by its index.
func tablePlaces(file []byte) (out []place, err error) {
	err = guarded(func() error {
		r, err := sstable.NewMemReader(file, readerOptions())
		if err != nil {
			return err
		}
		defer r.Close()
		l, err := r.Layout()
		if err != nil {
			return err
		}
		for _, b := range l.Data {
			out = append(out, place{int(b.Offset), int(b.Length)})
		}
		return nil
	})
	return out, err
}

func readerOptions() sstable.ReaderOptions {
	schema := colblk.DefaultKeySchema(pebble.DefaultComparer, 16)
	return sstable.ReaderOptions{Comparer: pebble.DefaultComparer, Merger: counters,
		KeySchemas: sstable.MakeKeySchemas(&schema)}
}

// scanPlaces finds blocks one after another from the start of a file.
func scanPlaces(file []byte) (out []place) {
	for at := 0; ; {
		p, ok := nextBlock(file, at)
		if !ok {
			return out
		}
		out = append(out, p)
		at += p.length + trailerLen
	}
}

// table reads one table file.
func (s *salvage) table(name string, num uint64) error {
	from, to, seq, listed := []byte(nil), []byte(nil), uint64(math.MaxUint64), false
	if s.list != nil {
		if from, to, seq, listed = s.list.span(num); !listed {
			return nil // its contents are elsewhere by now
		}
	}
	file := s.read(name)
	if file == nil {
		s.damage.gap(from, to, seq)
		return nil
	}
	places, indexErr := tablePlaces(file)
	if indexErr != nil {
		s.damage.file(name, indexErr.Error())
		places = scanPlaces(file)
	}
	w := &tableWalk{salvage: s, name: name, last: from, seq: seq}
	for _, p := range places {
		done, err := w.block(file, p, indexErr != nil)
		if err != nil {
			return err
		}
		if done {
			return nil // the last data block was read, what follows is index and such
		}
	}
	if indexErr != nil || w.open {
		s.damage.gap(w.last, to, seq)
	}
	return nil
}

// tableWalk goes through the blocks of a table. last is the highest key read; open
// says that entries between it and the next key are missing.
type tableWalk struct {
	*salvage
	name string
	last []byte
	seq  uint64
	open bool
}

func (w *tableWalk) block(file []byte, p place, scanned bool) (done bool, err error) {
	var rows []Found
	raw, err := readBlock(file, p)
	if err == nil {
		if scanned && !isDataBlock(raw) {
			return true, nil
		}
		err = guarded(func() error { rows, err = decodeRows(raw); return err })
	}
	if err != nil {
		w.damage.file(w.name, fmt.Sprintf("at byte %d: %v", p.offset, err))
		w.open = true
		return false, nil
	}
	if w.open && len(rows) > 0 {
		w.damage.gap(w.last, rows[0].Key, w.seq)
		w.open = false
	}
	for _, row := range rows {
		if err := w.visit(row); err != nil {
			return false, err
		}
		w.last = row.Key
	}
	return false, nil
}

// Columns of a data block: the key's two parts, the trailer with sequence number and
// kind, a mark, the value, and whether that lies elsewhere.
const (
	columns         = 7
	columnKey       = 0
	columnKeyEnd    = 1
	columnTrailer   = 2
	columnValue     = 4
	columnElsewhere = 5
	blockHead       = 4 // a number before the columns
)

func isDataBlock(b []byte) bool {
	if len(b) < blockHead+7+5*columns {
		return false
	}
	h := colblk.DecodeHeader(b[blockHead:])
	if h.Version != colblk.Version1 || h.Columns != columns || h.Rows == 0 {
		return false
	}
	d := colblk.DecodeBlock(b, blockHead)
	return d.DataType(columnKey) == colblk.DataTypePrefixBytes && d.DataType(columnTrailer) == colblk.DataTypeUint &&
		d.DataType(columnValue) == colblk.DataTypeBytes
}

// decodeRows reads a data block. Keys are copies, values share its memory.
func decodeRows(b []byte) ([]Found, error) {
	if !isDataBlock(b) {
		return nil, errors.New("a block is no block of rows")
	}
	d := colblk.DecodeBlock(b, blockHead)
	keys, ends := d.PrefixBytes(columnKey), d.RawBytes(columnKeyEnd)
	trailers, values, elsewhere := d.Uints(columnTrailer), d.RawBytes(columnValue), d.Bitmap(columnElsewhere)
	out := make([]Found, 0, d.Rows())
	for i := range d.Rows() {
		key := slices.Concat(keys.SharedPrefix(), keys.RowBundlePrefix(i), keys.RowSuffix(i), ends.At(i))
		if i > 0 && len(keys.RowSuffix(i)) == 0 && bytes.Compare(key, out[i-1].Key) < 0 {
			key = out[i-1].Key // an entry of the same key
		}
		f := Found{Key: key, Seq: trailers.At(i) >> 8, Value: values.At(i)}
		switch pebble.InternalKeyKind(trailers.At(i) & 0xff) {
		case pebble.InternalKeyKindSet, pebble.InternalKeyKindSetWithDelete:
			f.Apart = elsewhere.At(i)
		case pebble.InternalKeyKindDelete, pebble.InternalKeyKindSingleDelete, pebble.InternalKeyKindDeleteSized:
			f.Deleted = true
		default:
			f.Key = nil // a counter's part
		}
		if f.Deleted || f.Apart {
			f.Value = nil
		}
		out = append(out, f)
	}
	return slices.DeleteFunc(out, func(f Found) bool { return f.Key == nil }), nil
}

// values reads a file of values that lie apart from their keys. Which keys miss those
// that are damaged shows when they are looked for.
func (s *salvage) values(name string, num uint64) error {
	if s.list != nil {
		if _, listed := s.list.values[num]; !listed {
			return nil
		}
	}
	file := s.read(name)
	if file == nil {
		return nil
	}
	places, err := s.valuePlaces(name)
	if err != nil {
		s.damage.file(name, err.Error())
		places = scanPlaces(file)
	}
	for _, p := range places {
		var values [][]byte
		raw, err := readBlock(file, p)
		if err == nil {
			err = guarded(func() error { values, err = decodeValues(raw); return err })
		}
		if err != nil {
			s.damage.file(name, fmt.Sprintf("at byte %d: %v", p.offset, err))
			continue
		}
		for _, v := range values {
			if err := s.visit(Found{Value: v}); err != nil {
				return err
			}
		}
	}
	return nil
}

func decodeValues(b []byte) (out [][]byte, err error) {
	h := colblk.DecodeHeader(b)
	if h.Version != colblk.Version1 || h.Columns != 1 {
		return nil, nil // not a block of values
	}
	d := colblk.DecodeBlock(b, 0)
	if d.DataType(0) != colblk.DataTypeBytes {
		return nil, nil
	}
	values := d.RawBytes(0)
	for i := range d.Rows() {
		out = append(out, values.At(i))
	}
	return out, nil
}

// readable opens a file of the store.
func (s *salvage) readable(name string) (objstorage.Readable, error) {
	f, err := s.fs.Open(s.fs.PathJoin(s.dir, name))
	if err != nil {
		return nil, err
	}
	r, err := sstable.NewSimpleReadable(f) // owns f
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// valuePlaces returns where the blocks of a file of values are, by its index: a column
// of their offsets, and the end of the last.
func (s *salvage) valuePlaces(name string) (out []place, err error) {
	readable, err := s.readable(name)
	if err != nil {
		return nil, err
	}
	r, err := blob.NewFileReader(s.ctx, readable, blob.FileReaderOptions{ReaderOptions: readerOptions().ReaderOptions})
	if err != nil {
		return nil, errors.Join(err, readable.Close())
	}
	defer r.Close()
	err = guarded(func() error {
		h, err := r.ReadIndexBlock(s.ctx, block.NoReadEnv, nil)
		if err != nil {
			return err
		}
		defer h.Release()
		d := colblk.DecodeBlock(h.BlockData(), blockHead)
		offsets := colblk.DecodeColumn(&d, 1, d.Rows()+1, colblk.DataTypeUint, colblk.DecodeUnsafeUints)
		for i := range d.Rows() {
			out = append(out, place{int(offsets.At(i)), int(offsets.At(i+1)-offsets.At(i)) - trailerLen})
		}
		return nil
	})
	return out, err
}
