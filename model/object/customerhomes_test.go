package object_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"testing"

	"rhizome/base/ident"
	"rhizome/disk/extentstore"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

// TestCustomerHomes: every home serves what is under a client's key, to who has the key, also
// where the bytes are gone from its own disk: nobody needs the key to keep and move them.
func TestCustomerHomes(t *testing.T) {
	homes := objecttest.OpenHomes(t, 3, 1, 0)
	k, err := homes.All[0].Accounts.ImportKey(t.Context(), account.Key{ID: "owner", Secret: "a-secret-of-one", CreateBuckets: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := homes.All[0].Objects.CreateBucket(t.Context(), "family", k, false)
	if err != nil {
		t.Fatal(err)
	}
	want := random(2_500_000)
	in := body(want)
	in.Customer = customerKey('k')
	if _, err := homes.All[3].Objects.Put(t.Context(), b, object.Put{Key: "k", Body: in}); err != nil {
		t.Fatal(err)
	}
	get := func(h *objecttest.Home, g object.Get) ([]byte, error) {
		at, err := h.Objects.Bucket(t.Context(), "family", nil)
		if err != nil {
			return nil, err
		}
		o, err := h.Objects.Get(t.Context(), at, g)
		if err != nil {
			return nil, err
		}
		defer o.Body.Close()
		return io.ReadAll(o.Body)
	}
	everywhere := func() {
		t.Helper()
		for i, h := range homes.All {
			if got, err := get(h, object.Get{Key: "k", Customer: customerKey('k')}); err != nil || !bytes.Equal(got, want) {
				t.Errorf("home %d gives %d bytes, %v", i, len(got), err)
			}
			if _, err := get(h, object.Get{Key: "k", Customer: customerKey('l')}); !errors.Is(err, object.ErrKeyWrong) {
				t.Errorf("home %d with another key: %v", i, err)
			}
			if _, err := get(h, object.Get{Key: "k"}); !errors.Is(err, object.ErrKeyNeeded) {
				t.Errorf("home %d without the key: %v", i, err)
			}
		}
	}
	everywhere()
	var ids []ident.ID
	if err := homes.All[0].Disks.Each(t.Context(), func(i extentstore.Info) error { ids = append(ids, i.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(ids) == 0 {
		t.Fatal("the first home keeps no bytes")
	}
	for _, id := range ids {
		if err := homes.All[0].Disks.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	everywhere()
	h := homes.All[0]
	run, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Objects.Mend(run) }()
	for _, id := range ids {
		for { // each look that fails has waited for the disk; the test's own time ends what never comes
			if damaged, err := h.Disks.Verify(run, id); err == nil && len(damaged) == 0 {
				break
			}
			h.Extents.Miss(id)
			runtime.Gosched()
		}
	}
	stop()
	<-ended
	everywhere()
}
