package s3_test

import (
	"testing"

	"rhizome/base/clock"
	"rhizome/base/vfs"
	"rhizome/gateway/s3/s3test"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/memobject"
	"rhizome/model/object/objecttest"
)

func TestInMemory(t *testing.T) {
	s3test.Run(t, func(_ *testing.T, c clock.Clock) s3test.Service { return memobject.New(c) })
}

// homes is the object service of one of several nodes.
type homes struct {
	*object.Store
	keys *account.Store
}

func (h homes) Keys() *account.Store { return h.keys }

// TestHomes: what a client sees does not tell one home from three, neither through one
// of them nor through a gateway.
func TestHomes(t *testing.T) {
	for at, name := range map[int]string{0: "replica", 3: "gateway"} {
		t.Run(name, func(t *testing.T) {
			s3test.Run(t, func(t *testing.T, c clock.Clock) s3test.Service {
				h := objecttest.OpenHomes(t, 3, 1, 0, c).All[at]
				return homes{h.Objects, h.Accounts}
			})
		})
	}
}

func TestStore(t *testing.T) {
	s3test.Run(t, func(t *testing.T, c clock.Clock) s3test.Service {
		h := objecttest.Open(t, vfs.NewCrashable(), objecttest.NewIdentity(), c)
		t.Cleanup(func() { h.Close(t) })
		return h.Objects
	})
}
