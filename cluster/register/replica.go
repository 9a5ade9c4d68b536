package register

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// ReplicaOptions tune a Replica. The zero value is right for a lone node.
type ReplicaOptions struct {
	// CeilingStep is how far above a ballot the ceiling is raised, in rounds; ten
	// minutes if zero.
	CeilingStep uint64
	// Plans tells of layouts. If nil, there is but one and this node is in all of it.
	Plans Plans
	// Source returns the replica of another node, to import rows from. It may be nil
	// where Plans is.
	Source func(ident.NodeID) (Source, error)
	// Load, if set, returns how many calls a second that people wait for come to this node
	// or go out from it: what is imported in the background gives way to them.
	Load func() int

	marks int // maxMarks if zero
}

// Replica keeps rows in a kv.Store and votes on them. All methods are safe for
// concurrent use. What an answer tells is durable.
//
// A row that is at work has a cell in memory, whose latch is held over the fsync of
// an Accept; nothing that rows share is.
type Replica struct {
	kv      *kv.Store
	node    ident.NodeID
	options ReplicaOptions

	tenures  [groups]atomic.Pointer[tenure]
	adopting sync.Mutex    // held while tenures change
	wake     chan struct{} // tells Moving that there may be something to do

	start   atomic.Pointer[Ballot] // counts as promised for every row
	ceiling atomic.Pointer[Ballot]
	raising sync.Mutex // held while the ceiling is raised
	floors  [groups]atomic.Pointer[Ballot]

	forgetting sync.Mutex // held while floors are raised

	stripe   maphash.Seed
	shards   [shardCount]shard
	fences   fences
	doubts   doubts
	weights  weights
	seen     [256]atomic.Bool // tables that may have keys
	watchers [256][]func(Row, *Value, bool)
	tombs    atomic.Int64 // tombstones written since the start, for who forgets them
}

// OpenReplica takes up the rows in store, which are those of node. It fails with
// errs.Conflict if they are another node's, because an identity lives with its rows:
// a node that lost them comes back as a new one.
func OpenReplica(store *kv.Store, node ident.NodeID, o ReplicaOptions) (*Replica, error) {
	if o.CeilingStep == 0 {
		o.CeilingStep = 10 * 60 * 1_000_000
	}
	r := &Replica{kv: store, node: node, options: o, stripe: maphash.MakeSeed(), wake: make(chan struct{}, 1)}
	for i := range r.shards {
		r.shards[i].cells = make(map[string]*cell)
	}
	if err := r.claim(node); err != nil {
		return nil, err
	}
	for _, load := range []func() error{r.loadTables, r.loadLimits, r.loadTenures, r.loadFences, r.loadDigests, r.loadDoubts} {
		if err := load(); err != nil {
			return nil, err
		}
	}
	if o.Plans == nil || o.Plans.Layout() == nil {
		return r, nil
	}
	return r, r.Adopt(o.Plans.Layout())
}

// claim checks whose store this is, or makes it node's.
func (r *Replica) claim(node ident.NodeID) error {
	owner, err := r.kv.Get(nodeKey)
	if errors.Is(err, errs.NotFound) {
		return r.kv.Set(nodeKey, node[:])
	}
	if err != nil {
		return err
	}
	if string(owner) != string(node[:]) {
		return errs.Newf(errs.Conflict, "the row store belongs to node %x, not to %s; a node whose rows were lost comes back under a new key", owner, node)
	}
	return nil
}

func (r *Replica) loadLimits() error {
	ceiling, err := r.loadBallot(ceilingKey)
	if err != nil {
		return err
	}
	r.ceiling.Store(&ceiling)
	start := ceiling
	r.start.Store(&start)
	for g := range r.floors {
		r.floors[g].Store(new(Ballot))
	}
	it, err := r.kv.Iter([]byte{ownKey, 'l'}, []byte{ownKey, 'l' + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.Value()
		if err != nil {
			return err
		}
		g := int(binary.BigEndian.Uint16(append(it.Key(), 0, 0)[2:4]))
		floor, err := parseBallot(v)
		if err != nil || g >= groups {
			return errs.New(errs.Corrupt, "the row store holds a floor that cannot be read")
		}
		r.floors[g].Store(&floor)
	}
	return it.Err()
}

func (r *Replica) loadBallot(key []byte) (Ballot, error) {
	v, err := r.kv.Get(key)
	if errors.Is(err, errs.NotFound) {
		return Ballot{}, nil
	}
	if err != nil {
		return Ballot{}, err
	}
	return parseBallot(v)
}

func parseBallot(v []byte) (Ballot, error) {
	r := reader{b: v}
	b := r.ballot()
	if r.bad || len(r.b) > 0 {
		return Ballot{}, errs.New(errs.Corrupt, "a stored ballot cannot be read")
	}
	return b, nil
}

// Start returns the ballot that every row counts as promised at.
func (r *Replica) Start() Ballot { return *r.start.Load() }

// limits returns what bounds a row beside its own cell. Call it with the row's latch
// held, so that what it says lasts until the row's answer does.
func (r *Replica) limits(row Row, slot uint16) core.Limits {
	return core.Limits{
		Start:   *r.start.Load(),
		Ceiling: *r.ceiling.Load(),
		Floor:   *r.floors[groupOf(slot)].Load(),
		Fence:   r.fences.of(row.Table, row.Part).refuse,
	}
}

// raiseCeiling makes a ceiling above b durable.
func (r *Replica) raiseCeiling(b Ballot) error { return r.raiseCeilingBy(b, r.options.CeilingStep) }

// raiseCeilingBy makes a ceiling at or above b durable, and step rounds more if there
// is none.
func (r *Replica) raiseCeilingBy(b Ballot, step uint64) error {
	r.raising.Lock()
	defer r.raising.Unlock()
	if b.Compare(*r.ceiling.Load()) <= 0 {
		return nil
	}
	next := core.CeilingFor(b, step)
	if err := r.kv.Set(ceilingKey, appendBallot(nil, next)); err != nil {
		return err
	}
	r.ceiling.Store(&next)
	return nil
}

// raiseStart makes every row count as promised at b or above.
func (r *Replica) raiseStart(b Ballot) {
	for {
		old := r.start.Load()
		if b.Compare(*old) <= 0 || r.start.CompareAndSwap(old, &b) {
			return
		}
	}
}
