package register

import (
	"encoding/binary"
	"fmt"
	"testing"

	"rhizome/base/vfs"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// TestUpgrade opens a store as the first release left it: it served one layout, and
// kept no digests.
func TestUpgrade(t *testing.T) {
	fs := vfs.NewCrashable()
	store, err := kv.Open(fs, "rows", kv.Options{})
	check(t, err)
	defer func() { check(t, store.Close()) }()
	r, err := OpenReplica(store, nodeID(0), ReplicaOptions{})
	check(t, err)
	ctx := ctxFor(t)
	for i := range 20 {
		b := Ballot{Round: uint64(i + 1)}
		_, err := r.Accept(ctx, 1, Row{1, fmt.Sprint(i), "x"}, someRecordAt(b))
		check(t, err)
	}
	old := store.NewBatch()
	old.DeleteRange([]byte("ft"), []byte("fu"))
	old.DeleteRange([]byte{digestKind}, []byte{digestKind + 1})
	old.Delete(digestsKept)
	old.Set(versionKey, binary.BigEndian.AppendUint64(nil, 4))
	check(t, old.Commit())
	w := &home{town: &town{t: t}, known: 1}
	w.town.chain = append(w.town.chain, w.town.layoutOf(1, 1, nil))
	for range 2 {
		r, err = OpenReplica(store, nodeID(0), ReplicaOptions{Plans: w})
		check(t, err)
		if p := r.Progress(); p.Served != groups || p.Imported != groups {
			t.Fatalf("%+v", p)
		}
		agree(t, r)
	}
}

func someRecordAt(b Ballot) (rec core.Record) {
	rec = someRecord()
	rec.Ballot, rec.Recent = b, []Ballot{b}
	return rec
}
