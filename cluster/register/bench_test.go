package register

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// onDisk returns a store of one node on the machine's own disk.
func onDisk(b *testing.B) *Coordinator {
	store, err := kv.Open(vfs.Default, b.TempDir(), kv.Options{})
	check(b, err)
	rep, err := OpenReplica(store, nodeID(0), ReplicaOptions{})
	check(b, err)
	l := layout.Single([16]byte{1}, layout.Node{ID: nodeID(0), Capacity: 1})
	c := NewCoordinator(Config{Node: nodeID(0), Local: rep, Clock: clock.System{}, Layout: func() *layout.Layout { return l }})
	b.Cleanup(func() {
		c.Close()
		check(b, store.Close())
	})
	return c
}

func kib() *Value {
	return &Value{Data: make([]byte, 300), Blob: make([]byte, 1024), Count: 1, Bytes: 1024}
}

func benchRow(i int64) Row {
	key := fmt.Sprintf("photos/2026/%09d.jpg", i)
	return Row{Table: 1, Part: "bucket" + string([]byte{Shard(key, 16)}), Sort: key}
}

// BenchmarkUpdate16 writes fresh rows of 1 KiB from 16 sides, durably.
func BenchmarkUpdate16(b *testing.B) {
	c, ctx, v := onDisk(b), context.Background(), kib()
	var n atomic.Int64
	b.SetParallelism(8) // for two processors
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, err := c.Update(ctx, benchRow(n.Add(1)), Change{Apply: func(*Value) (*Value, error) { return v, nil }})
			check(b, err)
		}
	})
}

func BenchmarkUpdate1(b *testing.B) {
	c, ctx, v := onDisk(b), context.Background(), kib()
	b.ReportAllocs()
	for i := range b.N {
		_, err := c.Update(ctx, benchRow(int64(i)), Change{Apply: func(*Value) (*Value, error) { return v, nil }})
		check(b, err)
	}
}

// filled is a store of n rows.
func filled(b *testing.B, n int64) *Coordinator {
	c, v := onDisk(b), kib()
	load(b, c, n, v)
	check(b, c.cfg.Local.kv.Flush())
	b.ResetTimer()
	b.ReportAllocs()
	return c
}

// load writes rows without waiting for the disk after each.
func load(b *testing.B, c *Coordinator, n int64, v *Value) {
	r := c.cfg.Local
	for i := int64(0); i < n; {
		batch := r.kv.NewBatch()
		for end := min(n, i+1000); i < end; i++ {
			p := c.update(benchRow(i), Change{}).p
			p.Create(c.NewBallot(), v)
			cell := core.Cell{Record: p.Next()}
			writeRow(batch, rowKey(headKey, benchRow(i)), 0, false, &cell)
		}
		check(b, batch.CommitLazily())
	}
}

func BenchmarkRead(b *testing.B) {
	const rows = 100_000
	c, ctx := filled(b, rows), context.Background()
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			v, _, err := c.Read(ctx, benchRow(n.Add(7919)%rows))
			check(b, err)
			if v == nil {
				b.Fatal("a row is missing")
			}
		}
	})
}

// BenchmarkScan lists pages of 1,000 rows, at the beginning and at the end.
func BenchmarkScan(b *testing.B) {
	const rows = 200_000
	for _, at := range []struct {
		name  string
		after int64
	}{{"first", 0}, {"middle", rows / 2}, {"last", rows - 1001}} {
		b.Run(at.name, func(b *testing.B) {
			c, ctx := filled(b, rows), context.Background()
			for b.Loop() {
				p, err := c.Scan(ctx, Scan{Table: 1, Parts: Shards("bucket", 16), Prefix: "photos/", After: benchRow(at.after).Sort, Limit: 1000})
				check(b, err)
				if len(p.Entries) != 1000 {
					b.Fatalf("%d entries", len(p.Entries))
				}
			}
		})
	}
}

// BenchmarkScanGroups rolls 200 rows per group up.
func BenchmarkScanGroups(b *testing.B) {
	c, ctx, v := onDisk(b), context.Background(), kib()
	r := c.cfg.Local
	for g := range 1000 {
		batch := r.kv.NewBatch()
		for i := range 200 {
			key := fmt.Sprintf("dir%04d/%05d", g, i)
			row := Row{1, "bucket" + string([]byte{Shard(key, 16)}), key}
			p := c.update(row, Change{}).p
			p.Create(c.NewBallot(), v)
			cell := core.Cell{Record: p.Next()}
			writeRow(batch, rowKey(headKey, row), 0, false, &cell)
		}
		check(b, batch.CommitLazily())
	}
	check(b, r.kv.Flush())
	b.ReportAllocs()
	for b.Loop() {
		p, err := c.Scan(ctx, Scan{Table: 1, Parts: Shards("bucket", 16), Delimiter: "/", Limit: 100})
		check(b, err)
		if len(p.Entries) != 100 {
			b.Fatalf("%d entries", len(p.Entries))
		}
	}
}
