package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
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
	w := &logWalk{salvage: s, next: s.next}
	for at := 0; at < len(file); {
		n, err := w.stretch(file[at:], num)
		if err != nil {
			return err
		}
		at += n
		w.broken = true
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
}

// stretch reads batches until one is unreadable and returns how many bytes further a
// block begins.
func (w *logWalk) stretch(b []byte, num uint64) (int, error) {
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
	if w.broken && w.next == 0 || w.next != 0 && seq > w.next {
		if !w.lost {
			w.from = w.next
		}
		w.lost, w.to = true, seq
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
