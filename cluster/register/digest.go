package register

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"

	"rhizome/base/errs"
	"rhizome/base/short"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// The rows of a partition are spread over buckets by a hash of their keys. The digest
// of a bucket is the sum, modulo 2^64, of a hash of each of its rows with its ballot:
// a batch that changes a row adds the difference. Replicas with equal digests hold the
// same records, but for a chance of one in 2^64.
//
// After the digests of the buckets stands their sum, which releases keep that list doubts:
// where it is another number, one wrote that lists none.
const (
	buckets       = 64
	sumOfBuckets  = buckets
	digestKind    = 'd'
	digestVersion = 1
)

var digestsKept = []byte{ownKey, 'd'}

func digestKey(group, bucket int) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{digestKind}, uint16(group)), byte(bucket))
}

func bucketOf(row []byte) int {
	h := fnv.New32a()
	_, _ = h.Write(row)
	return int(h.Sum32() % buckets)
}

// rowDigest is a row's part of the digest of its bucket; an absent one has none.
func rowDigest(row []byte, b Ballot, soft bool) int64 {
	if b.IsZero() {
		return 0
	}
	buf := appendBallot(append(make([]byte, 0, len(row)+ballotSize+1), row...), b)
	if soft {
		buf = append(buf, 1)
	}
	sum := short.Sum256(buf)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// adder is what addDigest needs of a kv.Batch.
type adder interface{ Add(key []byte, n int64) }

// addDigest adds to a batch what the change of a ROW does to the digest.
func addDigest(b adder, row []byte, old *stored, next *core.Cell) {
	d := rowDigest(row, next.Ballot, next.Soft) - rowDigest(row, old.ballot, old.flags&fSoft != 0)
	if d != 0 {
		b.Add(digestKey(rowGroup(row), bucketOf(row)), d)
		b.Add(digestKey(rowGroup(row), sumOfBuckets), d)
	}
}

// loadDigests computes the digests of a store that has none.
func (r *Replica) loadDigests() error {
	_, err := r.kv.Get(digestsKept)
	if err == nil || !errors.Is(err, errs.NotFound) {
		return err
	}
	it, err := r.kv.Iter([]byte{headKey}, []byte{headKey + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	sums := make(map[[2]int]int64)
	for ok := it.First(); ok; ok = it.Next() {
		if err := addHead(sums, it); err != nil {
			return err
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	b := r.kv.NewBatch()
	b.DeleteRange([]byte{digestKind}, []byte{digestKind + 1})
	for at, sum := range sums {
		b.Add(digestKey(at[0], at[1]), sum)
		b.Add(digestKey(at[0], sumOfBuckets), sum)
	}
	b.Set(digestsKept, []byte{digestVersion})
	return b.Commit()
}

// addHead adds a row to the sums. One that cannot be read has no part in them.
func addHead(sums map[[2]int]int64, it *kv.Iter) error {
	head, err := it.Value()
	if err != nil || len(it.Key()) < partAt {
		return nil
	}
	var c core.Cell
	if _, err := decodeHead(append([]byte(nil), head...), &c, new(Value)); err != nil {
		return nil
	}
	row := it.Key()[1:]
	sums[[2]int{rowGroup(row), bucketOf(row)}] += rowDigest(row, c.Ballot, c.Soft)
	return nil
}

// Digests is Source's.
func (r *Replica) Digests(ctx context.Context, of []Term) ([][]uint64, error) {
	out := make([][]uint64, len(of))
	for k, x := range of {
		if x.Partition < 0 || x.Partition >= groups || !r.tenures[groupIn(x.Partition)].Load().serves(x.Term) {
			continue
		}
		sums := make([]uint64, buckets)
		if err := r.digests(ctx, groupIn(x.Partition), sums); err != nil {
			return nil, err
		}
		out[k] = sums
	}
	return out, nil
}

func (r *Replica) digests(ctx context.Context, group int, sums []uint64) error {
	return r.walk(ctx, digestKey(group, 0), after(digestKey(group, buckets-1)), func(key, value []byte) error {
		if len(key) == 4 && int(key[3]) < buckets && len(value) == 8 {
			sums[key[3]] = binary.BigEndian.Uint64(value)
		}
		return nil
	})
}

// HeadsQuery asks for the rows of some buckets of a partition, from a ROW on.
type HeadsQuery struct {
	Partition int
	Term      uint64
	Buckets   uint64 // a bit for each
	Begin     []byte
}

// Heads says which records a replica holds.
type Heads struct {
	Heads []Head
	// More: there are more rows from Next on.
	More bool
	Next []byte
}

// Head is a row's ballot.
type Head struct {
	Row    Row
	Ballot Ballot
	Soft   bool
}

const (
	maxHeads   = 4096
	headsSteps = 100_000
)

// Heads is Source's.
func (r *Replica) Heads(ctx context.Context, q HeadsQuery) (*Heads, error) {
	if q.Partition < 0 || q.Partition >= groups {
		return nil, errs.Newf(errs.Invalid, "there is no partition %d", q.Partition)
	}
	g := groupIn(q.Partition)
	if !r.tenures[g].Load().serves(q.Term) {
		return nil, refusedPlan(core.Behind)
	}
	out, steps := new(Heads), 0
	err := r.walkGroup(ctx, g, q.Begin, nil, func(key, value []byte) error {
		if steps++; steps > headsSteps || len(out.Heads) >= maxHeads {
			out.More, out.Next = true, append([]byte(nil), key[1:]...)
			return errStop
		}
		if q.Buckets>>bucketOf(key[1:])&1 == 0 {
			return nil
		}
		row, err := DecodeKey(key)
		if err != nil {
			return nil // CheckRows tells
		}
		var c core.Cell
		if _, err := decodeHead(append([]byte(nil), value...), &c, new(Value)); err != nil {
			return nil
		}
		out.Heads = append(out.Heads, Head{row, c.Ballot, c.Soft})
		return nil
	})
	return out, err
}
