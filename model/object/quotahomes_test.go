package object_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

// TestQuotaOvershoot: however many write at once and wherever, no more gets past a quota
// of bytes or of objects than the uploads that are under way at a time.
func TestQuotaOvershoot(t *testing.T) {
	const size, fits, writers = 20_000, 30, 4 // a size that has extents, and writers at each home
	for name, q := range map[string]object.Quota{"bytes": {Bytes: fits * size}, "objects": {Objects: fits}} {
		t.Run(name, func(t *testing.T) {
			homes := objecttest.OpenHomes(t, 3, 0, time.Millisecond)
			k, err := homes.All[0].Accounts.ImportKey(t.Context(), account.Key{ID: "owner", Secret: "a-secret-of-one", CreateBuckets: true})
			if err != nil {
				t.Fatal(err)
			}
			b, err := homes.All[0].Objects.CreateBucket(t.Context(), "family", k, false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := homes.All[1].Objects.ChangeQuota(t.Context(), b.ID, func(object.Quota) object.Quota { return q }); err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for at, h := range homes.All {
				for w := range writers {
					all.Go(func() { fillUp(t, h.Objects, fmt.Sprintf("%d-%d-", at, w), size) })
				}
			}
			all.Wait()
			u, err := homes.All[2].Objects.Usage(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if most := int64(fits + len(homes.All)*writers); u.Objects < fits || u.Objects > most || u.Bytes != u.Objects*size {
				t.Errorf("%+v, want %d objects to %d", u, fits, most)
			}
		})
	}
}

// fillUp puts objects until there is no room.
func fillUp(t *testing.T, s *object.Store, prefix string, size int) {
	for i := 0; ; i++ {
		b, err := s.Bucket(t.Context(), "family", nil)
		if err == nil {
			_, err = s.Put(t.Context(), b, object.Put{Key: fmt.Sprint(prefix, i), Body: body(random(size))})
		}
		if errors.Is(err, object.ErrQuota) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}
