package extentstore

import (
	"sync"
	"sync/atomic"

	"rhizome/base/errs"
)

// rowsStep is how many reserved bytes pass between two looks at the row store's size.
const rowsStep = 8 << 20

// room keeps what is written within capacity and reserve.
type room struct {
	s *Store
	// turn makes the check of the node's capacity and the reservation one step.
	turn sync.Mutex

	mu        sync.Mutex
	sinceLook int64
	rowsBytes atomic.Int64 // and what is beside them
	// capacity is that of the node, in bytes; 0: no limit.
	capacity atomic.Int64
	// refusedAt is how many bytes were used when something was refused last, 0 for never.
	refusedAt atomic.Int64
}

func (r *room) init(s *Store) {
	r.s = s
	r.capacity.Store(s.opt.Capacity)
	r.sinceLook = rowsStep
}

// count notes that n bytes are about to be written: every rowsStep of them the row
// store's size is looked at anew.
func (r *room) count(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sinceLook += n; r.sinceLook >= rowsStep {
		r.look()
	}
}

// look asks how large the row store is and what lies beside it; mu is held.
func (r *room) look() {
	r.sinceLook = 0
	n := int64(r.s.rows.DiskBytes())
	if r.s.opt.Beside != nil {
		n += r.s.opt.Beside()
	}
	r.rowsBytes.Store(n)
}

// free returns how many bytes may still be written to the disk; d.mu is held.
func (d *disk) free(reserve int64) int64 {
	free := int64(1) << 60
	if u, err := d.fs.GetDiskUsage(d.dir); err == nil {
		free = int64(u.AvailBytes) - keep(reserve, u.TotalBytes) - d.reserved
	}
	if d.capacity > 0 {
		free = min(free, d.capacity-d.usedBytes)
	}
	return free
}

// keep is what stays free on a file system of that many bytes.
func keep(reserve int64, total uint64) int64 {
	if reserve > 0 {
		return reserve
	}
	return min(max(int64(total/50), minReserve), 1<<30, int64(total/4))
}

// minReserve is room for the row store's log, tables and compactions: deletes and
// clean-up must go on when writes are refused.
const minReserve = 128 << 20

// RowsRoom returns nil if n more bytes may be written to the row store for something
// new, else errs.Full with the reason. Deletes do not ask: the reserve is for them.
func (s *Store) RowsRoom(n int64) error {
	free, total := s.rows.Space()
	if total > 0 && int64(free) < keep(s.opt.Reserve, total)+n {
		s.squeeze()
		return errs.New(errs.Full, "the disk of the data folder is full: delete something, or move other files away")
	}
	s.space.turn.Lock()
	defer s.space.turn.Unlock()
	return s.overall(n)
}

// reserve chooses a disk and sets n bytes aside on it.
func (s *Store) reserve(n int64) (*disk, error) { return s.reserveBut(nil, n) }

// reserveBut is reserve on any disk but one.
func (s *Store) reserveBut(not *disk, n int64) (*disk, error) {
	s.space.turn.Lock()
	defer s.space.turn.Unlock()
	if err := s.overall(n); err != nil {
		return nil, err
	}
	for _, suspects := range []bool{false, true} {
		if d := s.pick(not, n, suspects); d != nil {
			return d, nil
		}
	}
	for _, d := range s.allDisks() {
		if d != not && d.usable() == nil {
			s.squeeze()
			s.noteRefusal()
			return nil, errs.New(errs.Full, "the disks of this node are full: delete something, add a disk, or raise the capacity")
		}
	}
	return nil, errs.New(errs.Unavailable, "no disk of this node can take bytes: none is mounted")
}

// overall checks the capacity of the node as a whole.
func (s *Store) overall(n int64) error {
	capacity := s.space.capacity.Load()
	if capacity <= 0 {
		return nil
	}
	s.space.count(n)
	if s.left() < n {
		s.space.count(rowsStep) // it may have shrunk
	}
	if s.left() < n {
		s.squeeze()
		s.noteRefusal()
		return errs.Newf(errs.Full, "the capacity given to this node, %d bytes, is used up: delete something or raise it", capacity)
	}
	return nil
}

