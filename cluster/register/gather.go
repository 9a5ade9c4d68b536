package register

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"

	"rhizome/base/errs"
	"rhizome/base/vfs"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// Gather merges what is left of a damaged row store with snapshots, into a new one.
//
// The damaged store has the last word on every row whose last entry can be told; where
// entries may be missing, a snapshot's row counts if its ballot is higher. A blob
// carries the ballot of its head, so it is found wherever it is.
//
// It works in a scratch store of its own, in any amount of rows, and is not safe for
// concurrent use. Feed it with Salvage, then Snapshot, newest first, then Write.
type Gather struct {
	scratch *kv.Store
	damage  *kv.Damage
	top     Ballot // no row, promise or floor seen is above it

	// Others, if set, is told of what Salvage finds of other packages.
	Others func(kv.Found)
}

// NewGather returns a Gather that works in an empty store, which is then of no more
// use.
func NewGather(scratch *kv.Store) *Gather { return &Gather{scratch: scratch} }

// Keys in the scratch store: the row's head key -> a gathered; and
const scratchBlob = 'B' // ballot (24) -> a blob record

// gathered is what is known of one row.
type gathered struct {
	known    byte
	seq      uint64 // of head, the store's highest
	gone     uint64 // of the store's last deletion, plus 1
	blob     uint64 // of the last entry of a blob, plus 1
	blobGone uint64 // of the last deletion of one, plus 1
	head     []byte
}

const (
	hasHead byte = 1 << iota
	fromSnapshot
)

const gatheredSize = 1 + 4*8

func (g *gathered) encode() []byte {
	b := make([]byte, 0, gatheredSize+len(g.head))
	b = append(b, g.known)
	for _, n := range []uint64{g.seq, g.gone, g.blob, g.blobGone} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, g.head...)
}

