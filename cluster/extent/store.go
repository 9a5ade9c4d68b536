package extent

import (
	"log/slog"
	"sync"

	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// Store keeps extents. All methods are safe for concurrent use.
type Store struct {
	regs  register.Store
	local register.Local
	disks *extentstore.Store
	log   *slog.Logger
	codec *codecs
	pool  *pool

	mu     sync.Mutex
	active map[ident.ID]struct{} // extents of writers that may yet commit
	seen   map[ident.ID]struct{} // what the last pass over the work list found
}

// New returns a store of rows in regs and bytes in disks. local is this node's own
// replica of the rows; log may be nil.
func New(regs register.Store, local register.Local, disks *extentstore.Store, log *slog.Logger) (*Store, error) {
	c, err := newCodecs()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{regs: regs, local: local, disks: disks, log: log, codec: c, pool: newPool(),
		active: map[ident.ID]struct{}{}, seen: map[ident.ID]struct{}{}}, nil
}

// Settle says that the commit of the rows which reference these extents is known:
// it happened, and they need no look from the collector. It costs nothing to lose.
func (s *Store) Settle(ids ...ident.ID) {
	rows := make([]register.Row, len(ids))
	for i, id := range ids {
		rows[i] = Row(id)
	}
	s.Release(ids...)
	s.regs.Settle(rows...)
}

// Release says that no writer of this node will commit a reference to these extents
// any more, or that its outcome is unknown: the collector may look at them.
func (s *Store) Release(ids ...ident.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.active, id)
	}
}

// hold keeps the collector and the sweep off an extent until Settle or Release.
func (s *Store) hold(id ident.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active[id] = struct{}{}
}

func (s *Store) held(id ident.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.active[id]
	return ok
}
