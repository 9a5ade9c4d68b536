package register

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"

	"rhizome/base/errs"
	"rhizome/cluster/layout"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// Where a partition has two replicas, each of them keeps a list of the records that it
// accepted and of which it does not know that the other one holds them: its doubts. An
// entry comes in the batch of the record and goes when the other replica, or who saw
// that both accepted it, vouches for it. What lies here and is not listed, both hold,
// once the partition is sure: from the beginning of its term if all its rows came from
// one node, else as soon as it was compared with the other replica.
//
// An entry goes too in the batch of the record that replaces its own. One that a power cut
// brings back does no harm.

// doubts is what is remembered of the list beside it.
type doubts struct {
	open [groups]atomic.Uint32
}

// What is known of the list of a group without a look at the disk.
const (
	noDoubts  uint32 = iota
	newDoubts        // there may be some, under way perhaps
	oldDoubts        // there were some when it was looked at
)

// doubtOf returns the entry of a record: ROW and ballot.
func doubtOf(key []byte, b Ballot) []byte { return appendBallot(withFirst(doubtKey, key), b) }

// rowOfDoubt takes an entry apart. key is that of the row's head.
func rowOfDoubt(entry []byte) (key []byte, b Ballot, err error) {
	n := len(entry) - ballotSize
	if n < partAt {
		return nil, b, errs.New(errs.Corrupt, "the row store lists a doubt that cannot be read")
	}
	b, err = parseBallot(entry[n:])
	return withFirst(headKey, entry[:n]), b, err
}

func pairKey(group int) []byte {
	return binary.BigEndian.AppendUint16([]byte{ownKey, 's'}, uint16(group))
}

const pairSize = 8 + 1

// encodePair says under which term doubts are listed, and whether the partition is sure.
func (t *tenure) encodePair() []byte {
	b := binary.BigEndian.AppendUint64(nil, t.Known)
	if t.sure {
		return append(b, 1)
	}
	return append(b, 0)
}

// loadPair takes over what encodePair wrote: of an earlier term it says nothing.
func (t *tenure) loadPair(v []byte) error {
	if len(v) != pairSize || v[8] > 1 {
		return errs.New(errs.Corrupt, "the row store does not say in a way that this program reads what of its rows is in doubt")
	}
	if binary.BigEndian.Uint64(v) == t.Known {
		t.pair, t.sure = true, v[8] == 1
	}
	return nil
}

// loadDoubts finds out where there are doubts from before the start, and begins the
// lists of partitions of two replicas that an earlier release served without.
func (r *Replica) loadDoubts() error {
	err := r.walk(context.Background(), pairKey(0), pairKey(groups), func(key, v []byte) error {
		return r.tenures[binary.BigEndian.Uint16(key[2:])].Load().loadPair(v)
	})
	if err != nil {
		return err
	}
	err = r.walk(context.Background(), []byte{doubtKey}, []byte{doubtKey + 1}, func(entry, _ []byte) error {
		key, _, err := rowOfDoubt(entry)
		if err == nil {
			r.doubts.open[groupOf(keySlot(key))].Store(oldDoubts)
		}
		return err
	})
	if err != nil {
		return err
	}
	b := r.kv.NewBatch()
	if err := r.distrust(b); err != nil {
		b.Discard()
		return err
	}
	if r.options.Plans != nil && r.options.Plans.Layout() != nil {
		r.beginLists(b, r.options.Plans.Layout())
	}
	if b.Empty() {
		b.Discard()
		return nil
	}
	return b.Commit()
}

// beginLists begins the lists of partitions of two replicas that have none.
func (r *Replica) beginLists(b *kv.Batch, l *layout.Layout) {
	for g := range r.tenures {
		t, p := r.tenures[g].Load(), partitionOf(g)
		if !t.pair && t.member() && p < len(l.Assigned) && l.Term(p) == t.Known && len(l.Replicas(p)) == 2 {
			t.pair = true // nobody else has it yet
			b.Set(pairKey(g), t.encodePair())
		}
	}
}

// distrust makes no partition sure in which an earlier release wrote, which lists no
// doubts: it keeps the digests of the buckets, and not their sum. That is made up for in
// every partition, or a later start would take it for another such release.
func (r *Replica) distrust(b *kv.Batch) error {
	var missed [groups]int64 // by how much the digests of the buckets are more than their sum
	err := r.walk(context.Background(), []byte{digestKind}, []byte{digestKind + 1}, func(key, value []byte) error {
		if len(key) != 4 || len(value) != 8 || int(binary.BigEndian.Uint16(key[1:])) >= groups {
			return errs.New(errs.Corrupt, "the row store holds a digest that cannot be read")
		}
		d := int64(binary.BigEndian.Uint64(value))
		if key[3] == sumOfBuckets {
			d = -d
		}
		missed[binary.BigEndian.Uint16(key[1:])] += d
		return nil
	})
	if err != nil {
		return err
	}
	for g, n := range missed {
		if n == 0 {
			continue
		}
		b.Add(digestKey(g, sumOfBuckets), n)
		if t := r.tenures[g].Load(); t.sure {
			t.sure = false // nobody else has it yet
			b.Set(pairKey(g), t.encodePair())
		}
	}
	return nil
}

// pairs reports whether the rows of a term are all here and lie on two replicas.
func (t *tenure) pairs(term uint64) bool { return t.pair && t.serves(term) }

// Vouched says of a record that the other one of its row's two replicas holds it.
type Vouched struct {
	Row    Row
	Term   uint64
	Ballot Ballot
}