func decodeGathered(b []byte) gathered {
	if len(b) < gatheredSize {
		return gathered{}
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	return gathered{b[0], n(0), n(1), n(2), n(3), b[gatheredSize:]}
}

// deleted reports whether the store's last word on the row is that it is forgotten.
func (g *gathered) deleted() bool { return g.gone > 0 && (g.known&hasHead == 0 || g.gone > g.seq+1) }

func (g *Gather) change(key []byte, f func(*gathered)) error {
	raw, err := g.scratch.Get(key)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	x := decodeGathered(raw)
	f(&x)
	b := g.scratch.NewBatch()
	b.Set(key, x.encode())
	return b.CommitLazily()
}

// Salvage reads what is left of the store in dir, which need not exist, and says what
// is damaged.
func (g *Gather) Salvage(ctx context.Context, fs vfs.FS, dir string) (*kv.Damage, error) {
	var err error
	g.damage, err = kv.Salvage(ctx, fs, dir, g.found)
	if errs.KindOf(err) == errs.Unavailable && ctx.Err() == nil {
		g.damage = &kv.Damage{NoList: true, Log: true, Gaps: []kv.Gap{{Seq: math.MaxUint64}},
			Files: []kv.FileDamage{{Name: dir, Reason: err.Error()}}}
		err = nil
	}
	return g.damage, err
}

func (g *Gather) found(f kv.Found) error {
	if len(f.Key) == 0 {
		return g.keepBlob(f.Value)
	}
	switch f.Key[0] {
	case headKey:
		return g.foundHead(f)
	case blobKey:
		return g.foundBlob(f)
	case ownKey:
		g.foundOwn(f.Key, f.Value)
	default:
		if g.Others != nil {
			g.Others(f)
		}
	}
	return nil
}

func (g *Gather) foundHead(f kv.Found) error {
	if _, err := DecodeKey(f.Key); err != nil {
		return nil
	}
	if f.Deleted {
		return g.change(f.Key, func(x *gathered) { x.gone = max(x.gone, f.Seq+1) })
	}
	b, err := headBallot(f.Value)
	if err != nil {
		return nil // not what this program writes; the row shows as lost
	}
	g.top = g.top.Max(b)
	return g.change(f.Key, func(x *gathered) {
		if x.known&hasHead != 0 {
			old, err := headBallot(x.head)
			if err == nil && b.Less(old) {
				return
			}
			if err == nil && b == old {
				x.seq = max(x.seq, f.Seq)
				return
			}
		}
		x.known, x.seq, x.head = hasHead, f.Seq, f.Value
	})
}

// foundBlob notes that a row has a blob, which tells of rows whose head is lost.
func (g *Gather) foundBlob(f kv.Found) error {
	if _, err := DecodeKey(f.Key); err != nil {
		return nil
	}
	err := g.change(withFirst(headKey, f.Key), func(x *gathered) {
		if f.Deleted {
			x.blobGone = max(x.blobGone, f.Seq+1)
		} else {
			x.blob = max(x.blob, f.Seq+1)
		}
	})
	if err != nil || f.Deleted || f.Apart {
		return err
	}
	return g.keepBlob(f.Value)
}

// keepBlob keeps a blob record by its ballot.
func (g *Gather) keepBlob(record []byte) error {
	b, _, err := decodeBlob(record)
	if err != nil {
		return nil
	}
	w := g.scratch.NewBatch()
	w.Set(appendBallot([]byte{scratchBlob}, b), record)
	return w.CommitLazily()
}

// foundOwn notes a ceiling or floor.
func (g *Gather) foundOwn(key, value []byte) {
	if len(key) < 2 || key[1] != 'c' && key[1] != 'l' {
		return
	}
	if b, err := parseBallot(value); err == nil {
		g.top = g.top.Max(b)
	}
}

func headBallot(head []byte) (Ballot, error) {
	var c core.Cell
	var v Value
	_, err := decodeHead(head, &c, &v)
	return c.Ballot, err
}

// Snapshot adds the rows of a snapshot. header is called if that can be read.
func (g *Gather) Snapshot(ctx context.Context, fs vfs.FS, path string, header func(*SnapshotHeader)) (kv.StreamDamage, error) {
	return readSnapshot(ctx, fs, path, func(h *SnapshotHeader) error { header(h); return nil }, func(key, value []byte) error {
		if len(key) == 0 {
			return nil
		}
		switch key[0] {
		case headKey:
			return g.savedHead(key, value)
		case blobKey:
			return g.keepBlob(value)
		case ownKey:
			g.foundOwn(key, value)
		}
		return nil
	})
}

func (g *Gather) savedHead(key, head []byte) error {
	if _, err := DecodeKey(key); err != nil {
		return nil
	}
	b, err := headBallot(head)
	if err != nil {
		return nil
	}
	g.top = g.top.Max(b)
	raw, err := g.scratch.Get(key)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	x := decodeGathered(raw)
	if x.deleted() || !g.damage.Missing(key, x.seq) {
		return nil
	}
	if x.known&hasHead != 0 {
		if old, err := headBallot(x.head); err == nil && b.Compare(old) <= 0 {
			return nil
		}
	}
	return g.change(key, func(x *gathered) { x.known, x.seq, x.head = hasHead|fromSnapshot, 0, head })
}

// Knowledge says how much is known of a row.
type Knowledge uint8

const (
	// Known: the row is as it was last; if there is none, there was none.
	Known Knowledge = iota
	// Doubtful: there is a row, and a newer state of it may be lost.
	Doubtful
	// Saved: the row is as a snapshot had it.
	Saved
	// Headless: there was a row, and nothing but its name is left.
	Headless
	// Bodiless: the row's blob is lost.
	Bodiless
	// Unknown: no trace of a row, where rows may be lost.
	Unknown
)

// Known says what is known of one row.
func (g *Gather) Known(row Row) (Knowledge, error) {
	key := rowKey(headKey, row)
	raw, err := g.scratch.Get(key)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return Unknown, err
	}
	x := decodeGathered(raw)
	return g.judge(key, &x), nil
}

