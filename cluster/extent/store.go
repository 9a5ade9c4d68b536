package extent

import (
	"log/slog"
	"sync"

	"rhizome/base/errs"
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
	hurt  func(ident.ID)

	mu     sync.Mutex
	active map[ident.ID]holding  // extents of writers that may yet commit
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
		active: map[ident.ID]holding{}, seen: map[ident.ID]struct{}{}}, nil
}

// OnDamage has f called with every extent that a read finds damaged, on the
// reader's goroutine and perhaps many times for one. It is set before the store is used.
func (s *Store) OnDamage(f func(ident.ID)) { s.hurt = f }

// tell passes an error of reading an extent on, and tells of damage.
func (s *Store) tell(id ident.ID, err error) error {
	if s.hurt != nil && err != nil && errs.KindOf(err) == errs.Corrupt {
		s.hurt(id)
	}
	return err
}

// Miss tells that a read met an extent of which this node should have bytes and has none.
func (s *Store) Miss(id ident.ID) {
	if s.hurt != nil {
		s.hurt(id)
	}
}

// RowsRoom returns errs.Full, with the reason, if this node has no room for n more
// bytes of rows.
func (s *Store) RowsRoom(n int64) error { return s.disks.RowsRoom(n) }

// Settle says that the commit of the row which references these extents by ref is
// known: it happened, and they need no look from the collector. It costs nothing to
// lose. An extent with other references gets its look anyway, because another of them
// may be of a writer that failed; so does one that ref has left again.
func (s *Store) Settle(ref ident.ID, ids ...ident.ID) {
	for _, id := range ids {
		v := s.letGo(id)
		if v == nil {
			continue
		}
		if r, err := decodeRow(v); err == nil && len(r.Refs) == 1 && r.find(ref) == 0 {
			s.regs.Settle(Row(id), v)
		}
	}
}

// Release says that a writer of this node will not commit a reference to these
// extents any more, or that its outcome is unknown: the collector may look at them.
func (s *Store) Release(ids ...ident.ID) {
	for _, id := range ids {
		s.letGo(id)
	}
}

// holding is what the writers of this node have to do with one extent.
type holding struct {
	writers int
	value   *register.Value // the row as one of them left it last
}

// hold keeps the collector and the sweep off an extent until Settle or Release.
func (s *Store) hold(id ident.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.active[id]
	h.writers++
	s.active[id] = h
}

// left notes the row's value as a writer left it.
func (s *Store) left(id ident.ID, v *register.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.active[id]; ok {
		h.value = v
		s.active[id] = h
	}
}

// letGo undoes one hold. The last one gets the row's value.
func (s *Store) letGo(id ident.ID) *register.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.active[id]
	if h.writers--; h.writers > 0 {
		s.active[id] = h
		return nil
	}
	delete(s.active, id)
	return h.value
}

func (s *Store) held(id ident.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.active[id]
	return ok
}
