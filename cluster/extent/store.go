package extent

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

// Config says what a Store works with.
type Config struct {
	Registers register.Store
	// Local is this node's own replica of the rows, nil on a node that keeps none.
	Local register.Local
	// Disks are this node's, nil on a node that keeps no bytes.
	Disks *extentstore.Store
	// Links reach the other nodes and Places says which of them keep what; both nil in a
	// rhizome of one node.
	Links  rpc.Links
	Places Places
	// Members, if set, are the nodes of the rhizome: one of them wrote a reference.
	Members func() []ident.NodeID
	// Background bounds what is fetched to mend, in bytes per second; 0: only by the links.
	Background int64
	// Load, if set, returns how many calls a second that people wait for come to this node
	// or go out from it: mending gives way to them.
	Load   func() int
	Logger *slog.Logger
}

// Store keeps extents. All methods are safe for concurrent use, but for Close, which
// comes last.
type Store struct {
	regs    register.Store
	local   register.Local
	disks   *extentstore.Store
	links   rpc.Links
	places  Places
	self    ident.NodeID
	members func() []ident.NodeID
	log     *slog.Logger
	codec   *codecs
	pool    *pool
	hurt    func(ident.ID)
	mended  func(ident.ID)

	patience, endurance time.Duration // those of writers; tests shorten them

	mute mutes
	wide atomic.Int32 // readers that read from several holders at once
	mend *mender

	life context.Context // ends with Close
	end  context.CancelFunc
	work sync.WaitGroup // what goes on behind the callers' backs, and who is served
	back atomic.Int64   // how many of the former

	mu        sync.Mutex
	active    map[ident.ID]holding // extents of writers that may yet commit
	seen      map[ident.ID]int     // what passes over the work list found, how often
	undecided int                  // those of which the last pass could say nothing
	receiving map[ident.ID]int     // extents that come from other nodes' writers
	leaving   map[ident.ID]int     // extents that may be deleted because others keep them
}

// New returns a store for a rhizome of one node.
func New(regs register.Store, local register.Local, disks *extentstore.Store, log *slog.Logger) (*Store, error) {
	return NewStore(Config{Registers: regs, Local: local, Disks: disks, Logger: log})
}

// NewStore returns a store. With links it answers other nodes' calls from here on.
func NewStore(cfg Config) (*Store, error) {
	c, err := newCodecs()
	if err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{regs: cfg.Registers, local: cfg.Local, disks: cfg.Disks, links: cfg.Links, places: cfg.Places,
		members: cfg.Members, log: cfg.Logger, codec: c, pool: newPool(),
		patience: patience, endurance: endurance,
		active: map[ident.ID]holding{}, seen: map[ident.ID]int{}, receiving: map[ident.ID]int{}, leaving: map[ident.ID]int{}}
	s.life, s.end = context.WithCancel(context.Background())
	s.mend = newMender(s, cfg.Background)
	s.mend.limit.load = cfg.Load
	if s.links != nil {
		s.self = s.links.Self()
		s.serve()
	}
	return s, nil
}

// Close ends what goes on behind the callers' backs, and what other nodes ask for, and
// waits for it. Writers and readers have ended before; disks are closed afterwards.
func (s *Store) Close() {
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	s.work.Wait()
}

// behind does something behind the caller's back; Close waits for it.
func (s *Store) behind(f func()) {
	s.back.Add(1)
	s.work.Go(func() {
		defer s.back.Add(-1)
		f()
	})
}

// OnDamage has f called with every extent that a read finds damaged, on the
// reader's goroutine and perhaps many times for one. It is set before the store is used.
func (s *Store) OnDamage(f func(ident.ID)) { s.hurt = f }

// tell passes an error of reading an extent here on, and tells of damage.
func (s *Store) tell(id ident.ID, err error) error {
	if err != nil && errs.KindOf(err) == errs.Corrupt {
		s.suspect(id)
		if s.hurt != nil {
			s.hurt(id)
		}
	}
	return err
}

// Miss tells that a read met an extent that nobody has bytes of.
func (s *Store) Miss(id ident.ID) {
	s.wanted(id)
	if s.hurt != nil {
		s.hurt(id)
	}
}

// RowsRoom returns errs.Full, with the reason, if this node has no room for n more
// bytes of rows.
func (s *Store) RowsRoom(n int64) error {
	if s.disks == nil {
		return nil // no rows of extents' size grow here
	}
	return s.disks.RowsRoom(n)
}

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
