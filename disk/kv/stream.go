package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"

	"rhizome/base/errs"
)

// A stream is a copy of ranges of a store that stands damage: blocks one after
// another, each with its own checksum, so that a damaged one costs its own rows and no
// others. Numbers are big-endian.
//
//	4   "RZSB"
//	1   format version, 1
//	1   kind: 'h' header (the first block), 'r' rows, 'e' end (the last block)
//	2   zero
//	4   number of the block, from 0
//	4   length of the packed bytes
//	4   length of the plain bytes
//	32  BLAKE3-256 of the 20 bytes above and the packed bytes
//	n   packed bytes: zstd
//
// The plain bytes of 'h' are the caller's, those of 'e' the number of rows (8), those
// of 'r' rows in the order of their keys: length of the key as a varint, key, length of
// the value as a varint, value.
const (
	streamMagic   = "RZSB"
	streamVersion = 1
	streamHead    = 20
	streamSum     = 32
	streamBlock   = 256 << 10 // plain bytes after which a block ends
	streamMax     = 2 << 20   // the longest block that is read

	blockHeader = 'h'
	blockRows   = 'r'
	blockEnd    = 'e'
)

// WriteStream writes the ranges [from, to), in this order, as they are at one moment,
// behind a header. It returns the number of rows.
func (s *Store) WriteStream(ctx context.Context, w io.Writer, header []byte, ranges ...[2][]byte) (rows uint64, err error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return 0, errs.Newf(errs.Internal, "zstd: %w", err)
	}
	defer enc.Close()
	view := s.View()
	defer view.Close()
	s.Barrier()
	out := &streamWriter{w: w, enc: enc}
	if err := out.block(blockHeader, header); err != nil {
		return 0, err
	}
	for _, r := range ranges {
		if err := out.copyRange(ctx, view, r[0], r[1]); err != nil {
			return out.rows, err
		}
	}
	return out.rows, out.block(blockEnd, binary.BigEndian.AppendUint64(nil, out.rows))
}

type streamWriter struct {
	w      io.Writer
	enc    *zstd.Encoder
	number uint32
	rows   uint64
	plain  []byte
	packed []byte
}

func (w *streamWriter) copyRange(ctx context.Context, v *View, from, to []byte) error {
	it, err := v.Iter(from, to)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.Value()
		if err != nil {
			return err
		}
		w.plain = binary.AppendUvarint(w.plain, uint64(len(it.Key())))
		w.plain = append(w.plain, it.Key()...)
		w.plain = binary.AppendUvarint(w.plain, uint64(len(value)))
		w.plain = append(w.plain, value...)
		w.rows++
		if len(w.plain) < streamBlock {
			continue
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	return w.flush(ctx)
}

func (w *streamWriter) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return errs.Newf(errs.Unavailable, "copying the rows was given up: %w", err)
	}
	if len(w.plain) == 0 {
		return nil
	}
	err := w.block(blockRows, w.plain)
	w.plain = w.plain[:0]
	return err
}

func (w *streamWriter) block(kind byte, plain []byte) error {
	w.packed = w.enc.EncodeAll(plain, w.packed[:0])
	head := make([]byte, streamHead, streamHead+streamSum)
	copy(head, streamMagic)
	head[4], head[5] = streamVersion, kind
	binary.BigEndian.PutUint32(head[8:], w.number)
	binary.BigEndian.PutUint32(head[12:], uint32(len(w.packed)))
	binary.BigEndian.PutUint32(head[16:], uint32(len(plain)))
	sum := streamChecksum(head, w.packed)
	w.number++
	if _, err := w.w.Write(append(head, sum[:]...)); err != nil {
		return err
	}
	_, err := w.w.Write(w.packed)
	return err
}

func streamChecksum(head, packed []byte) (sum [streamSum]byte) {
	h := blake3.New()
	_, _ = h.Write(head)
	_, _ = h.Write(packed)
	h.Sum(sum[:0])
	return sum
}