// Vouch is Peer's.
func (r *Replica) Vouch(_ context.Context, of []Vouched) ([]bool, error) {
	held := make([]bool, len(of))
	gone := make([][]byte, len(of))
	for k, v := range of {
		key := rowKey(headKey, v.Row)
		if checkRow(v.Row) != nil || !r.tenureOf(key).pairs(v.Term) {
			continue
		}
		b, soft, err := r.holds(key)
		if err != nil {
			return nil, err
		}
		r.awaitWrite(key[1:])
		held[k] = b == v.Ballot && !soft
		if held[k] || v.Ballot.Less(b) {
			gone[k] = doubtOf(key, v.Ballot)
		}
	}
	return held, r.clearDoubts(of, gone)
}

// holds returns the ballot of the record that lies here.
func (r *Replica) holds(key []byte) (Ballot, bool, error) {
	head, err := r.kv.Get(key)
	if errors.Is(err, errs.NotFound) {
		return Ballot{}, false, nil
	}
	if err != nil {
		return Ballot{}, false, err
	}
	var c core.Cell
	_, err = decodeHead(head, &c, new(Value))
	return c.Ballot, c.Soft, err
}

// clearDoubts takes entries off the list, if the terms that they were vouched for under
// last still.
func (r *Replica) clearDoubts(of []Vouched, gone [][]byte) error {
	r.adopting.Lock()
	defer r.adopting.Unlock()
	b := r.kv.NewBatch()
	for k, entry := range gone {
		if entry != nil && r.tenureOf(entry).pairs(of[k].Term) {
			b.Delete(entry)
		}
	}
	if b.Empty() {
		b.Discard()
		return nil
	}
	return b.Commit()
}

// agreed notes that this replica was compared with the other one: all that lay here
// when that began and is not listed, both held.
func (r *Replica) agreed(of []Term) error {
	r.adopting.Lock()
	defer r.adopting.Unlock()
	b := r.kv.NewBatch()
	next := make(map[int]*tenure)
	for _, x := range of {
		g := groupIn(x.Partition)
		if t := r.tenures[g].Load(); t.pairs(x.Term) && !t.sure {
			now := *t
			now.sure = true
			next[g] = &now
			b.Set(pairKey(g), now.encodePair())
		}
	}
	if b.Empty() {
		b.Discard()
		return nil
	}
	if err := b.Commit(); err != nil {
		return err
	}
	for g, t := range next {
		r.tenures[g].Store(t)
	}
	return nil
}

// doubt lists the record that lies here: the other replica cannot be made to hold it.
func (r *Replica) doubt(term uint64, row Row) error {
	key := rowKey(headKey, row)
	s, c := r.acquire(key[1:])
	defer r.release(s, c)
	if err := r.know(key, c); err != nil || c.stored.ballot.IsZero() || !r.tenureOf(key).pairs(term) {
		return err
	}
	b := r.kv.NewBatch()
	b.Set(doubtOf(key, c.stored.ballot), nil)
	return b.Commit()
}

// openDoubts returns the partitions of which the other replica is to be asked: this one is
// not sure, or lists something.
func (r *Replica) openDoubts(ctx context.Context) (out []Term) {
	for g := range r.tenures {
		t := r.tenures[g].Load()
		x := Term{Partition: partitionOf(g), Term: t.Known}
		switch {
		case !t.pairs(t.Known):
		case !t.sure || r.doubts.open[g].Load() == oldDoubts:
			out = append(out, x)
		case r.doubts.open[g].Load() == newDoubts:
			if of, next, err := r.listDoubts(ctx, x, nil, 1); len(of) > 0 || next != nil || err != nil {
				out = append(out, x)
			}
		}
	}
	return out
}

// listDoubts returns what is in doubt in a partition from an entry on (nil: the first),
// limit entries at most, and takes off the list what is there no more. next is where to
// go on, nil if that was all.
func (r *Replica) listDoubts(ctx context.Context, x Term, begin []byte, limit int) (of []Vouched, next []byte, err error) {
	g := groupIn(x.Partition)
	if begin == nil {
		r.doubts.open[g].Store(noDoubts)
	}
	defer func() {
		if len(of) > 0 || next != nil || err != nil {
			r.doubts.open[g].Store(oldDoubts)
		}
	}()
	var old []Vouched
	var gone [][]byte
	for _, t := range r.tables() {
		from, to := groupRange(doubtKey, t, g)
		if bytes.Compare(from, begin) < 0 {
			from = begin
		}
		if next != nil || bytes.Compare(from, to) >= 0 {
			continue
		}
		err = r.walk(ctx, from, to, func(entry, _ []byte) error {
			if len(of)+len(old) >= limit {
				next = bytes.Clone(entry)
				return errStop
			}
			v, state, err := r.lookAt(entry)
			v.Term = x.Term
			switch state {
			case doubtOver:
				old, gone = append(old, v), append(gone, bytes.Clone(entry))
			case doubtOpen:
				of = append(of, v)
			}
			return err
		})
		if err != nil {
			break
		}
	}
	return of, next, errors.Join(err, r.clearDoubts(old, gone))
}

// What becomes of an entry.
const (
	doubtSoft = iota // what lies here was not accepted: whoever reads it settles it
	doubtOpen        // the other replica is to be asked
	doubtOver        // the record was replaced
)

// lookAt compares an entry with the record that lies here.
func (r *Replica) lookAt(entry []byte) (v Vouched, state int, err error) {
	key, b, err := rowOfDoubt(entry)
	if err != nil {
		return v, doubtSoft, err
	}
	if v.Row, err = DecodeKey(key); err != nil {
		return v, doubtSoft, err
	}
	v.Ballot = b
	now, soft, err := r.holds(key)
	switch {
	case err != nil || now == b && soft:
		return v, doubtSoft, err
	case now != b:
		return v, doubtOver, nil
	}
	return v, doubtOpen, nil
}
