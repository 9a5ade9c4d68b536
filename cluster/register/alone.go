package register

import (
	"bytes"
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// ReadAlone is Peer's. The latch is held, so that record and list are of one moment, and
// durable.
func (r *Replica) ReadAlone(_ context.Context, term uint64, row Row) (core.Answer, error) {
	key := rowKey(headKey, row)
	s, c := r.acquire(key[1:])
	defer r.release(s, c)
	t := r.tenureOf(key)
	if refusal, lacks := t.admits(term); refusal != core.None || lacks || !t.pair || !t.sure {
		return core.Answer{Refusal: refusal}, nil
	}
	full, err := r.load(key, c)
	if err != nil {
		return core.Answer{}, err
	}
	if full.Doubt, err = r.doubted(key, full.Ballot); err != nil {
		return core.Answer{}, err
	}
	limits := r.limits(row, keySlot(key))
	return full.ReadAlone(&limits), nil
}

// doubted reports whether a record is listed.
func (r *Replica) doubted(key []byte, b Ballot) (bool, error) {
	if b.IsZero() {
		return false, nil
	}
	_, err := r.kv.Get(doubtOf(key, b))
	if errors.Is(err, errs.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// maxDoubts bounds the doubts that one answer to a Sweep looks at.
const maxDoubts = 4096

// certain reports whether nothing that the answer rests on is in doubt: no row from
// where it begins to where it ends, but for those that a group hides which is shown
// anyway. The terms are those of the sweep.
func (w *sweeper) certain(ctx context.Context, view *kv.View) (bool, error) {
	if w.soft {
		return false, nil
	}
	first, looked := w.first(), 0
	for i, part := range w.Parts {
		head := appendPart(nil, doubtKey, w.Table, part)
		from := append(head[:len(head):len(head)], w.Prefix...)
		it, err := view.Iter(from, after(from))
		if err != nil {
			return false, err
		}
		ok, err := w.certainPart(ctx, view, it, i, len(head), first, &looked)
		if err := errors.Join(err, it.Close()); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (w *sweeper) certainPart(ctx context.Context, view *kv.View, it *kv.Iter, part, base int, first string, looked *int) (bool, error) {
	for ok := it.First(); ok; ok = it.Next() {
		if *looked++; *looked > maxDoubts || ctx.Err() != nil {
			return false, ctx.Err()
		}
		key, b, err := rowOfDoubt(it.Key())
		if err != nil {
			return false, err
		}
		if len(key) < base {
			return false, errs.New(errs.Corrupt, "the row store lists a doubt that cannot be read")
		}
		if sort := string(key[base:]); sort < first || w.out.More && w.beyond(sort) || w.hidden(part, sort) {
			continue
		}
		if now, err := ballotIn(view, key); err != nil || now == b {
			return false, err
		}
	}
	return true, it.Err()
}

// beyond reports whether a row lies behind the end of an answer that was cut.
func (w *sweeper) beyond(sort string) bool {
	return sort > w.out.Last && !(w.groupLen([]byte(sort)) > 0 && sort[:w.groupLen([]byte(sort))] == w.out.Last)
}

// hidden reports whether a row follows the one by which its group is shown.
func (w *sweeper) hidden(part int, sort string) bool {
	n := w.groupLen([]byte(sort))
	if n == 0 || !w.Alone {
		return false
	}
	for i := range w.out.Items {
		if it := &w.out.Items[i]; it.Part == part && it.Group == sort[:n] {
			return it.Sort < sort
		}
	}
	return false
}

// ballotIn returns the ballot of the record under a key, as a view has it.
func ballotIn(view *kv.View, key []byte) (Ballot, error) {
	it, err := view.Iter(key, append(bytes.Clone(key), 0))
	if err != nil {
		return Ballot{}, err
	}
	defer it.Close()
	if !it.First() {
		return Ballot{}, it.Err()
	}
	head, err := it.Value()
	if err != nil {
		return Ballot{}, err
	}
	return headBallot(head)
}