// Capacity is the most bytes that the node keeps on all disks, rows included; 0: no limit.
func (s *Store) Capacity() int64 { return s.space.capacity.Load() }

// SetCapacity changes Options.Capacity while the store is in use.
func (s *Store) SetCapacity(bytes int64) {
	if s.space.capacity.Swap(bytes) != bytes {
		s.space.refusedAt.Store(0)
	}
}

// noteRefusal notes that something did not fit.
func (s *Store) noteRefusal() { s.space.refusedAt.Store(max(1, s.settled())) }

// refusing reports whether something did not fit, and not a tenth of what was used then
// went since.
func (s *Store) refusing() bool {
	at := s.space.refusedAt.Load()
	return at > 0 && s.settled() >= at-at/10
}

// settled is how many bytes are used by rows and on all disks, but for what is being written.
func (s *Store) settled() (n int64) {
	n = int64(s.rows.DiskBytes())
	for _, d := range s.allDisks() {
		d.mu.Lock()
		n += d.usedBytes - d.reserved
		d.mu.Unlock()
	}
	return n
}

// left is what the node's capacity leaves, in bytes.
func (s *Store) left() int64 {
	capacity := s.space.capacity.Load()
	if capacity <= 0 {
		return 1 << 60
	}
	left := capacity - s.space.rowsBytes.Load()
	for _, d := range s.allDisks() {
		d.mu.Lock()
		left -= d.usedBytes
		d.mu.Unlock()
	}
	// What the rows already there may grow by while they are compacted.
	return left - min(minReserve, capacity/8)
}

// extend sets n more bytes aside on a disk that was chosen before.
func (s *Store) extend(d *disk, n int64) error {
	s.space.turn.Lock()
	defer s.space.turn.Unlock()
	if err := s.overall(n); err != nil {
		return err
	}
	err := d.take(n, s.opt.Reserve)
	if err != nil {
		s.squeeze()
		s.noteRefusal()
	}
	return err
}

// squeeze makes the keeper and the row store look for room that deletions left in their files.
func (s *Store) squeeze() {
	s.rows.Squeeze()
	for _, d := range s.allDisks() {
		d.mu.Lock()
		first := !d.tight
		d.tight = true
		d.mu.Unlock()
		if first {
			s.keeper.poke()
		}
	}
}

// pick reserves n bytes on a disk, drawn at random by free room.
func (s *Store) pick(not *disk, n int64, suspects bool) *disk {
	var fit []*disk
	var weights []int64
	var total int64
	for _, d := range s.allDisks() {
		d.mu.Lock()
		free := d.free(s.opt.Reserve)
		ok := d != not && d.absent == nil && !d.draining && d.suspect == suspects && free >= n
		d.mu.Unlock()
		if ok {
			fit, weights, total = append(fit, d), append(weights, free>>10+1), total+free>>10+1
		}
	}
	for len(fit) > 0 {
		i := s.draw(weights, total)
		if fit[i].take(n, s.opt.Reserve) == nil {
			return fit[i]
		}
		total -= weights[i]
		fit, weights = append(fit[:i], fit[i+1:]...), append(weights[:i], weights[i+1:]...)
	}
	return nil
}

func (s *Store) draw(weights []int64, total int64) int {
	if len(weights) == 1 {
		return 0
	}
	s.randMu.Lock()
	at := s.opt.Rand.Int64N(total)
	s.randMu.Unlock()
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// take sets n bytes aside.
func (d *disk) take(n, reserve int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.free(reserve) < n {
		return errs.Newf(errs.Full, "the disk in %s is full: delete something or add a disk", d.dir)
	}
	d.reserved += n
	d.usedBytes += n
	return nil
}

// release gives back n bytes that were set aside.
func (d *disk) release(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reserved -= n
	d.usedBytes -= n
}
