package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"

	"rhizome/base/vfs"
)

// logBlock is the unit of a log: a record may span several, and after damage the next
// block is where to look for the beginning of another.
const logBlock = 32 << 10

// journals reads all logs, in order.
func (s *salvage) journals(names []string) error {
	logs := map[uint64]string{}
	for _, name := range names {
		if num, ext, ok := fileNumber(name); ok && ext == "log" {
			logs[num] = name
		}
	}
	for _, num := range slices.Sorted(maps.Keys(logs)) {
		if err := s.journal(logs[num], num); err != nil {
			return err
		}
	}
	return nil
}

// journal reads one log of batches. What follows the last batch is no damage: a crash
// leaves such an end, and a log that is used again has its older self behind it. A
// batch that follows something unreadable, or whose sequence numbers do not follow
// the last one's, shows that some are lost.
func (s *salvage) journal(name string, num uint64) error {
	if s.list != nil && num < s.list.minLog {
		return nil // the tables have it all
	}
	s.logs = append(s.logs, num)
	file := s.read(name)
	w := &logWalk{salvage: s, next: s.next, whole: -1}
	for at := 0; at < len(file); {
		n, err := w.stretch(file, at, num)
		if err != nil {
			return err
		}
		at += n
		w.broken = true
	}
	if w.whole >= 0 && tornEnd(file[w.whole:], num) {
		// After a crash that is a write that was never acknowledged, or else damage.
		w.lose(w.next)
	}
	if w.whole >= 0 {
		// A log is closed when the next one begins, or when the store is closed, which
		// leaves nothing in it.
		mark, ok := chunkOf(file[w.whole:])
		s.closed = ok && mark == uint32(num)+1
	} else {
		s.closed = false
	}
	s.next = w.next
	if w.lost {
		s.gap = true
		s.damage.file(name, fmt.Sprintf("writes between %d and %d are unreadable", w.from, w.to))
		s.lostLog(num)
	}
	return nil
}

// logWalk goes through one log.
type logWalk struct {
	*salvage
	next     uint64 // sequence number that should follow, 0: unknown
	broken   bool   // something before this was unreadable
	lost     bool
	from, to uint64
	whole    int // where the last whole batch of the file ends, -1: there is none
}

func (w *logWalk) lose(to uint64) {
	if !w.lost {
		w.from = w.next
	}
	w.lost, w.to = true, to
}

const chunkHead = 19 // checksum, length, kind, number of the log, offset

// tornEnd reports whether what follows the last batch of a log is the beginning of a
// chunk of this very log. Nothing, zeros, and what was there before when the file
// served as another log are not; nor, for want of a way to tell, is a chunk whose
// number or kind is damaged.
func tornEnd(b []byte, num uint64) bool {
	const firstKind, lastKind = 5, 12 // those that carry a number
	return len(b) >= chunkHead && b[6] >= firstKind && b[6] <= lastKind && binary.LittleEndian.Uint32(b[7:]) == uint32(num)
}

// chunkOf returns the number of the log that the chunk at the start of b is part of.
func chunkOf(b []byte) (num uint32, ok bool) {
	if len(b) < chunkHead {
		return 0, false
	}
	end := chunkHead + int(binary.LittleEndian.Uint16(b[4:]))
	if end > len(b) || checksum(crc32.Update(0, crcTable(), b[6:end])) != binary.LittleEndian.Uint32(b) {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b[7:]), true
}

// stretch reads batches until one is unreadable and returns how many bytes further a
// block begins.
func (w *logWalk) stretch(file []byte, at int, num uint64) (int, error) {
	b := file[at:]
	r := newLogReader(record.NewReader, b, num)
	for {
		body, err := r.Next()
		var batch []byte
		if err == nil {
			batch, err = io.ReadAll(body)
		}
		if errors.Is(err, io.EOF) {
			return len(b), nil
		}
		if err != nil {
			return min(len(b), (int(r.Offset())/logBlock+1)*logBlock), nil
		}
		w.whole = at + int(r.Offset())
		if left := logBlock - w.whole%logBlock; left < chunkHead {
			w.whole += left // too little for a chunk, so the next block begins with one
		}
		w.whole = min(w.whole, len(file))
		if err := w.batch(batch); err != nil {
			return 0, err
		}
	}
}

func (w *logWalk) batch(b []byte) error {
	h, ok := batchrepr.ReadHeader(b)
	if !ok {
		w.broken = true
		return nil
	}
	seq := uint64(h.SeqNum)
	if w.broken && w.next == 0 || w.next != 0 && seq > w.next || w.next == 0 && w.list.startsAfter(seq) {
		w.lose(seq)
	}
	w.broken, w.next = false, max(w.next, seq+uint64(h.Count))
	if !w.gap && !w.lost {
		w.reached = w.next
	}
	r := batchrepr.Read(b)
	for {
		var f Found
		kind, key, value, ok, err := r.Next()
		if err != nil || !ok {
			return nil
		}
		switch kind {
		case pebble.InternalKeyKindLogData:
			continue
		case pebble.InternalKeyKindSet, pebble.InternalKeyKindSetWithDelete:
			f = Found{Key: key, Value: value, Seq: seq}
		case pebble.InternalKeyKindDelete, pebble.InternalKeyKindSingleDelete, pebble.InternalKeyKindDeleteSized:
			f = Found{Key: key, Seq: seq, Deleted: true}
		}
		seq++
		if f.Key == nil {
			continue
		}
		if err := w.visit(f); err != nil {
			return err
		}
	}
}

// newLogReader calls record.NewReader, whose number has a type without a name here.
func newLogReader[N ~uint64](open func(io.Reader, N) *record.Reader, b []byte, num uint64) *record.Reader {
	return open(bytes.NewReader(b), N(num))
}

// seqStart is the sequence number of the first write to a new store.
const seqStart = 10

// startsAfter reports whether a first log that begins with seq is not the first that is
// needed. Where the list's end is missing it may be the tables that are missing.
func (l *fileList) startsAfter(seq uint64) bool {
	switch {
	case l == nil || seq == 0:
		return false
	case l.torn || l.flushed == 0 && l.lastSeq < seqStart:
		return seq > max(l.flushed+1, seqStart)
	}
	return seq > max(l.lastSeq, l.flushed)+1
}

// firstSeq returns the sequence number of the first batch of a log, 0 if it cannot be
// read.
func firstSeq(fs vfs.FS, path string, num uint64) uint64 {
	f, err := fs.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	b := make([]byte, logBlock)
	n, _ := f.ReadAt(b, 0)
	r, err := newLogReader(record.NewReader, b[:n], num).Next()
	if err != nil {
		return 0
	}
	head := make([]byte, batchrepr.HeaderLen)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0
	}
	h, _ := batchrepr.ReadHeader(head)
	return uint64(h.SeqNum)
}
