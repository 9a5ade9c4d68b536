package object_test

import (
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

// onDisk opens a home on the machine's disk.
func onDisk(b *testing.B) *fixture {
	dir := b.TempDir()
	fs := under{vfs.Default, dir}
	f := &fixture{Home: objecttest.Open(b, fs, objecttest.NewIdentity()), t: b, ctx: b.Context()}
	b.Cleanup(func() { f.Close(b) })
	var err error
	if f.key, err = f.Accounts.CreateKey(f.ctx, "bench", ident.ID{}, true); err != nil {
		b.Fatal(err)
	}
	f.b = f.bucket("bench")
	return f
}

func benchmarkPut(b *testing.B, size int) {
	f := onDisk(b)
	p := random(size)
	var n atomic.Int64
	b.SetBytes(int64(size))
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: fmt.Sprint("k", n.Add(1)), Body: body(p)}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkPut1K(b *testing.B)  { benchmarkPut(b, 1<<10) }
func BenchmarkPut64K(b *testing.B) { benchmarkPut(b, 64<<10) }
func BenchmarkPut1M(b *testing.B)  { benchmarkPut(b, 1<<20) }
func BenchmarkPut64M(b *testing.B) { benchmarkPut(b, 64<<20) }

func benchmarkGet(b *testing.B, size int) {
	f := onDisk(b)
	for i := range 16 {
		f.put(fmt.Sprint("k", i), random(size))
	}
	var n atomic.Int64
	b.SetBytes(int64(size))
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			o, err := f.Objects.Get(f.ctx, f.b, object.Get{Key: fmt.Sprint("k", n.Add(1)%16)})
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, o.Body); err != nil {
				b.Error(err)
			}
			o.Body.Close()
		}
	})
}

func BenchmarkGet1K(b *testing.B)  { benchmarkGet(b, 1<<10) }
func BenchmarkGet64K(b *testing.B) { benchmarkGet(b, 64<<10) }
func BenchmarkGet1M(b *testing.B)  { benchmarkGet(b, 1<<20) }

func BenchmarkList(b *testing.B) {
	f := onDisk(b)
	for i := range 20000 {
		f.put(fmt.Sprintf("k%06d", i), []byte("x"))
	}
	b.ResetTimer()
	for range b.N {
		if _, err := f.Objects.List(f.ctx, f.b, object.List{After: "k010000", Limit: 1000}); err != nil {
			b.Fatal(err)
		}
	}
}
