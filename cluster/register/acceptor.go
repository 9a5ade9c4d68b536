package register

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

// Prepare is Peer's. It costs one look into the row store and no write, but for the
// ceiling now and then.
func (r *Replica) Prepare(ctx context.Context, term uint64, row Row, b Ballot) (core.Answer, error) {
	key := rowKey(headKey, row)
	s, c, refusal, err := r.enter(ctx, term, key)
	if c == nil {
		return core.Answer{Ballot: b, Refusal: refusal}, err
	}
	defer r.release(s, c)
	for {
		limits := r.limits(row, keySlot(key))
		if c.known {
			// Refuse without reading the record.
			v := c.view()
			if bound := v.Bound(&limits); b.Compare(bound) <= 0 {
				return core.Answer{Ballot: b, Refusal: core.Stale, Beat: bound}, nil
			}
		}
		full, err := r.load(key, c)
		if err != nil {
			return core.Answer{}, err
		}
		a, raise := full.Prepare(b, &limits)
		if !raise {
			c.promised = full.Promised
			return a, nil
		}
		if err := r.raiseCeiling(b); err != nil {
			return core.Answer{}, err
		}
	}
}

// Accept is Peer's. It is answered once the record is durable.
func (r *Replica) Accept(ctx context.Context, term uint64, row Row, rec core.Record) (core.Answer, error) {
	if err := errors.Join(checkRow(row), checkValue(rec.Value)); err != nil {
		return core.Answer{}, err
	}
	key := rowKey(headKey, row)
	s, c, refusal, err := r.enter(ctx, term, key)
	if c == nil {
		return core.Answer{Ballot: rec.Ballot, Refusal: refusal}, err
	}
	defer r.release(s, c)
	if err := r.know(key, c); err != nil {
		return core.Answer{}, err
	}
	limits := r.limits(row, keySlot(key))
	view := c.view()
	a, write := view.Accept(rec, &limits)
	if !write {
		return a, nil
	}
	if err := r.store(s, c, row, key, &view); err != nil {
		return a, err
	}
	r.tell(row, view.Value, rpc.ClassOf(ctx, rpc.Urgent) == rpc.Background)
	return a, nil
}

// Read is Peer's.
func (r *Replica) Read(ctx context.Context, term uint64, row Row) (core.Answer, error) {
	key := rowKey(headKey, row)
	if refusal, err := r.admitRow(ctx, term, key); refusal != core.None || err != nil {
		return core.Answer{Refusal: refusal}, err
	}
	var full core.Cell
	told := r.fences.of(row.Table, row.Part).told // before the row
	if err := r.get(key, &full); err != nil {
		return core.Answer{}, err
	}
	r.awaitWrite(key[1:])
	limits := r.limits(row, keySlot(key))
	limits.Fence = told
	a := full.Read(&limits)
	// What was read after the term ended may be of the next one.
	if refusal, _ := r.tenureOf(key).admits(term); refusal != core.None {
		return core.Answer{Refusal: refusal}, nil
	}
	return a, nil
}

// get reads a row that others may be changing.
func (r *Replica) get(key []byte, full *core.Cell) error {
	for range 3 {
		_, err := r.fetch(r.kv.Get, key, full)
		if !errors.Is(err, errTorn) {
			return err
		}
	}
	s, c := r.acquire(key[1:])
	defer r.release(s, c)
	_, err := r.fetch(r.kv.Get, key, full)
	return err
}

// errTorn says that a row's head and blob were read on both sides of a change.
var errTorn = errs.New(errs.Corrupt, "the blob of a stored row is not that of its head")

// fetch reads a row's head, as get does, and blob from the row store; an absent row is the
// zero cell.
func (r *Replica) fetch(get func([]byte) ([]byte, error), key []byte, full *core.Cell) (flags uint16, err error) {
	head, err := get(key)
	if err != nil {
		*full = core.Cell{}
		if errors.Is(err, errs.NotFound) {
			err = nil
		}
		return 0, err
	}
	v := new(Value)
	if flags, err = decodeHead(head, full, v); err != nil || flags&fBlob == 0 {
		return flags, err
	}
	raw, err := r.kv.Get(withFirst(blobKey, key))
	if errors.Is(err, errs.NotFound) {
		return 0, errTorn
	}
	if err != nil {
		return 0, err
	}
	ballot, blob, err := decodeBlob(raw)
	if err == nil && ballot != full.Ballot {
		err = errTorn
	}
	v.Blob = blob
	return flags, err
}

