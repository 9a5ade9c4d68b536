package register

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"rhizome/base/errs"
)

// partID names the rows of one (table, partition key).
type partID struct {
	table Table
	part  string
}

// fences are the epochs below which Accepts are refused, by partition key. They are
// few: only what was closed once has one.
type fences struct {
	raising sync.Mutex // one is made durable at a time, so that none undoes a higher one
	mu      sync.RWMutex
	m       map[partID]fence
}

// fence is one partition key's.
type fence struct {
	refuse uint64 // counts at once
	told   uint64 // durable, and no Accept below it is under way any more
}

func (f *fences) of(t Table, part string) fence {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.m) == 0 {
		return fence{}
	}
	return f.m[partID{t, part}]
}

func (f *fences) raise(id partID, refuse, told uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m == nil {
		f.m = make(map[partID]fence)
	}
	old := f.m[id]
	f.m[id] = fence{max(old.refuse, refuse), max(old.told, told)}
}

// Fence is Peer's. When it returns, every Accept that the fence would have refused
// is either durable and seen by any Scan that begins now, or refused for ever.
func (r *Replica) Fence(ctx context.Context, term uint64, t Table, part string, epoch uint64) error {
	if err := r.admitFence(ctx, term, t, part); err != nil {
		return err
	}
	if err := r.fence(t, []string{part}, epoch); err != nil {
		return err
	}
	return r.still(term, part)
}

// fence closes the parts to epochs below that, in one commit.
func (r *Replica) fence(t Table, parts []string, epoch uint64) error {
	if epoch == 0 {
		return nil
	}
	var prefixes []string
	for _, part := range parts {
		if err := checkRow(Row{Table: t, Part: part}); err != nil {
			return err
		}
		prefixes = append(prefixes, string(appendPart(nil, headKey, t, part)[1:]))
	}
	return r.raiseFences(t, parts, prefixes, epoch)
}

func (r *Replica) raiseFences(t Table, parts, prefixes []string, epoch uint64) error {
	r.fences.raising.Lock()
	defer r.fences.raising.Unlock()
	b := r.kv.NewBatch()
	for _, part := range parts {
		if r.fences.of(t, part).told < epoch {
			r.fences.raise(partID{t, part}, epoch, 0)
			b.Set(fenceKey(t, part), binary.BigEndian.AppendUint64(nil, epoch))
		}
	}
	if b.Empty() {
		b.Discard()
		return nil
	}
	if err := b.Commit(); err != nil {
		return err
	}
	r.settleWrites(func(row string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(row, p) })
	})
	for _, part := range parts {
		r.fences.raise(partID{t, part}, epoch, epoch)
	}
	return nil
}

func (r *Replica) loadFences() error {
	from := []byte{ownKey, 'e'}
	it, err := r.kv.Iter(from, after(from))
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.Value()
		if err != nil {
			return err
		}
		row, err := DecodeKey(it.Key()[1:])
		if err != nil || len(v) != 8 {
			return errs.New(errs.Corrupt, "the row store holds a fence that cannot be read")
		}
		epoch := binary.BigEndian.Uint64(v)
		r.fences.raise(partID{row.Table, row.Part}, epoch, epoch)
	}
	return it.Err()
}
