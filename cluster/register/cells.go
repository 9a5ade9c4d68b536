package register

import (
	"hash/maphash"
	"sync"

	"rhizome/cluster/register/core"
)

const (
	shardCount = 64
	// keptPerShard bounds the rows that are remembered only for a promise.
	keptPerShard = 512
)

// cell is a row that is at work, or whose promise is above what its record says.
type cell struct {
	key  string // ROW, without its first byte
	refs int    // users; guarded by the shard

	latch   sync.Mutex // guards what follows, and is held over an Accept's fsync
	writing bool       // a batch is under way; guarded by the shard

	known    bool // stored is what the row store holds
	stored   stored
	promised Ballot
	kept     bool // listed in shard.kept; guarded by the shard
}

// stored is what an Accept needs to know of the record it replaces.
type stored struct {
	ballot       Ballot
	flags        uint16
	count, bytes int64
}

// blob is about how many bytes the record keeps apart: those of an object that is kept in
// its row, of a list less than it weighs.
func (s *stored) blob() int64 {
	if s.flags&fBlob == 0 {
		return 0
	}
	return min(max(s.bytes, 1<<10), MaxBlob)
}

// shard is one stripe of the cells.
type shard struct {
	mu    sync.Mutex
	cells map[string]*cell
	kept  []*cell // oldest first; those that are no longer kept too
	free  []*cell

	writes counted // of its rows: see standing
}

func (r *Replica) shardOf(row []byte) *shard {
	return &r.shards[maphash.Bytes(r.stripe, row)%shardCount]
}

// acquire returns the cell of a ROW with its latch held.
func (r *Replica) acquire(row []byte) (*shard, *cell) {
	s := r.shardOf(row)
	s.mu.Lock()
	c := s.cells[string(row)]
	if c == nil {
		c = s.fresh(row)
	}
	c.refs++
	s.mu.Unlock()
	c.latch.Lock()
	return s, c
}

func (s *shard) fresh(row []byte) *cell {
	var c *cell
	if n := len(s.free); n > 0 {
		c, s.free = s.free[n-1], s.free[:n-1]
	} else {
		c = new(cell)
	}
	c.key = string(row)
	s.cells[c.key] = c
	return c
}

// release gives the cell back. It stays while its promise says more than the row
// store and the limits do.
func (r *Replica) release(s *shard, c *cell) {
	c.latch.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.refs--; c.refs > 0 {
		return
	}
	if c.promised.Compare(c.stored.ballot) <= 0 {
		s.drop(c)
	} else if !c.kept {
		c.kept = true
		if s.kept = append(s.kept, c); len(s.kept) > keptPerShard {
			r.shed(s)
		}
	}
}

// drop takes an idle cell away. One that is in kept is recycled by shed.
func (s *shard) drop(c *cell) {
	delete(s.cells, c.key)
	if !c.kept {
		s.recycle(c)
	}
}

func (s *shard) recycle(c *cell) {
	*c = cell{}
	if len(s.free) < keptPerShard {
		s.free = append(s.free, c)
	}
}

// shed clears kept of cells that are gone. If it is still half full, it forgets the
// older half, having raised the promise of all rows to theirs.
func (r *Replica) shed(s *shard) {
	live := s.kept[:0]
	for _, c := range s.kept {
		if s.cells[c.key] == c {
			live = append(live, c)
		} else {
			s.recycle(c)
		}
	}
	s.kept = live
	if len(live) <= keptPerShard/2 {
		return
	}
	s.kept = nil
	for i, c := range live {
		if c.refs > 0 || i >= len(live)/2 {
			s.kept = append(s.kept, c)
			continue
		}
		r.raiseStart(c.promised)
		c.kept = false
		s.drop(c)
	}
}

// settleWrites waits until no batch is under way that was begun before the call for
// a row that match names.
func (r *Replica) settleWrites(match func(row string) bool) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		var busy []*cell
		for key, c := range s.cells {
			if c.refs > 0 && match(key) {
				c.refs++
				busy = append(busy, c)
			}
		}
		s.mu.Unlock()
		for _, c := range busy {
			c.latch.Lock()
			r.release(s, c)
		}
	}
}

// awaitWrite returns when no batch is under way for a ROW that was begun before the
// call: whatever was read of it before is durable then.
func (r *Replica) awaitWrite(row []byte) {
	s := r.shardOf(row)
	s.mu.Lock()
	c := s.cells[string(row)]
	if c == nil || !c.writing {
		s.mu.Unlock()
		return
	}
	c.refs++
	s.mu.Unlock()
	c.latch.Lock()
	r.release(s, c)
}

// setWriting is told before a batch begins that may change the cell's row, and when it has
// ended.
func (s *shard) setWriting(c *cell, on bool) {
	if on {
		s.writes.begin()
	} else {
		s.writes.end()
	}
	s.mu.Lock()
	c.writing = on
	s.mu.Unlock()
}

// view returns the cell as core.Accept needs it.
func (c *cell) view() core.Cell {
	var v core.Cell
	v.Ballot, v.Soft = c.stored.ballot, c.stored.flags&fSoft != 0
	v.Promised = c.promised
	return v
}
