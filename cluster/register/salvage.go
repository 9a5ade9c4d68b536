package register

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// RawRecord is one row as a store holds it. Rows are versioned by their ballots, so
// records of one row from several stores or snapshots merge by keeping the highest.
type RawRecord struct {
	Row  Row
	Cell core.Cell
}

// DecodeRecord reads a row's head and, if it has one, its blob (nil if not at hand).
// Bytes that are no record, or do not belong together, give errs.Corrupt; of a row
// whose blob alone is damaged or missing, the cell is returned beside the error.
func DecodeRecord(head, blob []byte) (core.Cell, error) {
	var c core.Cell
	flags, err := decodeHead(append([]byte(nil), head...), &c, new(Value))
	if err != nil || flags&fBlob == 0 {
		return c, err
	}
	ballot, bytes, err := decodeBlob(blob)
	if err != nil {
		return c, err
	}
	if ballot != c.Ballot {
		return c, errTorn
	}
	c.Value.Blob = append([]byte(nil), bytes...)
	return c, nil
}

// Records calls f for every row in a store, in the order of keys, tombstones
// included, whoever's store it is. A row that cannot be read is handed to damaged,
// with its key and what is wrong; the walk goes on. It ends at the first error of f
// or damaged, or when the store itself cannot go on.
func Records(ctx context.Context, store *kv.Store, f func(RawRecord) error, damaged func(key []byte, err error) error) error {
	first := []byte{headKey}
	it, err := store.Iter(first, after(first))
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := record(store, it)
		if err == nil {
			err = f(rec)
		} else {
			err = damaged(append([]byte(nil), it.Key()...), err)
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}

func record(store *kv.Store, it *kv.Iter) (rec RawRecord, err error) {
	if rec.Row, err = DecodeKey(it.Key()); err != nil {
		return rec, err
	}
	head, err := it.Value()
	if err != nil {
		return rec, err
	}
	blob, err := store.Get(withFirst(blobKey, it.Key()))
	if err != nil && !errors.Is(err, errs.NotFound) {
		return rec, err
	}
	rec.Cell, err = DecodeRecord(head, blob)
	return rec, err
}
