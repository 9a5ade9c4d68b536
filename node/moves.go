package node

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/gateway/admin/api"
)

// moves remembers what was to move when it began, so that people see how far it is. It is
// this node's own memory and gone with the process: a node that starts in the midst of a
// move counts from there. It is safe for concurrent use.
type moves struct {
	mu         sync.Mutex
	started    time.Time // zero: nothing moves
	partitions int64
	bytes      int64
	rate       int64 // bytes a second, as last measured; 0: never
}

// begin adds what a new layout moves: partitions that nodes take over, and their bytes.
func (m *moves) begin(now time.Time, partitions, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if partitions == 0 && bytes == 0 {
		return
	}
	if m.started.IsZero() {
		m.started, m.partitions, m.bytes = now, 0, 0
	}
	m.partitions += partitions
	m.bytes += bytes
}

// measured notes how fast bytes come.
func (m *moves) measured(rate int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rate > 0 {
		m.rate = rate
	}
}

// seconds is how long bytes take at the rate that was last measured; -1 if there is none.
func (m *moves) seconds(bytes int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case bytes == 0:
		return 0
	case m.rate == 0:
		return -1
	}
	return bytes / m.rate
}

// state says how far a move is of which so much is left; nil if nothing is left.
func (m *moves) state(left membership.Health, now time.Time) *api.LayoutMoves {
	m.mu.Lock()
	defer m.mu.Unlock()
	if left.Rows == 0 && left.Extents == 0 && (!left.Comparing || m.started.IsZero()) {
		m.started = time.Time{}
		return nil
	}
	if m.started.IsZero() {
		m.started, m.partitions, m.bytes = now, 0, 0
	}
	// What lies in a partition is known once its rows are here.
	m.partitions = max(m.partitions, left.Rows)
	bytes := max(left.Bytes, m.bytes/max(1, m.partitions)*left.Rows)
	m.bytes = max(m.bytes, bytes)
	out := &api.LayoutMoves{Partitions: int(m.partitions), PartitionsLeft: int(left.Rows), Bytes: m.bytes, BytesLeft: bytes,
		Rate: left.Rate, Seconds: -1, Started: m.started}
	if left.Rate > 0 {
		out.Seconds = bytes / left.Rate
	}
	return out
}

// noteRate notes how fast all nodes together fetch, this one at own bytes a second.
func (n *Node) noteRate(own int64) {
	for _, p := range n.members.Peers() {
		if p.Up {
			own += p.Health.Rate
		}
	}
	n.moves.measured(own)
}

// layoutCame is told of each layout that comes in force while this node runs.
func (n *Node) layoutCame(l *layout.Layout) {
	n.learned(l)
	if n.opened.Load() {
		n.foresee(n.members.Chain().Prior(l.Version), l)
	}
	n.adopt(l)
}

// foresee notes what a layout moves that comes after another.
func (n *Node) foresee(before, l *layout.Layout) {
	if before == nil {
		return
	}
	gained := int64(0)
	for p := range l.Assigned {
		had := before.Replicas(p)
		for _, id := range l.Replicas(p) {
			if !slices.Contains(had, id) {
				gained++
			}
		}
	}
	n.moving() // an earlier move that is over is forgotten
	each := n.bytesPerPartition(before)
	n.moves.begin(n.config.Clock.Now(), gained, layout.Compare(before, l, func(int) int64 { return each }).Bytes)
}

// learnedKey says when this node learned of a layout, by the time that most nodes agreed
// on:
//
//	'n' 't' version, 8 bytes   Unix milliseconds, 8 bytes; both big endian
func learnedKey(version uint64) []byte { return binary.BigEndian.AppendUint64([]byte("nt"), version) }

// learned notes that a layout came, unless it was noted before. That it cannot be noted
// costs a date in a list.
func (n *Node) learned(l *layout.Layout) {
	_, err := n.rows.Get(learnedKey(l.Version))
	if !errors.Is(err, errs.NotFound) {
		return
	}
	now := n.config.Clock.Now()
	if m := n.guard.members.Load(); m != nil {
		now = m.Clock().Now()
	}
	if err := n.rows.Set(learnedKey(l.Version), binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli()))); err != nil {
		n.config.Logger.Warn("it cannot be noted when a layout came", "version", l.Version, "error", err)
	}
}

// learnedAt is when this node learned of a layout, nil if that is not known.
func (n *Node) learnedAt(version uint64) *time.Time {
	raw, err := n.rows.Get(learnedKey(version))
	if err != nil || len(raw) != 8 {
		return nil
	}
	t := time.UnixMilli(int64(binary.BigEndian.Uint64(raw))).UTC()
	return &t
}