// StreamDamage says what of a stream could not be read.
type StreamDamage struct {
	// Blocks is the number of places where something unreadable was passed over.
	Blocks int
	// Cut: the end is missing.
	Cut bool
}

// ReadStream reads a stream of size bytes, passing over what is damaged, and calls
// header, if that block can be read, then row for each row, whose arguments are valid
// during the call. It ends with their first error.
func ReadStream(ctx context.Context, r io.ReaderAt, size int64, header func([]byte) error, row func(key, value []byte) error) (StreamDamage, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(streamMax), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return StreamDamage{}, errs.Newf(errs.Internal, "zstd: %w", err)
	}
	defer dec.Close()
	s := &streamReader{r: r, size: size, dec: dec}
	d := StreamDamage{Cut: true}
	for at, broken := int64(0), false; at < size; {
		if err := ctx.Err(); err != nil {
			return d, errs.Newf(errs.Unavailable, "reading a copy of the rows was given up: %w", err)
		}
		kind, plain, n := s.at(at)
		if n == 0 {
			if !broken {
				d.Blocks++
			}
			broken = true
			at = s.seek(at + 1)
			continue
		}
		broken = false
		at += n
		var err error
		switch kind {
		case blockHeader:
			err = header(plain)
		case blockRows:
			err = eachRow(plain, row)
		case blockEnd:
			d.Cut = false
		}
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

type streamReader struct {
	r     io.ReaderAt
	size  int64
	dec   *zstd.Decoder
	buf   []byte
	plain []byte
}

// at reads the block at an offset; n is 0 if there is none.
func (s *streamReader) at(off int64) (kind byte, plain []byte, n int64) {
	var head [streamHead + streamSum]byte
	if _, err := s.r.ReadAt(head[:], off); err != nil && err != io.EOF || off+int64(len(head)) > s.size {
		return 0, nil, 0
	}
	if string(head[:4]) != streamMagic || head[4] != streamVersion {
		return 0, nil, 0
	}
	packed, length := binary.BigEndian.Uint32(head[12:]), binary.BigEndian.Uint32(head[16:])
	if packed > streamMax || length > streamMax || off+int64(len(head))+int64(packed) > s.size {
		return 0, nil, 0
	}
	s.buf = append(s.buf[:0], make([]byte, packed)...)
	if m, _ := s.r.ReadAt(s.buf, off+int64(len(head))); m < int(packed) {
		return 0, nil, 0
	}
	if sum := streamChecksum(head[:streamHead], s.buf); !bytes.Equal(sum[:], head[streamHead:]) {
		return 0, nil, 0
	}
	if cap(s.plain) < int(length) {
		s.plain = make([]byte, 0, length)
	}
	plain, err := s.dec.DecodeAll(s.buf, s.plain[:0:length])
	if err != nil || len(plain) != int(length) {
		return 0, nil, 0
	}
	return head[5], plain, int64(len(head)) + int64(packed)
}

// seek returns the next offset where a block may begin.
func (s *streamReader) seek(from int64) int64 {
	buf := make([]byte, 64<<10)
	for at := from; at < s.size; at += int64(len(buf)) - 3 {
		n, _ := s.r.ReadAt(buf, at)
		if i := bytes.Index(buf[:n], []byte(streamMagic)); i >= 0 {
			return at + int64(i)
		}
	}
	return s.size
}

func eachRow(b []byte, row func(key, value []byte) error) error {
	next := func() []byte {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > math.MaxInt32 || int(n) > len(b)-used {
			b = nil
			return nil
		}
		out := b[used : used+int(n)]
		b = b[used+int(n):]
		return out
	}
	for len(b) > 0 {
		key := next()
		value := next()
		if key == nil || value == nil {
			return nil // the checksum held, so a bug wrote it: what came before stands
		}
		if err := row(key, value); err != nil {
			return err
		}
	}
	return nil
}