// load reads the whole row into a core.Cell and what of it an Accept needs into c,
// whose latch is held. Most rows that are written are new.
func (r *Replica) load(key []byte, c *cell) (full core.Cell, err error) {
	flags, err := r.fetch(r.kv.GetRare, key, &full)
	if err != nil {
		return full, err
	}
	if !c.known {
		c.learn(&full, flags)
	}
	full.Promised = full.Promised.Max(c.promised)
	return full, nil
}

// know makes sure that c.stored is known.
func (r *Replica) know(key []byte, c *cell) error {
	if c.known {
		return nil
	}
	head, err := r.kv.GetRare(key)
	if errors.Is(err, errs.NotFound) {
		c.learn(&core.Cell{}, 0)
		return nil
	}
	if err != nil {
		return err
	}
	var full core.Cell
	flags, err := decodeHead(head, &full, new(Value))
	if err != nil {
		return err
	}
	c.learn(&full, flags)
	return nil
}

// learn notes what the row store holds.
func (c *cell) learn(full *core.Cell, flags uint16) {
	c.known = true
	c.stored = stored{ballot: full.Ballot, flags: flags}
	if full.Value != nil {
		c.stored.count, c.stored.bytes = full.Value.Count, full.Value.Bytes
	}
	c.promised = c.promised.Max(full.Promised)
}

// store makes next, which replaces what c holds, durable.
func (r *Replica) store(s *shard, c *cell, row Row, key []byte, next *core.Cell) error {
	count, bytes := -c.stored.count, -c.stored.bytes
	if v := next.Value; v != nil {
		count, bytes = count+v.Count, bytes+v.Bytes
	}
	r.seen[row.Table].Store(true)
	batch := r.kv.NewBatch()
	flags := writeRow(batch, key, c.stored.flags, !c.stored.ballot.IsZero(), next)
	addDigest(batch, key[1:], &c.stored, next)
	pair := r.tenureOf(key).pair
	if pair {
		batch.Set(doubtOf(key, next.Ballot), nil)
		// Whether the one that is replaced is listed is not looked up: if anything is, its
		// key is short.
		if r.doubts.open[groupOf(keySlot(key))].Load() != noDoubts && !c.stored.ballot.IsZero() && c.stored.ballot != next.Ballot {
			batch.Delete(doubtOf(key, c.stored.ballot))
		}
	}
	w := r.weights.begin(batch, row, count, bytes)
	s.setWriting(c, true)
	err := batch.Commit()
	s.setWriting(c, false)
	if pair {
		r.doubts.open[groupOf(keySlot(key))].Store(newDoubts)
	}
	r.weights.end(w, count, bytes, err)
	if err != nil {
		c.known = false // it may or may not be there
		return err
	}
	r.kv.Wasted(c.stored.blob())
	c.promised = next.Promised
	c.known = false
	c.learn(next, flags)
	if next.Value == nil {
		r.tombs.Add(1)
	}
	return nil
}

// writer is what writeRow needs of a kv.Batch.
type writer interface {
	Set(key, value []byte)
	Delete(key []byte)
}

// writeRow puts a row and its entries in the lists into a batch. had are the flags of
// the record it replaces, if existed.
func writeRow(b writer, key []byte, had uint16, existed bool, next *core.Cell) (flags uint16) {
	size := 64 + ballotSize*(3+len(next.Recent))
	if next.Value != nil {
		size += max(len(next.Value.Data), len(next.Value.Blob))
	}
	buf := encodeHead(make([]byte, 0, size), next)
	flags = flagsOf(next)
	b.Set(key, buf)
	other := append([]byte(nil), key...)
	list := func(first byte, was, is bool, value []byte) {
		if other[0] = first; is {
			b.Set(other, value)
		} else if was {
			b.Delete(other)
		}
	}
	list(workKey, had&fPending != 0, flags&fPending != 0, nil)
	list(tombKey, existed && had&fLive == 0, flags&fLive == 0, appendBallot(nil, next.Ballot))
	if flags&fBlob != 0 {
		buf = encodeBlob(buf[:0], next)
	}
	list(blobKey, had&fBlob != 0, flags&fBlob != 0, buf)
	return flags
}
