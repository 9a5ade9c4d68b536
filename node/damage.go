package node

import (
	"context"
	"slices"
	"strings"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
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

// rowFaults is what the last check of the row store found, until another one finds less:
//
//	'n' 'v'  rowFaults
type rowFaults struct {
	// Files are names of damaged files of the row store.
	Files []string `cbor:"1,keyasint,omitempty"`
	// Bad is the number of rows that cannot be read, Named keys of the first of them.
	Bad   int64    `cbor:"2,keyasint,omitempty"`
	Named [][]byte `cbor:"3,keyasint,omitempty"`
	// Stopped says why not all rows could be looked at.
	Stopped string `cbor:"4,keyasint,omitempty"`
}

var faultsKey = []byte("nv")

func (f *rowFaults) none() bool { return len(f.Files) == 0 && f.Bad == 0 && f.Stopped == "" }

// noteRows remembers what is wrong with the row store.
func (l ledger) noteRows(f *rowFaults) error {
	if f.none() {
		return l.rows.Delete(faultsKey)
	}
	return l.rows.Set(faultsKey, codec.Encode(f))
}

// rowFaults returns what is remembered of the row store.
func (l ledger) rowFaults() (f rowFaults, err error) {
	raw, found, err := l.rows.Find(faultsKey)
	if err == nil && found {
		err = codec.Decode(raw, &f)
	}
	return f, err
}

// lostRows says what of the row store is damaged, and what that belongs to.
func (n *Node) lostRows(ctx context.Context) (out []api.Damage, err error) {
	f, err := n.damage.rowFaults()
	if err != nil {
		return nil, err
	}
	met := n.rowDamage.Load()
	switch {
	case f.Stopped != "":
		out = append(out, api.Damage{Err: errs.New(errs.Corrupt, f.Stopped)})
	case f.Bad > 0:
		out = append(out, api.Damage{Err: errs.Newf(errs.Corrupt, "%d rows cannot be read; make the rows anew with rhizome repair rebuild", f.Bad)})
	case len(f.Files) > 0:
		out = append(out, api.Damage{Err: errs.Newf(errs.Corrupt, "the row store's file %s is damaged; make the rows anew with rhizome repair rebuild", strings.Join(f.Files, ", "))})
	case met != nil:
		out = append(out, api.Damage{Err: *met})
	}
	for _, key := range f.Named {
		row, err := register.DecodeKey(key)
		if err != nil {
			continue
		}
		named := n.objects.Name(ctx, row)
		d := api.Damage{Bucket: named.Bucket, Key: named.Key, Reason: reasonRow}
		if d.Key != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out, nil
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
