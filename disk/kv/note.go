package kv

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// openedFile holds a note: what the log of the last writes must hold. The log alone
// cannot tell a damaged end from one that a crash left, nor its own absence from that
// of a crash while opening. The file has two places of noteSize bytes that are
// written in turn, so that one is always whole; the higher turn counts:
//
//	 0   8  "RZNOTE" 0 1
//	 8   8  turn
//	16   8  at
//	24   8  next
//	32   1  opening
//	33   7  zero
//	40  64  logs, 0: none
//	104  4  CRC-32C of the bytes above
//
// Numbers are little-endian. A file without a readable note says as much as one that
// names nothing.
const openedFile = "OPENED"

const (
	noteSize  = 512 // a sector is written whole or not at all
	noteBytes = 108
	noteLogs  = 8 // more than can be in force, given MemTableStopWritesThreshold
	noteMagic = "RZNOTE\x00\x01"
)

// note says what the log must hold.
type note struct {
	turn uint64
	// Every sequence number below next is durable, the last in the log at or a later one.
	at, next uint64
	// opening: the store was being opened, when the list of files may name a log that
	// is not made yet.
	opening bool
	logs    []uint64 // the newest logs, which were all there
}

func (n *note) encode() []byte {
	b := append(make([]byte, 0, noteSize), noteMagic...)
	for _, v := range []uint64{n.turn, n.at, n.next} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	if n.opening {
		b[32] = 1
	}
	for _, v := range n.logs[max(0, len(n.logs)-noteLogs):] {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = b[:noteBytes-4]
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crcTable()))
	return b[:noteSize]
}

// decodeNote returns nil for what is no note.
func decodeNote(b []byte) *note {
	if len(b) < noteBytes || string(b[:8]) != noteMagic ||
		crc32.Checksum(b[:noteBytes-4], crcTable()) != binary.LittleEndian.Uint32(b[noteBytes-4:]) {
		return nil
	}
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	n := &note{turn: word(8), at: word(16), next: word(24), opening: b[32] == 1}
	for i := range noteLogs {
		if num := word(40 + 8*i); num != 0 {
			n.logs = append(n.logs, num)
		}
	}
	return n
}

// readNote returns the note in force, one that names nothing if none is readable, and
// nil if the store never was open.
func readNote(fs vfs.FS, dir string) *note {
	f, err := fs.Open(fs.PathJoin(dir, openedFile))
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 2*noteSize))
	best := new(note)
	for ; len(b) > 0; b = b[min(noteSize, len(b)):] {
		if n := decodeNote(b); n != nil && n.turn >= best.turn {
			best = n
		}
	}
	return best
}

// write makes the note durable, in the place of the older one. It makes the file if
// that is not there or not as long as it should be.
func (n *note) write(fs vfs.FS, dir string) error {
	name := fs.PathJoin(dir, openedFile)
	n.turn++
	if st, err := fs.Stat(name); err != nil || st.Size() != 2*noteSize {
		f, err := fs.Create(name, vfs.Unspecified)
		if err != nil {
			return err
		}
		_, err = f.Write(append(n.encode(), make([]byte, noteSize)...))
		return errors.Join(err, f.Sync(), f.Close(), syncDir(fs, dir))
	}
	f, err := fs.OpenReadWrite(name, vfs.Unspecified)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(n.encode(), int64((n.turn+1)%2*noteSize))
	return errors.Join(err, f.Sync(), f.Close())
}

// noteOpening says, durably, that an opening begins. What the log must hold stays.
func noteOpening(fs vfs.FS, dir string) error {
	n := readNote(fs, dir)
	if n == nil {
		return nil
	}
	n.opening = true
	return n.write(fs, dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// check says what the logs in force lack of what the note names. have is which logs
// are there, next the sequence number up to which they can be read without a gap.
func (n *note) check(minLog uint64, have []uint64, next uint64) (log uint64, err error) {
	for _, num := range n.logs {
		if num >= minLog && !slices.Contains(have, num) {
			return num, errs.Newf(errs.Corrupt, "the log of the last writes (%06d.log) is gone", num)
		}
	}
	if n.at >= minLog && next < n.next {
		return n.at, errs.Newf(errs.Corrupt, "the log of the last writes (%06d.log) lacks writes that it held", n.at)
	}
	return 0, nil
}

// noter keeps the note while the store is open.
type noter struct {
	mu   sync.Mutex
	now  note
	wake chan struct{} // something is durable that the note does not name
	stop chan struct{}
	done chan struct{}
}

// created is told of every new log before anything is written to it.
func (n *noter) created(i pebble.WALCreateInfo) {
	if i.Err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now.logs = append(n.now.logs, uint64(i.FileNum))
	n.now.logs = n.now.logs[max(0, len(n.now.logs)-noteLogs):]
}

// log returns the newest log: what is committed from now on is in it or in a later one.
func (n *noter) log() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.now.logs) == 0 {
		return 0
	}
	return n.now.logs[len(n.now.logs)-1]
}

// durable is told that everything below next is durable, the last of it in the log at
// or a later one.
func (n *noter) durable(at, next uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if next <= n.now.next {
		return
	}
	n.now.at, n.now.next = at, next
	select {
	case n.wake <- struct{}{}:
	default: // it is awake
	}
}

// save makes the note durable.
func (n *noter) save(fs vfs.FS, dir string) error {
	n.mu.Lock()
	now := n.now
	now.logs = slices.Clone(now.logs)
	n.now.turn++
	n.mu.Unlock()
	return now.write(fs, dir)
}

// opened writes the first note after an opening.
func (n *noter) opened(fs vfs.FS, dir string) error {
	if old := readNote(fs, dir); old != nil {
		n.now.turn = old.turn
	}
	return n.save(fs, dir)
}

// run saves the note at most once in every, and never while nothing is committed.
func (n *noter) run(s *Store, every time.Duration, failed func(error)) {
	defer close(n.done)
	for {
		select {
		case <-n.stop:
			return
		case <-n.wake:
		}
		timer := time.NewTimer(every)
		select {
		case <-n.stop:
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := n.save(s.fs, s.dir); err != nil {
			failed(err)
		}
	}
}

func newNoter() *noter {
	return &noter{wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
}
