package node

import (
	"context"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/disk/kv"
	"rhizome/gateway/admin/api"
)

// ledger remembers which extents were found damaged or lost, until they are gone or
// whole again. Its rows, beside the layout's:
//
//	'n' 'd' extent ID   damage, a record of package codec
type ledger struct{ rows *kv.Store }

var damagePrefix = []byte("nd")

// damage is what is remembered of one extent.
type damage struct {
	Reason string `cbor:"1,keyasint"`
	Found  int64  `cbor:"2,keyasint"` // Unix milliseconds
}

func damageKey(id ident.ID) []byte { return append([]byte("nd"), id[:]...) }

func (l ledger) note(id ident.ID, d damage) error {
	return l.rows.Set(damageKey(id), codec.Encode(d))
}

// has reports whether damage of the extent is remembered.
func (l ledger) has(id ident.ID) (bool, error) {
	_, known, err := l.rows.Find(damageKey(id))
	return known, err
}

func (l ledger) clear(id ident.ID) error {
	return l.rows.Delete(damageKey(id))
}

// all returns what is remembered, at most 10,000 entries.
func (l ledger) all() (ids []ident.ID, found []damage, err error) {
	it, err := l.rows.Iter(damagePrefix, []byte("ne"))
	if err != nil {
		return nil, nil, err
	}
	defer it.Close()
	for ok := it.First(); ok && len(ids) < 10000; ok = it.Next() {
		id, err := ident.FromKey(string(it.Key()[len(damagePrefix):]))
		if err != nil {
			return nil, nil, err
		}
		v, err := it.Value()
		if err != nil {
			return nil, nil, err
		}
		var d damage
		if err := codec.Decode(v, &d); err != nil {
			return nil, nil, err
		}
		ids, found = append(ids, id), append(found, d)
	}
	return ids, found, it.Err()
}

// lost says what the damaged extents belong to. What nothing uses any more is
// forgotten.
func (n *Node) lost(ctx context.Context) ([]api.Damage, error) {
	out := []api.Damage{}
	ids, found, err := n.damage.all()
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		users, err := n.objects.UsersOf(ctx, id)
		if err == nil && len(users) == 0 {
			err = n.damage.clear(id)
		}
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			out = append(out, api.Damage{Bucket: u.Bucket, Key: u.Key, Version: u.Version, Extent: id.String(), Reason: found[i].Reason})
		}
	}
	return out, nil
}