func (g *Gather) judge(key []byte, x *gathered) Knowledge {
	switch {
	case x.known&fromSnapshot != 0:
		return Saved
	case x.known&hasHead != 0 && !x.deleted():
		if !g.damage.NoList && g.damage.Missing(key, x.seq) {
			return Doubtful
		}
		return Known
	case x.deleted() || !g.damage.Missing(key, 0):
		return Known
	case x.blob > x.blobGone:
		return Headless
	}
	return Unknown
}

// Top returns a ballot that is not below any that was seen.
func (g *Gather) Top() Ballot { return g.top }

// Write puts the rows into an empty store, with a ceiling above everything seen, and
// calls each for every row that is there or was, which may be nil in value. Bodiless
// rows are written as they are if keep says so, others of them not at all. It is
// durable when it returns.
func (g *Gather) Write(ctx context.Context, to *kv.Store, each func(Row, *Value, Knowledge) (keep bool, err error)) error {
	it, err := g.scratch.Iter([]byte{headKey}, []byte{headKey + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	w := &rowWriter{to: to, b: to.NewBatch(), sums: map[partID][2]int64{}}
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return errs.Newf(errs.Unavailable, "writing the rows was given up: %w", err)
		}
		raw, err := it.Value()
		if err == nil {
			err = g.writeRow(w, it.Key(), raw, each)
		}
		if err != nil {
			return err
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	return w.finish(core.CeilingFor(g.top, 1))
}

func (g *Gather) writeRow(w *rowWriter, key, raw []byte, each func(Row, *Value, Knowledge) (bool, error)) error {
	x := decodeGathered(raw)
	row, err := DecodeKey(key)
	if err != nil {
		return nil
	}
	k := g.judge(key, &x)
	if x.known&hasHead == 0 || x.deleted() {
		if k == Headless {
			_, err = each(row, nil, k)
		}
		return err
	}
	b, _ := headBlobKey(x.head)
	blob, err := g.scratch.Get(b)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	cell, err := DecodeRecord(x.head, blob)
	if err != nil {
		k = Bodiless
	}
	keep, err := each(row, cell.Value, k)
	if err != nil || !keep && k == Bodiless {
		return err
	}
	return w.add(row, key, &cell)
}

// headBlobKey returns where the blob of a head is in the scratch store.
func headBlobKey(head []byte) ([]byte, error) {
	var c core.Cell
	_, err := decodeHead(head, &c, new(Value))
	return appendBallot([]byte{scratchBlob}, c.Ballot), err
}

// rowWriter writes rows into an empty store, many to a batch.
type rowWriter struct {
	to   *kv.Store
	b    *kv.Batch
	n    int
	sums map[partID][2]int64
}

const rowsPerBatch = 256

func (w *rowWriter) add(row Row, key []byte, c *core.Cell) error {
	next := *c
	next.Promised, next.Soft = next.Promised.Max(next.Ballot), false
	writeRow(w.b, bytes.Clone(key), 0, false, &next)
	if v := c.Value; v != nil && (v.Count != 0 || v.Bytes != 0) {
		id := partID{row.Table, row.Part}
		s := w.sums[id]
		w.sums[id] = [2]int64{s[0] + v.Count, s[1] + v.Bytes}
	}
	if w.n++; w.n%rowsPerBatch != 0 {
		return nil
	}
	return w.flush()
}

func (w *rowWriter) flush() error {
	for id, s := range w.sums {
		kc, kb := weightKeys(id)
		w.b.Add(kc, s[0])
		w.b.Add(kb, s[1])
	}
	clear(w.sums)
	b := w.b
	w.b = w.to.NewBatch()
	return b.CommitLazily()
}

func (w *rowWriter) finish(ceiling Ballot) error {
	w.b.Set(ceilingKey, appendBallot(nil, ceiling))
	if err := w.flush(); err != nil {
		return err
	}
	w.b.Discard()
	return w.to.Flush()
}
