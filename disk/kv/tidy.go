package kv

import "github.com/cockroachdb/pebble/v2"

// What was written for a while lies in tables on several levels, and who looks a key up or
// lists goes through all of them. Once little is written they are merged into the last one,
// if so much lies above it that it is worth while.
const (
	// tidyLeast is how many bytes of tables must lie above the last level, and at least one
	// in tidyShare of all.
	tidyLeast, tidyShare = 16 << 20, 4
	// calmBytes is how much is written at most within Options.ReclaimAfter to a store at rest.
	calmBytes = 1 << 20
)

// tidy merges tables if the store is at rest; else it is looked at again.
func (r *reclaimer) tidy(s *Store) {
	if !s.untidy() {
		return
	}
	before := s.written()
	if r.pause(r.after, r.urgent) {
		poke(r.urgent) // room comes first
		poke(r.grown)
		return
	}
	if r.ctx.Err() != nil {
		return
	}
	whole, err := false, error(nil)
	if s.written()-before <= calmBytes {
		whole, err = s.mergeTables()
	}
	if err != nil {
		r.failed("the tables could not all be merged; it is tried again after more was written", err)
	} else if !whole {
		poke(r.grown)
	}
}

// untidy reports whether it is worth while to merge tables.
func (s *Store) untidy() bool {
	levels := s.db.Metrics().Levels
	last := len(levels) - 1
	var above int64
	for _, l := range levels[:last] {
		above += l.TablesSize
	}
	return above >= tidyLeast && above*tidyShare >= above+levels[last].TablesSize
}

// written is how many bytes were written to the store since it was opened.
func (s *Store) written() uint64 { return s.db.Metrics().WAL.BytesIn }

// mergeTables merges all tables into the last level, piece by piece. It leaves the rest when
// somebody writes much or wants room.
func (s *Store) mergeTables() (whole bool, err error) {
	defer rescue(&err)
	edges, err := s.edges([]byte{0}, []byte{0xff})
	if err != nil {
		return false, err
	}
	before := s.written()
	for i := 1; i < len(edges); i++ {
		if len(s.reclaimer.urgent) > 0 || s.written()-before > calmBytes {
			return false, nil
		}
		if err := s.db.Compact(s.reclaimer.ctx, edges[i-1], edges[i], false); err != nil {
			return false, translate(err)
		}
	}
	return true, nil
}

// flushed has the tables looked at when there is a new one.
func (r *reclaimer) flushed(pebble.FlushInfo) { poke(r.grown) }
