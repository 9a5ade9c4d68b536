package s3_test

import (
	"testing"

	"rhizome/base/clock"
	"rhizome/base/vfs"
	"rhizome/gateway/s3/s3test"
	"rhizome/model/object/memobject"
	"rhizome/model/object/objecttest"
)

func TestInMemory(t *testing.T) {
	s3test.Run(t, func(*testing.T) s3test.Service { return memobject.New(clock.System{}) })
}

func TestStore(t *testing.T) {
	s3test.Run(t, func(t *testing.T) s3test.Service {
		h := objecttest.Open(t, vfs.NewCrashable(), objecttest.NewIdentity())
		t.Cleanup(func() { h.Close(t) })
		return h.Objects
	})
}
