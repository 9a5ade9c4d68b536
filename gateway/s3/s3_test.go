package s3_test

import (
	"testing"

	"rhizome/base/clock"
	"rhizome/gateway/s3/s3test"
	"rhizome/model/object/memobject"
)

func TestInMemory(t *testing.T) {
	s3test.Run(t, func(*testing.T) s3test.Service { return memobject.New(clock.System{}) })
}
