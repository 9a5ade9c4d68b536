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

// ReplicaOptions tune a Replica. The zero value is right.
type ReplicaOptions struct {
	// Version is the layout version to serve; 1 if zero. A store that served another
	// one is refused: see Replica.ServeAlone.
	Version uint64
	// CeilingStep is how far above a ballot the ceiling is raised, in rounds; ten
	// minutes if zero.
	CeilingStep uint64
}

// Replica keeps rows in a kv.Store and votes on them. All methods are safe for
// concurrent use. What an answer tells is durable.
//
// A row that is at work has a cell in memory, whose latch is held over the fsync of
// an Accept; nothing that rows share is.
type Replica struct {
	kv   *kv.Store
	step uint64

	tenure  atomic.Pointer[core.Tenure]
	start   atomic.Pointer[Ballot] // counts as promised for every row
	ceiling atomic.Pointer[Ballot]
	raising sync.Mutex // held while the ceiling is raised
	floors  [groups]atomic.Pointer[Ballot]

	forgetting sync.Mutex // held while floors are raised

	stripe  maphash.Seed
	shards  [shardCount]shard
	fences  fences
	weights weights
	tombs   atomic.Int64 // tombstones written since the start, for who forgets them
}

// OpenReplica takes up the rows in store, which are those of node. It fails with
// errs.Conflict if they are another node's, because an identity lives with its rows:
// a node that lost them comes back as a new one.
func OpenReplica(store *kv.Store, node ident.NodeID, o ReplicaOptions) (*Replica, error) {
	if o.Version == 0 {
		o.Version = 1
	}
	if o.CeilingStep == 0 {
		o.CeilingStep = 10 * 60 * 1_000_000
	}
	r := &Replica{kv: store, step: o.CeilingStep, stripe: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].cells = make(map[string]*cell)
	}
	if err := r.claim(node, o.Version); err != nil {
		return nil, err
	}
	if err := r.loadLimits(); err != nil {
		return nil, err
	}
	return r, r.loadFences()
}

// claim checks whose store this is, or makes it node's.
func (r *Replica) claim(node ident.NodeID, version uint64) error {
	owner, err := r.kv.Get(nodeKey)
	if errors.Is(err, errs.NotFound) {
		b := r.kv.NewBatch()
		b.Set(nodeKey, node[:])
		b.Set(versionKey, binary.BigEndian.AppendUint64(nil, version))
		r.tenure.Store(&core.Tenure{Known: version, Serving: version})
		return b.Commit()
	}
	if err != nil {
		return err
	}
	if string(owner) != string(node[:]) {
		return errs.Newf(errs.Conflict, "the row store belongs to node %x, not to %s; a node whose rows were lost comes back under a new key", owner, node)
	}
	served, err := r.kv.Get(versionKey)
	if err != nil || len(served) != 8 {
		return errs.Newf(errs.Corrupt, "the row store does not say which layout it serves: %w", err)
	}
	if v := binary.BigEndian.Uint64(served); v != version {
		return errs.Newf(errs.Conflict, "the row store serves layout %d, not %d", v, version)
	}
	r.tenure.Store(&core.Tenure{Known: version, Serving: version})
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

// ServeAlone moves on to a higher layout version in which this node is, as it was
// before, the only replica of every partition: its rows are then all there are.
func (r *Replica) ServeAlone(version uint64) error {
	t := *r.tenure.Load()
	if version < t.Serving {
		return errs.Newf(errs.Invalid, "layout %d is older than layout %d, which is served", version, t.Serving)
	}
	b := r.kv.NewBatch()
	b.Set(versionKey, binary.BigEndian.AppendUint64(nil, version))
	if err := b.Commit(); err != nil {
		return err
	}
	r.tenure.Store(&core.Tenure{Known: version, Serving: version})
	return nil
}

// admit says whether a message under a layout version is handled.
func (r *Replica) admit(version uint64) core.Refusal {
	t := *r.tenure.Load()
	refusal, _ := t.Admit(version)
	return refusal
}

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

// raiseCeiling makes a ceiling at or above b durable.
func (r *Replica) raiseCeiling(b Ballot) error {
	r.raising.Lock()
	defer r.raising.Unlock()
	if b.Compare(*r.ceiling.Load()) <= 0 {
		return nil
	}
	next := core.CeilingFor(b, r.step)
	batch := r.kv.NewBatch()
	batch.Set(ceilingKey, appendBallot(nil, next))
	if err := batch.Commit(); err != nil {
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
